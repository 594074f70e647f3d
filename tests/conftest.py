"""What every test stands on: one thread per worker, fixed seeds, no network, and real data where it is given."""

import os

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"  # before torch or numpy is imported; processes that tests start inherit it
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["THALWEG_SPEED"] = "plain"  # the clock decides nothing; tests of the probe ask for it
os.environ.pop("THALWEG_HOME", None)  # tests count looks in caches of their own

import itertools
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watched_refusals import Watched, watched

CACHES = itertools.count()


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test starts from the same seeds; libraries that nothing has imported yet are not imported for it."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def refusals() -> Iterator[Watched]:
    """What is refused in this process."""
    with watched() as found:
        yield found


@pytest.fixture(autouse=True)
def refusals_are_well_said(refusals: Watched) -> Iterator[None]:
    """Whatever is refused for a test, in its fixtures too, says what is wrong, where, why and how to mend it."""
    yield
    problems, refusals.problems = refusals.problems, []
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="session", autouse=True)
def _same_for_every_worker(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What fixtures of a module leave in a cache does not reach the user's.

    torch counts the machine's cores for itself where the environment did not reach it.
    Jobs that a shell put into the background are born deaf to Ctrl-C, and so would be the runs that tests stop by it.
    """
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.getbasetemp() / "cache")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def looks_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """How often a test part was looked at is counted on this machine; each test is the first to look."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / f"cache-{next(CACHES)}"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real datasets, one folder each; tests that use it are skipped where THALWEG_DATA names none."""
    given = os.environ.get("THALWEG_DATA")
    if not given:
        pytest.skip("needs real data: set THALWEG_DATA to the folder that holds the datasets")
    folder = Path(given).expanduser().resolve()
    assert folder.is_dir(), f"THALWEG_DATA is {given}, which is no folder"
    return folder
