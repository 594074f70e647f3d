"""Start-up: what is loaded before it is needed, and generous bounds on the seconds that users wait."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import thalweg as tw

HEAVY = {"numpy", "torch", "sklearn", "pandas", "pyarrow", "scipy", "PIL", "pydantic", "yaml"}
BEFORE_THE_FIRST_EPOCH = {"torch._dynamo", "sklearn", "pandas", "scipy.stats", "matplotlib"}
"""What a training of pictures by Adam needs nothing of until it is evaluated."""
SPY = """
import json, sys
from thalweg.cli import main
import thalweg.training.fit as fit

def reached(*given, **named):
    print(json.dumps(sorted(sys.modules)))
    raise SystemExit(0)

fit.learn = reached
main(["train", "digits", "--out", sys.argv[1]])
"""


def seconds(*command):
    begun = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - begun


def loaded(program, *given):
    ran = subprocess.run([sys.executable, "-c", program, *given], check=True, capture_output=True, text=True)
    return ran.stdout


@pytest.mark.parametrize("program", ["import thalweg", "from thalweg.cli import main; main(['--help'])"])
def test_neither_the_import_nor_the_help_loads_anything_heavy(program):
    said = loaded(f"{program}\nimport sys; print('\\n' + ' '.join(sys.modules))")
    assert not HEAVY & set(said.splitlines()[-1].split())


@pytest.mark.slow
def test_nothing_is_loaded_before_the_first_step_that_it_does_not_need(tmp_path):
    modules = set(json.loads(loaded(SPY, str(tmp_path / "run")).splitlines()[-1]))
    assert "torch" in modules
    assert not BEFORE_THE_FIRST_EPOCH & modules


ARRAYS = """
import json, sys
import numpy as np
import thalweg as tw
draw = np.random.default_rng(0)
data = {"x": draw.normal(size=(300, 4)), "kind": draw.choice(["a", "b"], 300)}
how = json.loads(sys.argv[2])
tw.train(data, epochs=1, check=False, compare=False, out=sys.argv[1], settings={"data": {"fields": {"x": "vector"}}}, **how)
print(json.dumps(sorted(sys.modules)))
"""
NOT_BY_ARRAYS = {"sympy", "sklearn", "pandas", "narwhals", "scipy.optimize", "scipy.sparse", "torch._dynamo", "pyarrow.compute"}


@pytest.mark.slow
@pytest.mark.parametrize("how", [{"model": "mlp", "target": "kind"}, {"model": "map"}])
def test_a_run_on_arrays_loads_nothing_that_it_does_not_need(tmp_path, how):
    modules = set(json.loads(loaded(ARRAYS, str(tmp_path / "run"), json.dumps(how)).splitlines()[-1]))
    assert not NOT_BY_ARRAYS & modules


LOADED = """
import gc, sys
seen = []
gc.callbacks.append(lambda phase, info: seen.append(info["generation"]) if phase == "start" else None)
import thalweg as tw
tw.load
print(sys.modules["torch"].__name__, gc.isenabled(), 2 in seen, gc.get_freeze_count() > 100_000)
"""


def test_what_torch_is_made_of_is_not_searched_for_garbage():
    assert loaded(LOADED).split() == ["torch", "True", "False", "True"]


@pytest.mark.reliability
def test_users_do_not_wait_long(tmp_path):
    """Three times the bounds that are promised for a quiet machine of two cores (benchmarks/start_up.py measures these)."""
    assert min(seconds("-c", "import thalweg") for _ in range(3)) < 0.3
    assert min(seconds("-m", "thalweg", "--help") for _ in range(3)) < 0.9
    begun = time.perf_counter()
    run = subprocess.Popen(
        [sys.executable, "-m", "thalweg", "train", "digits", "--no-compare", "--out", tmp_path / "run"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    metrics = tmp_path / "run" / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size) and run.poll() is None:
        time.sleep(0.02)
    first = time.perf_counter() - begun
    run.wait()
    assert first < 15


PEAK = """
import resource, sys
from thalweg.cli import main
assert main(["predict", *sys.argv[1:]]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_a_folder_of_pictures_streams(tmp_path):
    """Four thousand pictures more would be 196 MB as the floats that a net reads."""
    pixels = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), dtype=np.uint8)
    given = {"picture": pixels, "kind": ["a", "b"] * 20}
    run = tw.train(given, target="kind", model="mlp", epochs=1, check=False, compare=False, out=tmp_path / "run")
    peaks = []
    for count in (1000, 5000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for index in range(count):
            Image.fromarray(pixels[index % 40]).save(folder / f"{index:04}.bmp")
        said = loaded(PEAK, str(run.path), str(folder), "--out", str(tmp_path / f"{count}.csv"))
        peaks.append(int(said.splitlines()[-1]))
        assert len((tmp_path / f"{count}.csv").read_text(encoding="utf-8").splitlines()) == count + 1
    assert peaks[1] - peaks[0] < 60_000  # kB
