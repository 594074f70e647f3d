"""A clock for the parts of one step: functions are timed where they are called, for that step alone, and then are as before.

Ordinary steps pay nothing, no layer knows of the clock, and no frame lies between the loop and a model but in the step timed.
"""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch

from thalweg.data.batches import Batches
from thalweg.optimizers._descent import Descent
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule

INPUT, AUGMENT, DRAWS, FORWARD, BACKWARD, OPTIMIZER = "input", "augment", "draws", "forward", "backward", "optimizer"
ABSENT = object()


class Sections:
    """Seconds by part, each without what was timed within it: gathering does not count the augmentation that it calls.

    Args:
        settle: waits for a device, so that what was begun in a part is done in it.

    Attributes:
        seconds: by part, of all steps timed so far.
    """

    def __init__(self, settle: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> None:
        self.settle, self.clock = settle, clock
        self.seconds: dict[str, float] = {}
        self._open: list[str] = []
        self._since = 0.0
        self._thread = threading.get_ident()

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose time counts for a part; in other threads, which work beside the step, it counts for none."""

        def within(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
            if threading.get_ident() != self._thread:
                return function(*arguments, **named)
            self._book()
            self._open.append(part)
            try:
                return function(*arguments, **named)
            finally:
                self._book()
                self._open.pop()

        return within

    def _book(self) -> None:
        """What passed since the last look counts for the innermost part under way."""
        self.settle()
        now = self.clock()
        if self._open:
            part = self._open[-1]
            self.seconds[part] = self.seconds.get(part, 0.0) + now - self._since
        self._since = now


def watched(sections: Sections, batches: Batches, rule: Rule | None) -> ExitStack:
    """Let the clock time the parts of the steps that follow, until what is returned is closed.

    Args:
        rule: None: it is not watched, as where a program, which may be compiled, takes its steps.
    """
    stack = ExitStack()
    for part, owner, name in [(INPUT, batches, "at"), *(_places(rule) if rule is not None else ())]:
        replace(stack, owner, name, sections.timed(part, getattr(owner, name)))
    if batches.augment:
        replace(stack, batches, "augment", tuple(sections.timed(AUGMENT, one) for one in batches.augment))
    return stack


def _places(rule: Rule) -> list[tuple[str, Any, str]]:
    """Where a rule's step comes by: the part, and the function's owner and name."""
    places: list[tuple[str, Any, str]] = [
        (BACKWARD, torch.autograd, "grad"),
        (BACKWARD, torch.autograd, "backward"),
    ]
    if isinstance(rule, GradientRule):  # what it calls may be compiled, and is left as it is
        places += [(DRAWS, rule, "prepare"), (FORWARD, rule, "slope")]
    else:
        places += [(FORWARD, rule.task, "objective")]
    return places + [(OPTIMIZER, one, "update") for one in rule.learned.values() if isinstance(one, Descent)]


def replace(stack: ExitStack, owner: Any, name: str, by: Any) -> None:  # noqa: ANN401
    """Put something in an attribute's place until the stack is closed."""
    before = vars(owner).get(name, ABSENT)
    setattr(owner, name, by)
    stack.callback(partial(delattr, owner, name) if before is ABSENT else partial(setattr, owner, name, before))
