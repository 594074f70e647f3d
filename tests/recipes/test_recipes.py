"""Recipes: each says what it claims and how to repeat it; the cheap ones are repeated here from one seed."""

import ast
import importlib
import re
import sys
from pathlib import Path

import numpy as np
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
    own = source is not None and source[1] in shipped
    assert own != ("THALWEG_DATA=" in docstring(path)), f"{path.name} names {source[1] if source else 'no source'}"


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


def test_the_series_recipe_ranks_four_methods_on_the_same_rows(recipe, tmp_path, capsys):
    generator = np.random.default_rng(0)
    code, time = np.arange(120) % 2, np.arange(24)
    x = np.sin((1 + code[:, None]) * time / 4 + generator.random((120, 1))) + 0.1 * generator.normal(size=(120, 24))
    np.savez(tmp_path / "Waves.npz", X_train=x[:80], y_train=code[:80], X_test=x[80:], y_test=code[80:])
    ranks = recipe("ucr").ranked("Waves", tmp_path, seeds=1, part="test")
    assert ranks.tolist() == [2.5] * 4
    assert capsys.readouterr().out.count("1.0000") == 4
