"""Every model passes these: those that ship, by their names, so that a new one is covered without an edit."""

import functools

import pytest

from thalweg.contracts import models
from thalweg.contracts.excuses import excuses, stale, too_many
from thalweg.contracts.finding import Contract, found
from thalweg.contracts.portability import SAME, answers_elsewhere
from thalweg.contracts.subject import Subject, registered
from thalweg.core import registry

FAMILIES = [name for name, part in sorted(registry.parts("model").items()) if part.variant_of is None]
HERE = {promise: contract for promise, contract in models.WHOLE.items() if promise != SAME}


@functools.cache
def subject_of(name: str) -> Subject:
    return registered(name)


def check_holds(name: str, promise: str, contract: Contract[Subject]) -> None:
    subject = subject_of(name)
    finding = found(promise, contract, subject, subject.excuses)
    assert finding.passed, str(finding)


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, str]:
    return answers_elsewhere([subject_of(name) for name in FAMILIES])


@pytest.mark.parametrize("promise", HERE)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_model_keeps_its_promises(name: str, promise: str):
    check_holds(name, promise, HERE[promise])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_answers_the_same_when_loaded_in_a_new_process(name: str, elsewhere: dict[str, str]):
    assert elsewhere[name] == ""


@pytest.mark.slow
@pytest.mark.parametrize("promise", models.SLOW)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_model_keeps_its_promises_exported_and_compiled(name: str, promise: str):
    check_holds(name, promise, models.SLOW[promise])


@pytest.mark.parametrize("name", FAMILIES)
def test_excuses_are_from_contracts_that_exist_and_have_reasons(name: str):
    assert list(stale({**models.WHOLE, **models.SLOW}, subject_of(name).excuses)) == []


def test_no_contract_is_excused_by_more_than_a_tenth_of_the_parts_of_a_sort():
    assert too_many(excuses()) == []
