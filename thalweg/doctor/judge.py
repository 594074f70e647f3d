"""The judge: asks every fault in its turn, and leaves out those that a graver one explains."""

from collections.abc import Callable, Sequence
from typing import Any

from thalweg.core import registry
from thalweg.doctor.found import Found, Unprobed
from thalweg.doctor.trace import Trace

Fault = Callable[[Trace], Found | Unprobed | None]
"""A function of a trace, declared with `@fault(name, turn=, about=, hides=, severity=)`.

`turn` is its place among the faults, the gravest first. `about` is what kind of thing it is, and `hides` the kinds that it
explains; what came about in training is of the kind `late` instead, and is judged after the rest. What is declared `alone` is
told only where nothing else is, and what is declared `at_once` while a run still learns.
"""


def judged(trace: Trace, *, ours: bool = False) -> list[dict[str, Any]]:
    """The findings, the gravest first: name, severity, what, where, why, fix, and how sure.

    Args:
        ours: the training is one of this library, whose remedies are settings.
    """
    return [
        {"name": name, "severity": registry.facts("fault", name)["severity"]}
        | {"what": found.what, "where": found.where, "why": found.why}
        | {"fix": (found.setting if ours else "") or found.fix, "sure": found.sure}
        for name, found in _unexplained(_holding(trace))
    ]


def told_at_once(trace: Trace) -> list[dict[str, Any]]:
    """Of the findings of a run of ours, those that are worth hearing while it still learns."""
    return [one for one in judged(trace, ours=True) if registry.facts("fault", one["name"]).get("at_once")]


def wants_probe(trace: Trace) -> bool:
    """A fault cannot be judged before the probe has run."""
    return any(isinstance(answer, Unprobed) for _, answer in _asked(trace))


def in_turn() -> list[str]:
    """The names of all faults, the gravest first."""
    return sorted(registry.names("fault"), key=lambda name: (registry.facts("fault", name)["turn"], name))


def _asked(trace: Trace) -> list[tuple[str, Found | Unprobed | None]]:
    return [(name, registry.load("fault", name)(trace)) for name in in_turn()]


def _holding(trace: Trace) -> list[tuple[str, Found]]:
    held = [(name, answer) for name, answer in _asked(trace) if isinstance(answer, Found)]
    return sorted(held, key=lambda pair: (registry.facts("fault", pair[0]).get("alone", False), pair[1].late))


def _unexplained(held: Sequence[tuple[str, Found]]) -> list[tuple[str, Found]]:
    """What no fault before it explains; what an explained one explains is explained too."""
    hidden: set[str] = set()
    kept = list[tuple[str, Found]]()
    for name, found in held:
        facts = registry.facts("fault", name)
        kinds = {"late"} if found.late else {facts["about"]}
        if not kinds & hidden and not (facts.get("alone") and kept):
            kept.append((name, found))
        hidden |= set(facts["hides"])
    return kept
