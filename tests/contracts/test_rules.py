"""Every learning rule passes these."""

import functools

import pytest

from thalweg.contracts import rules
from thalweg.contracts.excuses import stale
from thalweg.contracts.finding import found
from thalweg.contracts.rules import RuleSubject
from thalweg.core import registry

RULES = registry.names("rule")


@functools.cache
def subject_of(name: str) -> RuleSubject:
    return rules.subject(name, registry.load("rule", name))


@pytest.mark.parametrize("promise", rules.CONTRACTS)
@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_its_promises(name: str, promise: str):
    finding = found(promise, rules.CONTRACTS[promise], subject_of(name), registry.facts("rule", name).get("excused", {}))
    assert finding.passed, str(finding)


@pytest.mark.parametrize("name", RULES)
def test_excuses_are_from_contracts_that_exist_and_have_reasons(name: str):
    assert list(stale(rules.CONTRACTS, registry.facts("rule", name).get("excused", {}))) == []
