"""Something that squashes its input ahead of a loss that does so again."""

import math

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, percent, shown
from thalweg.doctor.lines import Answers
from thalweg.doctor.trace import Trace

SHARE = 0.8
"""Of the samples, that show it."""
SQUASHING = {
    "cross_entropy": ("softmax", "sigmoid", "relu", "tanh"),
    "binary_cross_entropy_with_logits": ("softmax", "sigmoid"),
}
"""What no logits come from, by loss."""
LOGARITHMIC = "nll_loss"
"""The loss that wants logarithms of probabilities."""


@fault(
    "double-softmax",
    turn=20,
    severity="error",
    about="pipeline",
    hides=("units", "slope", "fast", "slow", "labels", "capacity", "noise", "overfitting", "late"),
    at_once=True,
)
def double_softmax(trace: Trace) -> Found | None:
    """Probabilities are given to a loss that applies softmax (or the sigmoid) itself."""
    seen = [one.answers for one in trace.samples if one.answers is not None]
    showing = [one for one in seen if _squashed(one)]
    if not showing or len(showing) < SHARE * len(seen):
        return None
    answers = showing[0]
    if answers.loss == LOGARITHMIC:
        return _without_logarithm(len(showing), len(seen))
    return Found(
        f"{answers.loss} gets {_given(answers)} in {percent(len(showing) / len(seen))} of {len(seen)} sampled steps, "
        "and squashes it again",
        f"the input of {answers.loss}",
        _floor(answers),
        "return the logits: drop the last activation of the model",
        "certain",
    )


def _squashed(answers: Answers) -> bool:
    if answers.loss == LOGARITHMIC:
        return answers.probabilities
    makers = SQUASHING.get(answers.loss, ())
    return bool(makers) and ((answers.probabilities and answers.loss == "cross_entropy") or answers.maker in makers)


def _given(answers: Answers) -> str:
    if answers.probabilities:
        return "probabilities (rows sum to 1)"
    return f"the output of {answers.maker}"


def _floor(answers: Answers) -> str:
    if not answers.probabilities or answers.classes is None:
        return "it reads them as logits, so what it can learn and how fast are cut short"
    least = math.log(1 + (answers.classes - 1) / math.e)
    return f"it applies softmax to them, so the loss stays above {shown(least)} however good the answers are"


def _without_logarithm(showing: int, seen: int) -> Found:
    return Found(
        f"nll_loss gets probabilities (rows sum to 1) in {showing} of {seen} sampled steps, not their logarithms",
        "the input of nll_loss",
        "its slope pushes all answers alike, however wrong they are",
        "return log_softmax instead of softmax, or use cross_entropy on the logits",
        "certain",
    )
