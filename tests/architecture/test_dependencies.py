"""What thalweg stands on: thirteen packages, pinned for everybody, and never torchvision or torchaudio."""

import importlib.metadata
import re
import tomllib

from tests.architecture.sources import ROOT

CORE = [
    "torch", "numpy", "scipy", "scikit-learn", "pyarrow", "narwhals", "pillow", "pydantic", "click", "rich", "safetensors",
    "pyyaml", "matplotlib",
]  # fmt: skip
BANNED = {"torchvision", "torchaudio"}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def pins() -> list[str]:
    return [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]


def needed(name: str) -> set[str]:
    """What an installed package requires, without extras and without what other machines would need."""
    found = importlib.metadata.requires(name) or []
    return {name_of(line) for line in found if ";" not in line}


def test_the_core_is_thirteen_packages():
    assert [name_of(requirement) for requirement in project()["dependencies"]] == CORE


def test_all_names_every_extra_but_those_of_developers():
    extras = set(project()["optional-dependencies"])
    (everything,) = project()["optional-dependencies"]["all"]
    assert set(re.findall(r"[a-z]+", everything.removeprefix("thalweg"))) == extras - {"all", "dev", "docs"}


def test_every_package_that_tests_run_with_is_pinned_exactly():
    assert [pin for pin in pins() if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin)] == []
    pinned, waiting = {name_of(pin) for pin in pins()}, {*CORE, *map(name_of, project()["optional-dependencies"]["dev"])}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= needed(name) - seen
    assert seen - pinned == set()


def test_nothing_for_one_kind_of_accelerator_is_pinned():
    assert [pin for pin in pins() if re.match(r"(nvidia|cuda|triton|rocm)", pin)] == []


def test_torchvision_and_torchaudio_are_absent():
    assert {name_of(found.metadata["Name"]) for found in importlib.metadata.distributions()} & BANNED == set()
    assert {name_of(pin) for pin in pins()} & BANNED == set()
