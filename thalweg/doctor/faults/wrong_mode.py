"""Training in evaluation mode, or evaluation in training mode."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found
from thalweg.doctor.trace import Trace

FEWEST = 5
"""Steps in a row, up to now, that were taken in evaluation mode."""


@fault("wrong-mode", turn=40, severity="error", about="mode", hides=("labels", "noise", "overfitting"), at_once=True)
def wrong_mode(trace: Trace) -> Found | None:
    """The model is in evaluation mode while it learns, or in training mode while it is judged."""
    if trace.net is None or not trace.net.modes:
        return None
    since = trace.runs[-1].evaluating_since if trace.runs else None
    if since is not None and trace.steps - since >= FEWEST:
        return Found(
            f"{trace.steps - since:,} steps were taken in evaluation mode",
            f"since step {since:,}",
            "dropout is off, and batch normalisation neither reads nor renews its statistics",
            "call model.train() before each epoch of training, after every evaluation",
            "certain",
        )
    wrong = [one for one in trace.evaluations if one.in_training_mode]
    if not wrong:
        return None
    return Found(
        f"{len(wrong):,} of {len(trace.evaluations):,} evaluations were made in training mode",
        f"after step {wrong[0].step:,}",
        "dropout hides units and batch normalisation reads the batch, so that the figures are those of another model",
        "call model.eval() before evaluating, and model.train() afterwards",
        "certain",
    )
