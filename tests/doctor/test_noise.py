"""Noise in labels is told from data that are hard by the answers of which a net is surest."""

from thalweg.doctor.faults.label_noise import label_noise
from thalweg.doctor.lines import Answers, Evaluation, Labels, Matrix, Net, Sample, Steps
from thalweg.doctor.trace import Trace


def _trained(*, sure_errors: int, misplaced: float, right: int = 400, sure_misplaced: float | None = None) -> Trace:
    """1,000 held-out rows of five classes, of whose surest quarter so many are wrong."""
    told = Evaluation(
        step=0, loss=1.4, rows=1000, errors=1000 - right, misplaced=misplaced,
        surest=250, sure_errors=sure_errors, sure_misplaced=sure_misplaced,
    )  # fmt: skip
    evaluations = [told.model_copy(update={"step": step}) for step in (100, 200, 300)]
    answers = Answers(
        loss="cross_entropy", classes=5, hard=True, rows=64, errors=36, misplaced=misplaced, surest=16, sure_errors=8
    )
    samples = [
        Sample(step=step, ratio=0.005, answers=answers, labels=Labels(entropy=1.6, majority=0.2)) for step in range(20, 300, 40)
    ]
    net = Net(matrices=[Matrix(name="head.weight", layer="head", shape=[5, 8], gain=0.58)], modes=False)
    return Trace.of([net, Steps(first=0, losses=[1.4] * 300), *samples, *evaluations])


def test_errors_that_fall_anywhere_and_spare_not_the_surest_answers_are_called_noise():
    found = label_noise(_trained(sure_errors=140, misplaced=0.45))
    assert found is not None
    assert found.where == "training and held-out labels"


def test_data_are_hard_and_not_noisy_where_the_surest_answers_are_right():
    assert label_noise(_trained(sure_errors=20, misplaced=0.45)) is None


def test_data_are_hard_and_not_noisy_where_errors_fall_on_the_next_likely_class():
    assert label_noise(_trained(sure_errors=140, misplaced=0.15)) is None


def test_data_are_hard_where_the_surest_errors_fall_on_the_next_likely_class():
    assert label_noise(_trained(sure_errors=140, misplaced=0.35, sure_misplaced=0.15)) is None
    assert label_noise(_trained(sure_errors=140, misplaced=0.35, sure_misplaced=0.45)) is not None


def test_labels_are_not_called_noisy_where_answers_are_no_better_than_chance():
    assert label_noise(_trained(sure_errors=190, misplaced=0.5, right=210)) is None
