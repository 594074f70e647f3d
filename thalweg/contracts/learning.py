"""Learning: a model learns its example by its own rule and task, and every one of its parameters takes part."""

import torch

from thalweg.contracts.example import Toy, headline, learned, toy
from thalweg.contracts.finding import Beside, Contract, broken
from thalweg.contracts.subject import Subject
from thalweg.core.position import Position
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule

SHARE = 0.8
"""Of the way from the trivial answer to a perfect one, what must be gone where a model states no measure of its own."""


def every_parameter_gets_a_slope(subject: Subject) -> None:
    """Where it learns by gradients, every parameter gets one, finite and not zero throughout."""
    asked = toy(subject)
    rule = asked.rule(asked.model())
    if not isinstance(rule, GradientRule):
        raise Beside("its rule follows no gradient of its objective")
    batch = rule.prepare(rule.batches(asked.dataset).at(Position(total=1)), Position(total=1))
    slope = rule.slope(batch)
    for name, one in zip(rule.trained, slope.gradients, strict=True):
        if not bool(torch.isfinite(one).all()):
            broken(f"the slope of {name} is not finite", "look for divisions, square roots and logarithms at zero")
        if not bool((one != 0).any()):
            broken(f"{name} gets no slope", "use it in forward, or take it out (a buffer if it is fixed)")


def it_learns_its_example(subject: Subject) -> None:
    """Trained on its example by its own rule, it comes most of the way from the trivial answer to a perfect one."""
    asked = toy(subject)
    learns(asked, asked.rule(asked.model()))


def learns(asked: Toy, rule: Rule) -> None:
    """Train a toy by a rule.

    Raises:
        Broken: its headline metric does not reach what the model states, or most of the way to a perfect answer.
    """
    name = next(iter(asked.task.metrics))
    goal, higher, why = _stated(asked, name)
    progress = learned(asked, rule, enough=lambda value: value >= goal if higher else value <= goal)
    value = headline(asked, rule.shipped)[1]
    if value is None or (value < goal if higher else value > goal):
        broken(
            f"after {progress.position.step} steps {name} is {value}; {'at least' if higher else 'at most'} {goal:.4g} "
            f"is asked ({why})",
            f'mend it or its recipe; or state what its tiny instance reaches as a fact: learns={{"{name}": ...}}',
        )


def _stated(asked: Toy, name: str) -> tuple[float, bool, str]:
    """What is to be reached, whether more is better, and why that."""
    facts = asked.task.metrics[name].declaration.facts  # type: ignore[attr-defined]
    higher, declared = facts["better"] == "higher", asked.subject.facts.get("learns", {})
    if name in declared:
        return float(declared[name]), higher, "as it states"
    trivial = asked.task.trivial(asked.dataset.batches("train", size=256))
    start = headline(asked, trivial)[1] if trivial is not None else None
    if start is None or ("best" not in facts and not (higher and start > 0)):
        broken(f"what {name} it should reach cannot be told", f'state it as a fact: learns={{"{name}": ...}}')
    if "best" not in facts:
        return 2 * start, higher, f"twice the trivial answer's {start:.4g}"
    goal = start + SHARE * (facts["best"] - start)
    return goal, higher, f"the trivial answer has {start:.4g}, a perfect one {facts['best']:g}"


def recipe_fits_its_rule(subject: Subject) -> None:
    """The rule that it is learned by takes every setting of its recipe."""
    asked = toy(subject)
    asked.rule(asked.model())


CONTRACTS: dict[str, Contract[Subject]] = {
    "its recipe fits its rule": recipe_fits_its_rule,
    "every parameter gets a finite slope": every_parameter_gets_a_slope,
    "it learns its example by its own rule and task": it_learns_its_example,
}
"""What a declared model's learning is held to."""
