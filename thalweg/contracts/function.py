"""Function: what a model answers, and on what its answer may depend."""

from collections.abc import Iterator

import torch
from torch import Tensor

from thalweg.contracts.finding import Beside, Contract, broken
from thalweg.contracts.subject import Subject, Tensors, seeded
from thalweg.fields.ports import Port

ROUNDING = 1e-4
"""Relative and absolute difference that another order of the same float32 sums may make."""


def gives_declared_outputs(subject: Subject) -> None:
    """One row of each declared output for each row given, for batches of 1, 2 and 5."""
    model = subject.made()
    for count in (1, 2, 5):
        answers = subject.answer(model, subject.rows(count))
        for port in subject.ports.outputs:
            if port.name not in answers:
                broken(f"there is no output {port.name}, only {', '.join(answers)}", "name outputs as the ports do")
            shape = tuple(answers[port.name].shape)
            if not _fits(port, shape, count):
                broken(
                    f"for {count} rows {port.name} has shape {shape}, its port says {port.shape or ''} of width {port.width}",
                    "give a row for each row, as wide as the port",
                )


def _fits(port: Port, shape: tuple[int, ...], count: int) -> bool:
    if not shape or shape[0] != count:
        return False
    if port.size is None and None in port.shape:
        return True  # how many there are varies by row: how a model says it is between it and its task
    wanted = [port.size] if port.size is not None else [axis for axis in port.shape if axis is not None]
    flat = torch.Size(shape[1:]).numel()
    return all(axis in shape[1:] for axis in wanted) or flat == port.width


def answers_are_finite(subject: Subject) -> None:
    """No answer is infinite or not a number, for the example and for inputs a hundred times as large."""
    model = subject.made()
    for factor in (1.0, 100.0):
        rows = {name: one * factor if one.is_floating_point() else one for name, one in subject.rows().items()}
        for name, answer in subject.answer(model, rows).items():
            if not bool(torch.isfinite(answer).all()):
                broken(f"{name} is not finite for inputs times {factor:g}", "look for divisions, logarithms and exponentials")


def rows_are_independent(subject: Subject) -> None:
    """What a row is answered does not depend on the rows beside it."""
    if not subject.facts.get("rows_independent", True):
        raise Beside("it declares rows_independent=False")
    model = subject.made()
    whole = subject.answer(model, subject.rows(5))
    for first, last in ((0, 1), (1, 3), (3, 5)):
        part = subject.answer(model, {name: one[first:last] for name, one in subject.rows(5).items()})
        for name, answer in part.items():
            if not _same(answer, whole[name][first:last]):
                broken(f"{name} of row {first} changes with the other rows", "or declare rows_independent=False")


def padding_changes_nothing(subject: Subject) -> None:
    """Values under a mask, and how many of them there are, change no answer."""
    masked = [port for port in subject.ports.inputs if port.masked]
    if not masked:
        raise Beside("no input has a mask")
    model, rows = subject.made(), subject.rows()
    usual = subject.answer(model, rows)
    for port in masked:
        for padded in _padded(port, rows):
            for name, answer in subject.answer(model, padded).items():
                if not _same(*_real(answer, usual[name], rows[f"{port.name}_mask"])):
                    broken(f"padding of {port.name} changes {name}", "mask after every layer that mixes positions")


def _padded(port: Port, rows: Tensors) -> Iterator[dict[str, Tensor]]:
    """The rows with other values where nothing is, and with three more places where nothing is."""
    axis, mask = 1 + (port.shape.index(None) if None in port.shape else 0), rows[f"{port.name}_mask"]
    values = rows[port.name].movedim(axis, 1)  # (B, L, ...)
    mess = _mess(port, values, len(values), values.shape[1])
    inside = mask.view(*mask.shape, *[1] * (values.dim() - 2))
    yield {**rows, port.name: torch.where(inside, values, mess).movedim(1, axis)}
    longer = torch.cat([values, _mess(port, values, len(values), 3)], 1).movedim(1, axis)
    yield {**rows, port.name: longer, f"{port.name}_mask": torch.cat([mask, mask.new_zeros(len(mask), 3)], 1)}


def _mess(port: Port, like: Tensor, count: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    shape = (count, width, *like.shape[2:])
    if like.is_floating_point():
        return 9.0 * torch.randn(shape, generator=generator).to(like.dtype)
    return torch.randint(port.size or 2, shape, generator=generator).to(like.dtype)


def _real(answer: Tensor, usual: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Both answers where there is something: the places of a sequence that the mask (B, L) admits, else all."""
    corner = answer[tuple(slice(0, side) for side in usual.shape)]
    if usual.dim() < 2 or usual.shape[:2] != mask.shape:
        return corner, usual
    return corner[mask], usual[mask]


def the_future_is_hidden(subject: Subject) -> None:
    """What is answered at a place does not depend on later places, where the model is declared causal."""
    if not subject.facts.get("causal", False):
        raise Beside("it is not declared causal")
    model, rows = subject.made(), subject.rows()
    usual = subject.answer(model, rows)
    for port in subject.ports.inputs:
        values = rows[port.name]
        if values.dim() < 2 or values.shape[1] < 2:
            continue
        changed = {**rows, port.name: torch.cat([values[:, :-1], _mess(port, values, len(values), 1)], 1)}
        for name, answer in subject.answer(model, changed).items():
            before = values.shape[1] - 1
            if not _same(answer[:, :before], usual[name][:, :before]):
                broken(f"the last of {port.name} changes earlier places of {name}", "look back only, or take causal=True out")


def two_evaluations_agree(subject: Subject) -> None:
    """Asked twice in evaluation mode, whatever the random state, it answers the same bits."""
    model = subject.made()
    with seeded(1):
        first = subject.answer(model, subject.rows())
    with seeded(2):
        second = subject.answer(model, subject.rows())
    if any(not torch.equal(first[name], second[name]) for name in first):
        broken("two evaluations of the same rows differ", "draw only in training mode, and change no state when answering")


def inputs_stay_untouched(subject: Subject) -> None:
    """Inputs hold the same values after an answer, in training mode too."""
    for training in (False, True):
        model, rows = subject.made().train(training), subject.rows()
        subject.answer(model, rows)
        changed = [name for name, one in subject.rows().items() if not torch.equal(one, rows[name])]
        if changed:
            broken(f"{', '.join(changed)} is changed in place", "work on a copy: x = x + 1, not x += 1")


def same_seed_same_weights(subject: Subject) -> None:
    """The same seed gives the same weights, and building draws from nothing but torch's default generator."""
    first, second = subject.made(seed=3).state_dict(), subject.made(seed=3).state_dict()
    differing = [name for name in first if not torch.equal(first[name], second[name])]
    if differing:
        broken(f"{differing[0]} differs between two models of the same seed", "initialise with torch's default generator")


def _same(ours: Tensor, theirs: Tensor) -> bool:
    return ours.shape == theirs.shape and torch.allclose(ours.float(), theirs.float(), rtol=ROUNDING, atol=ROUNDING)


CONTRACTS: dict[str, Contract[Subject]] = {
    "it gives its declared outputs for 1, 2 and 5 rows": gives_declared_outputs,
    "its answers are finite": answers_are_finite,
    "a row's answer does not depend on other rows": rows_are_independent,
    "padding under a mask changes nothing": padding_changes_nothing,
    "the future is hidden": the_future_is_hidden,
    "two evaluations agree": two_evaluations_agree,
    "inputs stay untouched": inputs_stay_untouched,
    "the same seed gives the same weights": same_seed_same_weights,
}
"""What any module's answers are held to."""
