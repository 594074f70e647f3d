"""A room imports only rooms below it, no room is unplaced, and the code is what the linters accept."""

import subprocess
import sys
import tomllib
from pathlib import Path

from tests.architecture.sources import PACKAGE, ROOT

TOOLS = Path(sys.executable).parent
ORDER = [
    "__main__", "cli", "contracts", "api", "verbs", "web | report", "tuning | serving | compression | export", "audit",
    "checks | explanation", "evaluation", "training", "packages", "engine", "rules", "tasks | models",
    "data | optimizers | doctor", "layers | losses | metrics", "fields", "core",
]  # fmt: skip


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(TOOLS / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)


def contract() -> dict:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (only,) = settings["tool"]["importlinter"]["contracts"]
    return only


def test_every_import_points_downwards():
    result = run("lint-imports", "--no-cache")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_arrows_are_the_ones_that_the_design_draws_and_cover_every_room():
    layers = [layer.replace("(", "").replace(")", "") for layer in contract()["layers"]]
    assert (contract()["type"], contract()["containers"], contract()["exhaustive"]) == ("layers", ["thalweg"], True)
    assert layers == ORDER


def test_only_the_verbs_and_estimators_of_the_package_itself_are_excused_from_the_arrows():
    assert contract()["ignore_imports"] == ["thalweg -> thalweg.training.estimators", "thalweg -> thalweg.api"]


def test_every_room_is_a_package_with_a_docstring():
    rooms = {path for path in PACKAGE.rglob("*") if path.is_dir() and any(path.glob("*.py"))}
    assert [str(room.relative_to(ROOT)) for room in sorted(rooms) if not (room / "__init__.py").is_file()] == []


def test_ruff_finds_nothing():
    result = run("ruff", "check", "--no-cache", "--output-format", "concise", ".")
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_file_is_formatted():
    result = run("ruff", "format", "--no-cache", "--check", ".")
    assert result.returncode == 0, result.stdout + result.stderr


def test_complexity_above_ten_is_refused(tmp_path):
    branches = "\n".join(f"    if n == {i}:\n        return {i}" for i in range(11))
    (tmp_path / "branching.py").write_text(
        f'"""Planted."""\n\n\ndef f(n: int) -> int:\n    """Planted."""\n{branches}\n    return n\n'
    )
    result = run("ruff", "check", "--no-cache", "--config", str(ROOT / "pyproject.toml"), str(tmp_path))
    assert "C901" in result.stdout
