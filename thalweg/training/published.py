"""What published weights would bring to a run that begins from nothing, and what freezing means there, each in a line."""

from thalweg.core import registry
from thalweg.models.weights.catalogue import Entry, entries, local
from thalweg.rules._gradient import GradientSettings
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Stage

FEW = 20_000
"""Training rows from which a net may learn to see by itself."""


def better_begun(stage: Stage, settings: RunSettings) -> str:
    """A sentence with the flag that begins from published weights; empty where none fit, or there is plenty to learn from."""
    rows = stage.dataset.rows("train")
    if settings.weights is not None or "class" in stage.named or rows is None or rows > FEW:
        return ""
    fitting = [one for one in entries() if one.brings and _fits(one, stage)]
    if not fitting:
        return ""
    best = fitting[0]
    there = "already on this machine" if local(best) else f"thalweg weights get {best.name}"
    cost = f"{best.file.size / 1e6:.1f} MB, {best.licence}; {there}"
    return f"it begins from nothing; {best.name} would not: {best.brings}: --weights {best.name} ({cost})"


def frozen_at_random(stage: Stage, settings: RunSettings) -> str:
    """A sentence where layers are frozen that learned nothing; empty where they come from weights or are the user's own."""
    rule = stage.rule.settings
    if not isinstance(rule, GradientSettings) or settings.weights is not None or "class" in stage.named:
        return ""
    frozen = ", ".join(rule.freeze)
    return f"frozen as it was drawn at random: {frozen}; to begin from published weights: --weights NAME" if frozen else ""


def _fits(known: Entry, stage: Stage) -> bool:
    """Whether the model that weights fill learns this task from inputs of these kinds, none of them too small."""
    facts, inputs = registry.facts("model", known.model), stage.task.ports.inputs
    task = stage.task.declaration.name  # type: ignore[attr-defined]
    shapes = [[axis or 0 for axis in port.shape] for port in inputs]
    kinds = {port.kind for port in inputs} == set(facts.get("inputs", ()))
    return task in facts.get("tasks", ()) and kinds and known.suits(shapes)
