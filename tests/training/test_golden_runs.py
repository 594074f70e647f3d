"""Runs that earlier releases began go on and come to the same; what later ones wrote is refused with the release needed."""

import json
import shutil

import pytest
import yaml

import thalweg as tw
from tests.golden.make import HERE, came_to
from tests.refusing import expect_refusal
from tests.reliability.mutations import sealed_again
from thalweg.core.manifest import read_manifest
from thalweg.core.run_folder import RUN_VERSION

VERSIONS = range(1, RUN_VERSION + 1)
CLOSE = 1e-5


@pytest.fixture
def unfinished(tmp_path):
    """A copy of the newest run that is kept."""
    return shutil.copytree(HERE / f"run_{RUN_VERSION}", tmp_path / "run")


def checkpoint_of(run):
    return next((run / "checkpoints").iterdir())


def assert_same(found, wanted):
    """Two runs came to the same, to 1e-5."""
    assert found["metric"] == pytest.approx(wanted["metric"], abs=CLOSE)
    assert len(found["metrics"]) == len(wanted["metrics"])
    for ours, theirs in zip(found["metrics"], wanted["metrics"], strict=True):
        assert ours == pytest.approx(theirs, abs=CLOSE)


def test_a_run_of_every_version_is_kept():
    assert sorted(path.name for path in HERE.glob("run_*") if path.is_dir()) == [f"run_{number}" for number in VERSIONS]


@pytest.mark.parametrize("version", VERSIONS)
def test_run_16_a_run_that_an_earlier_release_began_goes_on_and_comes_to_the_same(tmp_path, version):
    copy = shutil.copytree(HERE / f"run_{version}", tmp_path / "run")
    assert tw.train("iris", out=copy, resume=True).fitted.steps == 12
    assert_same(came_to(copy), json.loads((HERE / f"run_{version}.json").read_text()))


@pytest.mark.parametrize("version", VERSIONS)
def test_cfg_11_settings_of_every_version_train_the_same_run(tmp_path, version):
    tw.train("iris", settings=HERE / f"run_{version}" / "settings.yaml", out=tmp_path / "again")
    assert_same(came_to(tmp_path / "again"), json.loads((HERE / f"run_{version}.json").read_text()))


def test_run_16_a_run_that_another_release_of_the_same_format_began_goes_on(unfinished):
    checkpoint = checkpoint_of(unfinished)
    sealed_again(checkpoint, {}, written_by="0.0.9")
    assert tw.train("iris", out=unfinished, resume=True).fitted.steps == 12


def test_run_16_settings_that_mean_something_else_now_name_the_release_that_began(unfinished):
    checkpoint = checkpoint_of(unfinished)
    stamp = read_manifest(checkpoint).stamp | {"settings": "0" * 64}
    sealed_again(checkpoint, {}, stamp=stamp, written_by="0.0.9")
    with expect_refusal("RESUME_CHANGED", exit_code=2) as caught:
        tw.train("iris", out=unfinished, resume=True)
    assert "install thalweg 0.0.9" in caught.value.fix


def test_pkg_18_a_checkpoint_of_a_newer_version_is_refused_and_not_passed_over(unfinished):
    older = shutil.copytree(checkpoint_of(unfinished), unfinished / "checkpoints" / "3")
    stamp = read_manifest(older).stamp
    sealed_again(older, {}, stamp=stamp | {"step": 3, "position": stamp["position"] | {"step": 3}})
    sealed_again(unfinished / "checkpoints" / "6", {}, version=2, written_by="9.1.0")
    with expect_refusal("PACKAGE_TOO_NEW", exit_code=4) as caught:
        tw.train("iris", out=unfinished, resume=True)
    assert "checkpoints/6" in caught.value.where
    assert "install thalweg 9.1.0 or newer" in caught.value.fix


def test_pkg_18_a_run_folder_of_a_newer_version_is_refused_by_every_verb(unfinished):
    marker = json.loads((unfinished / "run.json").read_text())
    (unfinished / "run.json").write_text(json.dumps(marker | {"version": RUN_VERSION + 1, "written_by": "9.1.0"}))
    before = sorted(path.name for path in unfinished.iterdir())
    for verb in (
        lambda: tw.load(unfinished),
        lambda: tw.doctor(unfinished),
        lambda: tw.train("iris", out=unfinished, resume=True),
        lambda: tw.train("iris", out=unfinished, force=True),
    ):
        with expect_refusal("PACKAGE_TOO_NEW", exit_code=4) as caught:
            verb()
        assert "install thalweg 9.1.0 or newer" in caught.value.fix
    assert sorted(path.name for path in unfinished.iterdir()) == before


def test_run_16_a_plan_of_a_newer_version_is_refused(unfinished):
    plan = {"version": 2, "written_by": "9.1.0", "lengths": [], "found": {}, "seconds": None}
    (unfinished / "plan.json").write_text(json.dumps(plan))
    with expect_refusal("PACKAGE_TOO_NEW", exit_code=4) as caught:
        tw.train("iris", out=unfinished, resume=True)
    assert caught.value.where.endswith("plan.json")


def test_cfg_10_a_run_whose_settings_are_of_a_newer_version_is_refused(unfinished):
    written = yaml.safe_load((unfinished / "settings.yaml").read_text())
    (unfinished / "settings.yaml").write_text(yaml.safe_dump(written | {"version": 2}))
    with expect_refusal("SETTINGS_TOO_NEW", exit_code=2):
        tw.train("iris", out=unfinished, resume=True)
