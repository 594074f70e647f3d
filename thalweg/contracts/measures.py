"""The contracts of losses and metrics, tried on the example that each brings; and of what any other sort of part declares."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from thalweg.contracts.declaration import ANY, Declared, settings_survive_json
from thalweg.contracts.excuses import stale
from thalweg.contracts.finding import Beside, Contract, Finding, broken, checked
from thalweg.core.registry import Declaration
from thalweg.core.settings import Settings
from thalweg.losses._loss import Loss
from thalweg.losses._slope_error import slope_error
from thalweg.metrics._metric import Metric

LOSS_FACTS = ("output", "target", "unit")
METRIC_FACTS = ("better", "reads", "target", "unit")
NEAR = 1e-9
"""Relative difference that another order of the same float64 sums may make."""


@dataclass(frozen=True)
class Part:
    """A part of any sort, as its declaration is looked at."""

    kind: type
    file: Path

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it declares."""
        declaration: Declaration = self.kind.declaration  # type: ignore[attr-defined]
        return declaration.facts


class Compared(NamedTuple):
    """What a loss or metric is tried on: two tensors with a row for each example, and a mask where there is one."""

    given: Tensor
    target: Tensor
    mask: Tensor | None

    def row(self, index: int) -> "Compared":
        """One example alone."""
        one = slice(index, index + 1)
        return Compared(self.given[one], self.target[one], None if self.mask is None else self.mask[one])

    def spoilt(self) -> "Compared":
        """The same with other values where the mask hides them.

        Raises:
            Beside: there is no mask, or it hides nothing.
        """
        if self.mask is None or bool(self.mask.all()):
            raise Beside("its example has no mask that hides something")
        mask = self.mask
        return Compared(_with_mess(self.given, mask), _with_mess(self.target, mask), mask)


def _with_mess(values: Tensor, mask: Tensor) -> Tensor:
    if values.shape[: mask.ndim] != mask.shape:
        return values
    mess = torch.nan if values.is_floating_point() else 10**6
    return values.masked_fill(~mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim)), mess)


@dataclass(frozen=True)
class Comparing(Part):
    """A loss or metric with its example.

    Attributes:
        settings: of the example.
        rows: what it makes of each example (B, ...).
        value: of a metric, what all rows come to.
        stated: what they come to as the example says.
    """

    settings: Settings
    rows: Callable[..., Tensor]
    example: Compared
    value: Callable[[Tensor], float | None] | None = None
    stated: float | None = None


def of_class(kind: type) -> Iterator[Finding]:
    """What the contracts find of a declared loss, metric or other part that has no contracts of its own here."""
    excused: Mapping[str, str] = Part(kind, _file(kind)).facts.get("excused", {})
    if issubclass(kind, Loss):
        yield from checked(LOSSES, _loss(kind), excused)
    elif issubclass(kind, Metric):
        yield from checked(METRICS, _metric(kind), excused)
    else:
        yield from checked(ANY, Part(kind, _file(kind)), excused)
        yield Finding("it does what its sort is for", True, "not looked at: of this sort, declarations alone are")
    yield from stale(LOSSES | METRICS, excused)


def _file(kind: type) -> Path:
    return Path(inspect.getfile(kind))


def _loss(kind: type[Loss[Any]]) -> Comparing:
    _refuse_abstract(kind)
    settings, output, target, mask = kind.example()
    return Comparing(kind, _file(kind), settings, kind(settings), Compared(output.double(), target, mask))


def _metric(kind: type[Metric[Any]]) -> Comparing:
    _refuse_abstract(kind)
    settings, prediction, target, mask, stated = kind.example()
    made = kind(settings)

    def value(rows: Tensor) -> float | None:
        return made.value(rows.sum(0) if made.additive else rows)

    return Comparing(kind, _file(kind), settings, made.rows, Compared(prediction, target, mask), value, stated)


def _refuse_abstract(kind: type[Loss[Any]] | type[Metric[Any]]) -> None:
    lacking = sorted(kind.__abstractmethods__) if inspect.isabstract(kind) else []
    if lacking:
        base = "thalweg/losses/absolute.py" if issubclass(kind, Loss) else "thalweg/metrics/accuracy.py"
        broken(f"{kind.__name__} lacks {', '.join(lacking)}", f"write them; see {base}")


def _answer(subject: Comparing, compared: Compared) -> Tensor:
    return subject.rows(compared.given, compared.target, compared.mask)


def example_survives_json(subject: Comparing) -> None:
    """The settings of its example come back from their JSON as they were; those of some metrics have no defaults."""
    if type(subject.settings).model_validate_json(subject.settings.model_dump_json()) != subject.settings:
        broken(f"{subject.settings!r} comes back from JSON as something else", "use numbers, text, tuples and settings only")


def states_its_facts(subject: Comparing) -> None:
    """Its declaration says what it reads and in what unit."""
    wanted = LOSS_FACTS if issubclass(subject.kind, Loss) else METRIC_FACTS
    lacking = [name for name in wanted if name not in subject.facts]
    if lacking:
        example = "".join(f', {name}="..."' for name in lacking)
        broken(f"its declaration lacks {', '.join(lacking)}", f'state them: @...("name", settings=...{example})')


