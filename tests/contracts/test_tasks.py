"""Every task passes these."""

import functools

import pytest

from thalweg.contracts import tasks
from thalweg.contracts.excuses import stale
from thalweg.contracts.finding import found
from thalweg.contracts.tasks import TaskSubject
from thalweg.core import registry

TASKS = registry.names("task")


@functools.cache
def subject_of(name: str) -> TaskSubject:
    return tasks.subject(registry.load("task", name))


@pytest.mark.parametrize("promise", tasks.CONTRACTS)
@pytest.mark.parametrize("name", TASKS)
def test_every_task_keeps_its_promises(name: str, promise: str):
    finding = found(promise, tasks.CONTRACTS[promise], subject_of(name), registry.facts("task", name).get("excused", {}))
    assert finding.passed, str(finding)


@pytest.mark.parametrize("name", TASKS)
def test_excuses_are_from_contracts_that_exist_and_have_reasons(name: str):
    assert list(stale(tasks.CONTRACTS, registry.facts("task", name).get("excused", {}))) == []
