"""Recipes: each says what it claims and how to repeat it; the cheap ones are repeated here from one seed."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
FILES = sorted(path for path in RECIPES.glob("*.py") if not path.name.startswith("_"))


@pytest.fixture
def recipe(monkeypatch):
    """Imports a recipe as `python recipes/<name>.py` would, beside what the recipes share."""
    monkeypatch.setattr(sys, "path", [str(RECIPES), *sys.path])
    return importlib.import_module


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recipe_says_its_data_hardware_seeds_figure_and_command(path):
    said = docstring(path)
    missing = [
        word for word in ("Data", "Hardware", "Seeds", "Figure", "Command") if not re.search(rf"^{word}: \S", said, re.M)
    ]
    assert not missing, f"{path.name} does not say: {', '.join(missing)}"
    assert f"python recipes/{path.name}" in said
    figure = re.search(r"^Figure: (.*?)(?:\n\S|\Z)", said, re.M | re.S)
    assert figure is not None
    assert re.search(r"\d", figure[1]), f"{path.name} states no figure"


def test_there_are_recipes():
    assert len(FILES) >= 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recipe_that_reads_real_data_says_so_in_its_command(path):
    shipped = {"digits", "xor"}
    source = re.search(r'"source": "([a-z0-9-]+)"', path.read_text(encoding="utf-8"))
    assert source, f"{path.name} names no source"
    assert (source[1] in shipped) != ("THALWEG_DATA=" in docstring(path))


@pytest.mark.slow
def test_digits_without_options_reach_985_from_one_seed(recipe):
    digits = recipe("digits")
    assert digits.report(digits.SETTINGS, None, arguments=["--seeds", "1", "--threads", "1"])["test"][0] >= 0.985


@pytest.mark.slow
def test_a_thousand_of_a_thousand_nets_solve_exclusive_or(recipe):
    xor, shared = recipe("xor"), recipe("_measured")
    (run,) = shared.trained({**xor.SETTINGS, "threads": 1}, [100])
    assert xor.solved(run) == xor.MEMBERS


@pytest.mark.slow
def test_lenet_reaches_97_in_one_epoch_of_mnist(recipe, shared_data):
    lenet = recipe("mnist_lenet")
    short = {**lenet.SETTINGS, "rule": {**lenet.SETTINGS["rule"], "epochs": 1}}
    found = lenet.report(short, None, arguments=["--seeds", "1", "--part", "validation", "--threads", "1"])
    assert found["validation"][0] >= 0.97