def gives_a_row_for_each_row(subject: Comparing) -> None:
    """One finite number for each example of a loss; one row of float64 statistics for each of a metric."""
    answer: Any = _answer(subject, subject.example)
    rows, one = len(subject.example.given), issubclass(subject.kind, Loss)
    wanted = f"({rows},)" if one else f"({rows}, k) float64"
    if not isinstance(answer, Tensor):
        broken(f"it gives a {type(answer).__name__}; a tensor {wanted} is wanted", "return the tensor: no .item(), no .numpy()")
    if answer.ndim != (1 if one else 2) or len(answer) != rows or (not one and answer.dtype != torch.float64):
        shape = f"{tuple(answer.shape)} {str(answer.dtype).removeprefix('torch.')}"
        broken(
            f"for {rows} examples it gives {shape}; {wanted} is wanted", "average over all axes but the first, and over no rows"
        )
    if not bool(torch.isfinite(answer).all()):
        broken("it is not finite on its own example", "look for divisions, logarithms and roots at zero")


def rows_are_independent(subject: Comparing) -> None:
    """What an example comes to does not depend on those beside it."""
    if not subject.facts.get("rows_independent", True):
        raise Beside("it declares rows_independent=False")
    whole = _answer(subject, subject.example)
    if whole.ndim == 0:
        raise Beside("it gives no row for each example")
    for index in range(len(whole)):
        alone = _answer(subject, subject.example.row(index))
        if not torch.allclose(alone, whole[index : index + 1], rtol=NEAR, atol=NEAR):
            broken(f"example {index} comes to something else alone", "or declare rows_independent=False")


def hidden_values_change_nothing(subject: Comparing) -> None:
    """What a mask hides changes nothing, whatever stands there."""
    usual, spoilt = _answer(subject, subject.example), _answer(subject, subject.example.spoilt())
    if not torch.equal(usual, spoilt):
        broken(
            "values under the mask change it",
            "replace them first: thalweg.losses._loss.visible, thalweg.metrics._metric.summed",
        )


def inputs_stay_untouched(subject: Comparing) -> None:
    """What it compares holds the same values afterwards."""
    given, target = subject.example.given.clone(), subject.example.target.clone()
    _answer(subject, subject.example)
    if not (torch.equal(given, subject.example.given) and torch.equal(target, subject.example.target)):
        broken("it changes what it is given", "work on a copy: x = x - y, not x -= y")


def slope_is_right(subject: Comparing) -> None:
    """Its slope is that of finite differences."""
    error = slope_error(lambda given: _answer(subject, subject.example._replace(given=given)), subject.example.given)
    if error is not None:
        broken(f"its slope is not that of finite differences: {error}", "detach and round nothing, or mend its backward")


def large_outputs_are_finite(subject: Comparing) -> None:
    """Outputs of ten thousand give finite losses and slopes in float32."""
    for sign in (-1e4, 1e4):
        output = torch.full_like(subject.example.given, sign, dtype=torch.float32).requires_grad_()
        answer = _answer(subject, subject.example._replace(given=output))
        (slope,) = torch.autograd.grad(answer.sum(), output)
        if not bool(torch.isfinite(answer).all() & torch.isfinite(slope).all()):
            broken(f"outputs of {sign:g} give a loss or slope that is not finite", "use log_softmax, logsigmoid or softplus")


def value_is_as_stated(subject: Comparing) -> None:
    """On its example it comes to what its example states."""
    assert subject.value is not None
    value = subject.value(_answer(subject, subject.example))
    if subject.stated is None:
        raise Beside("its example states no value")
    if value is None or abs(value - subject.stated) > 1e-6 * (1 + abs(subject.stated)):
        broken(
            f"it comes to {value}, its example states {subject.stated}",
            "work the example out by hand, and mend the one that is wrong",
        )


SHARED: dict[str, Contract[Comparing]] = {
    "the settings of its example come back from JSON as they were": example_survives_json,
    "its declaration says what it reads": states_its_facts,
    "it gives a row for each example": gives_a_row_for_each_row,
    "an example does not depend on those beside it": rows_are_independent,
    "what a mask hides changes nothing": hidden_values_change_nothing,
    "what it compares stays untouched": inputs_stay_untouched,
}
"""What losses and metrics are held to alike."""

_DECLARED: dict[str, Contract[Declared]] = {said: one for said, one in ANY.items() if one is not settings_survive_json}

LOSSES: dict[str, Contract[Comparing]] = {
    **_DECLARED,
    **SHARED,
    "its slope is that of finite differences": slope_is_right,
    "large outputs give finite losses and slopes": large_outputs_are_finite,
}
"""What a loss is held to."""

METRICS: dict[str, Contract[Comparing]] = {**_DECLARED, **SHARED, "it comes to what its example states": value_is_as_stated}
"""What a metric is held to."""
