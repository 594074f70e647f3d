"""Every source passes these."""

from pathlib import Path

import pytest

from thalweg.core import registry
from thalweg.core.settings import Settings
from thalweg.data import catalogue
from thalweg.data.dataset import PARTS, Dataset, Examples
from thalweg.data.read import catalogued, identify, read

SOURCES = registry.parts("source")
MEANT = ("catalogued", "scheme", "suffixes", "folder", "objects")


@pytest.mark.parametrize("name", SOURCES)
def test_its_facts_say_when_it_is_meant_and_a_sentence_what_it_gives(name: str):
    part = SOURCES[name]
    assert any(part.facts.get(fact) for fact in MEANT)
    assert part.summary.endswith(".")
    assert issubclass(registry.load("source", name).declaration.settings, Settings)


@pytest.mark.parametrize("name", SOURCES)
def test_scan_and_import_tell_the_same_facts(name: str):
    assert dict(SOURCES[name].facts) == dict(registry.load("source", name).declaration.facts)


@pytest.mark.parametrize(
    "name", [name for name, part in SOURCES.items() if part.facts.get("folder") or part.facts.get("objects")]
)
def test_what_recognises_says_no_to_what_it_does_not_know(name: str, tmp_path: Path):
    module = __import__(SOURCES[name].module, fromlist=["recognises"])
    strange = tmp_path if SOURCES[name].facts.get("folder") else object()
    assert module.recognises(strange) == 0


def test_where_two_sources_read_a_suffix_both_say_how_sure_they_are():
    suffixes = [suffix for part in SOURCES.values() for suffix in part.facts.get("suffixes", ())]
    shared = {suffix for suffix in suffixes if suffixes.count(suffix) > 1}
    sharing = [part for part in SOURCES.values() if shared & set(part.facts.get("suffixes", ()))]
    assert all(callable(__import__(part.module, fromlist=["recognises"]).recognises) for part in sharing)
    assert all(suffix.startswith(".") and suffix == suffix.casefold() for suffix in suffixes)


@pytest.mark.parametrize("name", catalogued())
def test_a_catalogued_name_is_found_and_tells_its_task_and_licence(name: str):
    assert identify(name)[0] == name
    facts = SOURCES[name].facts
    assert facts.get("task")
    assert name == name.casefold().replace("_", "-")
    assert facts.get("licence") or "rows" not in facts


@pytest.mark.parametrize("name", [name for name in catalogued() if catalogue.entry(name) is None])
def test_what_is_shipped_or_made_is_read_twice_the_same(name: str):
    first, second = read(name), read(name)
    if isinstance(first, Dataset):
        assert first.fingerprint() == second.fingerprint()
        return
    assert isinstance(first, Examples)
    assert isinstance(second, Examples)
    assert len(first) == SOURCES[name].facts.get("rows", len(first)) > 0
    assert {key: list(map(str, values)) for key, values in first.columns.items()} == {
        key: list(map(str, values)) for key, values in second.columns.items()
    }
    assert set(first.kinds.values()) <= set(registry.names("kind"))
    assert set(first.kinds) | set(first.roles) <= set(first.columns)
    assert set(first.given) <= set(PARTS)
    assert all(note and len(note) < 200 for note in first.notes)
