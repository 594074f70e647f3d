"""Libraries are loaded whole, whatever comes meanwhile."""

import json
import subprocess
import sys

import pytest

READING = """
import importlib.abc, json, os, signal, sys, time
from thalweg.core.errors import Stopped
from thalweg.core.interrupts import hearing
from thalweg.data.read import read

module, path = sys.argv[1:]
assert module not in sys.modules

class Signalling(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)

def stop(number):
    raise Stopped(number)

sys.meta_path.insert(0, Signalling())
came = 0
try:
    with hearing(stop):
        read(path)
except Stopped as error:
    came = error.number
print(json.dumps([came, module in sys.modules, list(map(str, read(path).columns["word"][:3]))]))
"""


@pytest.mark.parametrize("module", ["pyarrow._compute", "pandas.core.frame"])
def test_cli_19_a_signal_while_a_library_is_imported_comes_once_it_is_whole(tmp_path, module):
    pytest.importorskip(module.partition(".")[0], reason="pandas is there for whoever has it")
    table = tmp_path / "table.csv"
    table.write_text("word,size\n" + "".join(f"{word},{size}\n" for size, word in enumerate(("one", "two", "three") * 20)))
    ran = subprocess.run([sys.executable, "-c", READING, module, str(table)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [15, True, ["one", "two", "three"]]
