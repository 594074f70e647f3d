"""R1, R6: a run that is killed at random moments, again and again, ends with the same bits as one that nobody killed.

Weights, the last checkpoints' tensors, metrics, predictions, results and settings are compared byte for byte; right after each
kill every checkpoint verifies and none that was there before is gone; in the end no temporary file is left.
"""

import pytest

from tests.fresh_process import Fresh
from tests.reliability.figures import Row, shares, sized
from tests.reliability.killing import killed
from tests.reliability.matrix import BY_PROGRAM, BY_RULE, kinds
from thalweg.core import registry

KINDS = kinds()
SMALL = 5
"""Kinds of runs that are tried where the tier runs small: spread over the matrix."""
ENDS = Row(
    "R1",
    "SIGKILLs at random moments, in forked processes: the run, repeated, ends with the bits of one that nobody killed",
    "6 chosen save points, equal bits (Composer); within 1e-8 (Lightning)",
)
ROWS = Row(
    "R6",
    "steps of killed runs: no row read twice in an epoch, none left out, the order that of a run that nobody killed",
    "order of samples equal (torchdata, Hugging Face)",
)


@pytest.mark.parametrize("share", shares(SMALL, len(KINDS), each=10), ids=str)
def test_r01_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path, share):
    numbers = [number * (len(KINDS) // SMALL) if sized(1, 0) else number for number in share]
    found = Fresh(killed, numbers, tmp_path, sized(2, 4)).answer(seconds=300)
    assert {one.kind: one.wrong for one in found if one.wrong} == {}
    assert all(one.runs for one in found)
    ENDS.note(sum(one.kills for one in found), sum(one.kills for one in found if not one.wrong))
    ROWS.note(sum(one.steps for one in found), sum(one.steps for one in found if not one.wrong))


@pytest.mark.parametrize(("sort", "known"), [("rule", BY_RULE), ("program", BY_PROGRAM)])
def test_r01_every_rule_and_every_program_of_a_cpu_is_killed(sort, known):
    on_gpus = [name for name in registry.names(sort) if registry.facts(sort, name).get("by_slope")]
    missing = set(registry.names(sort)) - set(known) - set(on_gpus)
    assert missing == set(), f"say in tests/reliability/matrix.py what they learn there: {', '.join(sorted(missing))}"
