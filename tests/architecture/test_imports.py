"""What costs seconds is imported when it is needed, and listing parts imports none of them."""

import json
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT

HEAVY = {"torch", "sklearn", "scipy", "pyarrow", "matplotlib", "pandas"}


def modules_after(code: str) -> set[str]:
    """The names of all modules that a fresh interpreter holds after running some code."""
    program = f"import json, sys\n{code}\nsys.stderr.write('\\n' + json.dumps(list(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stderr.splitlines()[-1]))


RUN = """
from thalweg.cli import main
sys.argv = ["thalweg", *{arguments}]
try:
    main()
except SystemExit as leave:
    assert not leave.code, leave.code
"""


def test_importing_thalweg_imports_nothing_heavy():
    assert modules_after("import thalweg") & HEAVY == set()


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["list", "models"]], ids=" ".join)
def test_help_and_lists_import_nothing_heavy(arguments):
    assert modules_after(RUN.format(arguments=arguments)) & HEAVY == set()


def test_listing_names_imports_no_part():
    code = "from thalweg.core import registry\nbefore = set(sys.modules)\n"
    code += "assert all([registry.names(sort) is not None for sort in registry.ROOMS]) and registry.names('model')\n"
    code += "ours = {name for name in set(sys.modules) - before if name.startswith('thalweg')}\nassert not ours, ours"
    assert modules_after(code) & HEAVY == set()


def test_a_heavy_import_is_seen():
    assert "scipy" in modules_after("import scipy") & HEAVY
