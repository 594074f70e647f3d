"""The training doctor names what was planted in foreign loops, and says nothing of trainings that are well.

Seventeen faults on three nets each, one way each, and thirty kinds that look odd; `python -m benchmarks.doctor` tries all ways,
on more nets and seeds. A planting counts if it is there: judged beside the same training without it.
"""

import pytest
import torch

from benchmarks.doctor import development, further, trials
from benchmarks.doctor.healthy import KINDS
from benchmarks.doctor.plants import PLANTS, Plant
from benchmarks.doctor.subject import Subject
from tests.reliability.figures import WHOLE, Row, sized

ELSEWHERE = "TheDeepChecker, UMLAUT: no held-out figures; best of three tried rules 121 of 134"
NAMED = Row("doctor", "faults planted in foreign training loops, named first by the doctor", ELSEWHERE, order=50)
SILENT = Row("doctor", "healthy trainings of odd kinds at which the doctor raises no alarm", order=51)
FIRST_WAYS = {plant.fault: plant for plant in reversed(PLANTS)}
QUICK = ("dead-relu", "double-softmax", "rate-too-high", "stale-gradients", "wrong-mode")
FAULTS = sorted(FIRST_WAYS) if WHOLE else QUICK
NETS = sized(1, 3)
SHARE = 5


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def suited(plant: Plant) -> list[Subject]:
    """The first nets that the fault can be done to; in `make test` the quickest."""
    nets = [*development.SUBJECTS, *further.SUBJECTS] if WHOLE else [one for one in further.SUBJECTS if one.name != "words-gru"]
    fitting = [one for one in nets if plant.suits(one)]
    return fitting[:NETS] if WHOLE else sorted(fitting, key=lambda one: one.name != "wine-mlp")[:NETS]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_planted_is_named_first(fault):
    tried = [
        trial
        for subject in suited(FIRST_WAYS[fault])
        for trial in trials.planted(subject, 300, [FIRST_WAYS[fault]], reported=False)
    ]
    planted, healthy = [one for one in tried if one.fault and one.there], [one for one in tried if not one.fault]
    NAMED.note(len(planted), sum(one.right for one in planted))
    SILENT.note(len(healthy), sum(one.right for one in healthy))
    wrong = [(one.subject, one.named, one.evidence) for one in planted if not one.right]
    assert planted, "nothing that was planted is there"
    assert len(wrong) <= len(planted) // 3, wrong
    assert [(one.subject, one.named, one.sentences) for one in healthy if one.named] == []


@pytest.mark.parametrize("first", range(0, sized(SHARE, 30), SHARE))
def test_no_alarm_is_raised_at_what_is_well(first):
    tried = [trials.well(kind, 300) for kind in KINDS[first : first + SHARE]]
    well = [one for one in tried if one.there]
    SILENT.note(len(well), sum(one.right for one in well))
    assert len(well) >= SHARE - 1, "most of them learned"
    assert [(one.subject, one.named, one.sentences) for one in well if one.named] == []
