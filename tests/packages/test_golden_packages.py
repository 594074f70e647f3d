"""Packages of every version that was ever written still load and answer as they did when they were written."""

import json

import numpy as np
import pytest

from tests.golden.make import HERE, Mine, as_column
from thalweg.packages.package import VERSION, load_package

VERSIONS = range(1, VERSION + 1)


def kept(name):
    """A package's folder, and what it answered."""
    return HERE / name, json.loads((HERE / f"{name}.json").read_text())


@pytest.mark.parametrize("form", ["package", "external", "baseline"])
def test_pkg_18_a_package_of_every_version_and_form_is_kept(form):
    assert sorted(path.name for path in HERE.glob(f"{form}_*") if path.is_dir()) == [f"{form}_{number}" for number in VERSIONS]


@pytest.mark.parametrize("version", VERSIONS)
def test_pkg_18_a_package_of_every_version_answers_as_it_did(version):
    path, answers = kept(f"package_{version}")
    columns = {name: as_column(column) for name, column in answers["columns"].items()}
    said = load_package(path).predict(columns | {"sketch": columns["sketch"].astype(np.uint8)})
    assert said["kind"].tolist() == answers["kind"]
    np.testing.assert_allclose(said["probabilities"], answers["probabilities"], atol=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
def test_pkg_18_a_package_of_an_own_model_answers_as_it_did_when_the_model_is_given_again(version):
    path, answers = kept(f"external_{version}")
    said = load_package(path, model=Mine()).predict({name: np.asarray(one) for name, one in answers["columns"].items()})
    assert said["kind"].tolist() == answers["kind"]
    np.testing.assert_allclose(said["probabilities"], answers["probabilities"], atol=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
def test_pkg_18_a_baseline_of_every_version_answers_as_it_did(version):
    path, answers = kept(f"baseline_{version}")
    said = load_package(path).predict({name: as_column(one) for name, one in answers["columns"].items()})
    assert said["target"].tolist() == answers["target"]
    np.testing.assert_allclose(said["probabilities"], answers["probabilities"], atol=1e-6)
