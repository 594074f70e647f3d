"""Whatever is changed in a package or checkpoint, it is refused by every door, and the file is named (R3)."""

import random
import shutil
from pathlib import Path

import pytest

import thalweg as tw
from tests.refusing import assert_well_said
from tests.reliability.artefacts import KEPT, RULES, Artefacts, Sealed, Twin, make
from tests.reliability.figures import Row, shares
from tests.reliability.forgeries import forged
from tests.reliability.mutations import OF_FILES, Case, Damage, made, mixed
from tests.training.resuming import fitted
from thalweg.core.errors import PackageRefusal, Refusal
from thalweg.core.files import write_json
from thalweg.core.run_folder import MARKER, RUN_FORMAT, RUN_VERSION, RunFolder

PACKAGE = ("manifest.json", "package.json", "weights.safetensors", "README.md")
CHECKPOINT = ("manifest.json", "state.json", "state.safetensors")
FILES = [*(("package", file) for file in PACKAGE), *(("checkpoint", file) for file in CHECKPOINT)]
SMALL, LARGE, EACH = 200, 2900, 600
ROW = Row(
    "R3",
    "mutations of packages and checkpoints, refused by name: bits, pages, cuts, files swapped, stale, linked, edited",
    "safetensors, torch zip: 97-99 % of flipped bits pass",
)


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    """Runs, packages and checkpoints, trained once for a worker."""
    return make(tmp_path_factory.mktemp("artefacts"))


def place(run: Path, sealed: Sealed) -> Path:
    """A run folder that holds nothing but this package or checkpoint; returns the latter's path."""
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    package = sealed.number is None
    finished = "2026-01-01T00:00:00+00:00" if package else None
    write_json(run / MARKER, {"format": RUN_FORMAT, "version": RUN_VERSION, "finished": finished})
    return sealed.put(run / "model" if package else run / "checkpoints" / str(sealed.number))


def refusal_of(path: Path, sealed: Sealed) -> Refusal | None:
    """What a user hears who opens it; None where it opens."""
    try:
        if sealed.number is None:
            tw.load(path)
        else:
            RunFolder(path.parent.parent).newest_checkpoint()
    except Refusal as refusal:
        return refusal
    return None


def complaint(path: Path, sealed: Sealed, damage: Damage) -> str:
    """What is wrong with how it is refused; nothing where it is refused in the form that all refusals have, and named."""
    refusal = refusal_of(path, sealed)
    if refusal is None:
        return f"{damage.what}: passed unnoticed"
    assert_well_said(refusal)
    named = any(name in refusal.what for name in damage.names)
    return "" if named and isinstance(refusal, PackageRefusal) else f"{damage.what}: {refusal}"


def unheard(run: Path, damage: Damage) -> str:
    """The same of what the doctor says."""
    told = [one["what"] for one in tw.doctor(run)["findings"] if one.get("code", "").startswith(("PACKAGE_", "FILE_", "JSON_"))]
    return "" if any(name in what for name in damage.names for what in told) else f"{damage.what}: the doctor says {told}"


@pytest.mark.parametrize("numbers", shares(SMALL, LARGE, each=EACH), ids=lambda numbers: f"from{numbers.start}")
@pytest.mark.parametrize(("sort", "file"), FILES)
def test_r03_every_mutation_is_refused_and_the_file_named(artefacts, sort, file, numbers, tmp_path):
    pool = artefacts.packages if sort == "package" else artefacts.checkpoints
    wrong = []
    for number in numbers:
        draw = random.Random(f"{sort} {file} {number}")
        sealed = pool[number % len(pool)]
        path = place(tmp_path / "run", sealed)
        damage = made(Case(path, file, sealed, draw), (*OF_FILES, mixed))
        wrong += filter(None, [complaint(path, sealed, damage), unheard(tmp_path / "run", damage) if number % 10 == 0 else ""])
    assert not wrong, f"{len(wrong)} of {len(numbers)}: " + "\n".join(wrong[:5])
    ROW.note(len(numbers), len(numbers))


FORGED = Row("R3", "packages and checkpoints sealed again by an attacker, whose digests hold: refused by name", order=1)
OPENED = [("package", file) for file in ("manifest.json", "package.json", "weights.safetensors")]
RESUMED = [("checkpoint", file) for file in CHECKPOINT]


@pytest.mark.parametrize("numbers", shares(40, 600, each=300), ids=lambda numbers: f"from{numbers.start}")
@pytest.mark.parametrize(("sort", "file"), OPENED)
def test_r03_a_package_whose_digests_hold_is_held_against_what_it_describes(artefacts, sort, file, numbers, tmp_path):
    wrong = []
    for number in numbers:
        sealed = artefacts.packages[number % len(artefacts.packages)]
        path = place(tmp_path / "run", sealed)
        damage = forged(Case(path, file, sealed, random.Random(f"forged {sort} {file} {number}")))
        wrong += filter(None, [complaint_of(damage, opened(path, sealed))])
    assert not wrong, f"{len(wrong)} of {len(numbers)}: " + "\n".join(wrong[:5])
    FORGED.note(len(numbers), len(numbers))


@pytest.mark.parametrize("numbers", shares(15, 300, each=100), ids=lambda numbers: f"from{numbers.start}")
@pytest.mark.parametrize(("sort", "file"), RESUMED)
def test_r03_a_checkpoint_whose_digests_hold_is_held_against_its_run(artefacts, sort, file, numbers, tmp_path):
    wrong = []
    for number in numbers:
        sealed = artefacts.checkpoints[number % len(artefacts.checkpoints)]
        path = place(tmp_path / "run", sealed)
        _beside(artefacts.runs[sealed.name], tmp_path / "run")
        damage = forged(Case(path, file, sealed, random.Random(f"forged {sort} {file} {number}")))
        wrong += filter(None, [complaint_of(damage, resumed(sealed, tmp_path / "run"))])
    assert not wrong, f"{len(wrong)} of {len(numbers)}: " + "\n".join(wrong[:5])
    FORGED.note(len(numbers), len(numbers))


def _beside(whole: Path, run: Path) -> None:
    """What else an unfinished run holds."""
    for file in whole.iterdir():
        if file.is_file() and file.name != MARKER:
            shutil.copy(file, run)


def opened(path: Path, sealed: Sealed) -> Refusal | None:
    """What is said of a package that is opened, its own class given where it has one."""
    try:
        tw.load(path, model=Twin() if sealed.name == "external" else None)
    except Refusal as refusal:
        return refusal
    return None


def resumed(sealed: Sealed, run: Path) -> Refusal | None:
    """What is said of a run that is resumed."""
    try:
        fitted({**RULES[sealed.name], **KEPT}, run, resume=True)
    except Refusal as refusal:
        return refusal
    return None


def complaint_of(damage: Damage, refusal: Refusal | None) -> str:
    """What is wrong with a refusal of what was sealed again; nothing where it names the file."""
    if refusal is None:
        return f"{damage.what}: passed unnoticed"
    assert_well_said(refusal)
    named = any(name in str(refusal) for name in damage.names)
    return "" if named and isinstance(refusal, PackageRefusal) else f"{damage.what}: {refusal}"
