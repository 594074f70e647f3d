"""Packages of every version that was ever written still load and answer as they did when they were written."""

import json
from pathlib import Path

import numpy as np
import pytest

from thalweg.packages.package import VERSION, load_package

GOLDEN = Path(__file__).parent.parent / "golden"


def test_pkg_18_a_package_of_every_version_is_kept():
    assert [path.name for path in sorted(GOLDEN.glob("package_*")) if path.is_dir()] == [
        f"package_{version}" for version in range(1, VERSION + 1)
    ]


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_pkg_18_a_package_of_every_version_answers_as_it_did(version):
    answers = json.loads((GOLDEN / f"package_{version}.json").read_text())
    columns = {
        name: column if isinstance(column[0], str) else np.asarray(column) for name, column in answers["columns"].items()
    }
    said = load_package(GOLDEN / f"package_{version}").predict(columns | {"sketch": columns["sketch"].astype(np.uint8)})
    assert said["kind"].tolist() == answers["kind"]
    np.testing.assert_allclose(said["probabilities"], answers["probabilities"], atol=1e-6)
