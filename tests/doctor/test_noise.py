"""Noise in labels is told from data that are hard by the answers of which a net is surest."""

from thalweg.doctor.faults.label_noise import label_noise
from thalweg.doctor.found import Found
from thalweg.doctor.lines import Answers, Evaluation, Labels, Matrix, Net, Probe, Sample, Steps
from thalweg.doctor.trace import Trace

BY_HEART = Probe(first=1.6, last=0.15, rows=32)


def _trained(
    *,
    sure_errors: int,
    misplaced: float,
    right: int = 400,
    sure_misplaced: float | None = None,
    in_training: float | None = None,
    losses: tuple[float, float] = (1.4, 1.4),
    batch: int = 64,
    probe: Probe = BY_HEART,
) -> Trace:
    """1,000 held-out rows of five classes, of whose surest quarter so many are wrong.

    Args:
        in_training: where errors in training fall, where that is elsewhere than held-out.
        losses: in training and held-out.
    """
    told = Evaluation(
        step=0, loss=losses[1], rows=1000, errors=1000 - right, misplaced=misplaced,
        surest=250, sure_errors=sure_errors, sure_misplaced=sure_misplaced,
    )  # fmt: skip
    evaluations = [told.model_copy(update={"step": step}) for step in (100, 200, 300)]
    answers = Answers(
        loss="cross_entropy", classes=5, hard=True, rows=batch, errors=batch * 9 // 16,
        misplaced=misplaced if in_training is None else in_training, surest=batch // 4, sure_errors=batch // 8,
    )  # fmt: skip
    samples = [
        Sample(step=step, ratio=0.005, answers=answers, labels=Labels(entropy=1.6, majority=0.2)) for step in range(20, 300, 40)
    ]
    net = Net(matrices=[Matrix(name="head.weight", layer="head", shape=[5, 8], gain=0.58)], modes=False)
    return Trace.of([net, Steps(first=0, losses=[losses[0]] * 300), *samples, *evaluations, probe])


def test_errors_that_fall_anywhere_and_spare_not_the_surest_answers_are_called_noise():
    found = label_noise(_trained(sure_errors=140, misplaced=0.45))
    assert isinstance(found, Found)
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


CLEAN_HELD_OUT = {"sure_errors": 5, "right": 700, "losses": (1.5, 1.0)}
"""Labels of training alone are noisy: held-out loss lies below that of training."""


def test_noise_in_training_alone_shows_where_held_out_errors_fall_on_the_next_likely_class():
    found = label_noise(_trained(**CLEAN_HELD_OUT, misplaced=0.1, in_training=0.4))
    assert isinstance(found, Found)
    assert found.where == "training labels"


def test_a_net_that_knows_too_little_errs_anywhere_held_out_and_in_training_alike():
    assert label_noise(_trained(**CLEAN_HELD_OUT, misplaced=0.33, in_training=0.35)) is None


def test_a_net_that_learns_no_few_examples_by_heart_says_nothing_of_the_labels():
    small = Probe(first=1.6, last=0.7, rows=32)
    assert label_noise(_trained(sure_errors=140, misplaced=0.45, probe=small)) is None
    assert label_noise(_trained(**CLEAN_HELD_OUT, misplaced=0.1, in_training=0.4, probe=small)) is None


def test_a_dozen_labels_of_training_are_too_few_to_be_called_noisy():
    assert label_noise(_trained(sure_errors=140, misplaced=0.45, batch=4)) is None
