import pytest

from tests.cli.running import QUICK, Line


@pytest.fixture
def line(capsys, tmp_path, monkeypatch):
    """Runs command lines in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Line(capsys)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """A run on iris that ended."""
    from thalweg.cli import main

    path = tmp_path_factory.mktemp("runs") / "iris"
    assert main(["train", "iris", "--out", str(path), *QUICK]) == 0
    return path
