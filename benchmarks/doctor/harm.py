"""Whether a planted fault is there and hurts, judged without the doctor: beside the same training without it, on clean rows.

A planting whose fault cannot be shown is no planting: it is counted apart, whatever the doctor says of it.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from benchmarks.doctor.loops import Told
from benchmarks.doctor.plants import Plant
from benchmarks.doctor.subject import Case, criterion_of


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    Attributes:
        error: share of wrong answers on clean held-out rows in evaluation mode, or the squared error of a number of scale one.
        held_out: loss there, of the logits; of log-probabilities where the net ends in probabilities.
        fitted: the same loss on the training rows as they were.
        told: what the loop would have printed.
    """

    error: float
    held_out: float
    fitted: float
    told: Told
    net: nn.Module


def outcome(case: Case, net: nn.Module, told: Told) -> Outcome:
    """Judges a trained net."""
    net.eval()
    logits = not isinstance(net, nn.Sequential) or not isinstance(net[-1], nn.Softmax)
    with torch.no_grad():
        answers, fitted = net(case.data.held_out_inputs), net(case.data.inputs[:600])
        if not logits:
            answers, fitted = answers.clamp_min(1e-9).log(), fitted.clamp_min(1e-9).log()
        clean = case.data.clean_targets
        if case.data.classes:
            error = (answers.argmax(-1) != clean).float().mean().item()
        else:
            error = (answers.reshape(clean.shape) - clean).square().mean().nan_to_num(1e9).item()
        judge = criterion_of(case.data)
        return Outcome(error, judge(answers, clean).item(), judge(fitted, case.data.targets[:600]).item(), told, net)


def shown(plant: Plant, case: Case, bad: Outcome, well: Outcome) -> tuple[bool, str]:
    """Whether the fault is there, and by what it hurts ("" where nothing is worse than without it).

    Some faults are seen in the program and there whether or not they hurt: gradients that are never cleared, say, which some
    optimizers bear. All others are there if they hurt.
    """
    hurts = SHOWN.get(plant.fault, _worse)(case, bad, well)
    return bool(hurts) or plant.fault in WRITTEN, hurts


def _worse(case: Case, bad: Outcome, well: Outcome) -> str:
    """It answers or fits clearly worse than the training without the fault."""
    if not bad.held_out < float("inf"):
        return "the loss is not finite"
    if bad.error > max(well.error + 0.03, 1.2 * well.error):
        return f"error {bad.error:.2f} instead of {well.error:.2f}"
    if bad.fitted > max(1.25 * well.fitted, well.fitted + 0.05):
        return f"training loss {bad.fitted:.2f} instead of {well.fitted:.2f}"
    if bad.held_out > max(1.25 * well.held_out, well.held_out + 0.05):
        return f"held-out loss {bad.held_out:.2f} instead of {well.held_out:.2f}"
    return ""


def _late(case: Case, bad: Outcome, well: Outcome) -> str:
    """It needs clearly longer to what the other reaches in the middle."""
    if found := _worse(case, bad, well):
        return found
    halves = [statistics.fmean(one.told.losses[: len(one.told.losses) // 3]) for one in (bad, well)]
    return f"early loss {halves[0]:.2f} instead of {halves[1]:.2f}" if halves[0] > 1.2 * halves[1] else ""


def _learned_by_heart(case: Case, bad: Outcome, well: Outcome) -> str:
    """The training rows are learned by heart, and held-out loss rose from its lowest or stays far above theirs."""
    least, last = min(bad.told.held_out_losses), statistics.median(bad.told.held_out_losses[-3:])
    if last > 1.08 * least and bad.fitted < 0.5 * last and last - least > 0.02:
        return f"held-out loss {least:.2f} to {last:.2f}, training {bad.fitted:.2f}"
    if bad.fitted < 0.1 * last and last > 0.3 and bad.error > well.error + 0.05:
        return f"held-out loss {last:.2f}, training {bad.fitted:.2f}, error {bad.error:.2f} instead of {well.error:.2f}"
    return ""


def _short(case: Case, bad: Outcome, well: Outcome) -> str:
    """It answers far worse, and fits its training rows no better than that."""
    if bad.error > well.error + 0.1 and bad.fitted > 2 * well.fitted + 0.02:
        return f"error {bad.error:.2f} instead of {well.error:.2f}, training loss {bad.fitted:.2f} instead of {well.fitted:.2f}"
    return ""


def _waits(case: Case, bad: Outcome, well: Outcome) -> str:
    """A step takes clearly longer."""
    slow, fast = statistics.median(bad.told.seconds), statistics.median(well.told.seconds)
    return f"{1e3 * slow:.1f} ms a step instead of {1e3 * fast:.1f}" if slow > 1.7 * fast else ""


SHOWN: dict[str, Callable[[Case, Outcome, Outcome], str]] = {
    "double-softmax": _late,
    "stale-gradients": _late,
    "overfitting": _learned_by_heart,
    "net-too-small": _short,
    "input-bound": _waits,
}

WRITTEN = frozenset(
    {"double-softmax", "stale-gradients", "frozen-layer", "wrong-mode", "single-row-normalisation", "unscaled-inputs"}
)
