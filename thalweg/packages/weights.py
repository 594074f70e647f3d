"""Weights of a package held against the model that it describes, ahead of the memory that this would take."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from thalweg.core.errors import PackageRefusal

MOST_UNSTORED_BYTES = 64 << 20
"""What a model may hold beside its weights (tables of sines, masks), where the weights themselves are not larger."""


def tried(build: Callable[[], nn.Module], weights: Mapping[str, Tensor], *, where: str) -> None:
    """Build a model without memory, and return where the weights are its own.

    What a package describes may be larger than all memory there is, while its weights are as large as their file.

    Raises:
        PackageRefusal: tensors are missing, unexpected, or of another shape or type; or it needs far more than they take.
    """
    with torch.device("meta"), _bounded(len(weights), where):
        try:
            module = build()
        except (NotImplementedError, RuntimeError):
            return  # somebody else's part reads values while it is built: then memory must do
    refuse_misfits(module, weights, where=where)
    stored = sum(one.nbytes for one in weights.values())
    beside = sum(one.nbytes for one in module.buffers()) + sum(one.nbytes for one in module.parameters()) - stored
    if beside > max(MOST_UNSTORED_BYTES, stored):
        raise _weights(f"the model needs {beside:,} bytes beside the {stored:,} of its weights", where)


@contextmanager
def _bounded(stored: int, where: str) -> Iterator[None]:
    """While a model is built: one that has many times the tensors that are stored is refused before it has them all."""
    most, thread, seen = 1000 + 4 * stored, threading.get_ident(), 0

    def count(module: nn.Module, name: str, parameter: object) -> None:
        nonlocal seen
        seen += threading.get_ident() == thread
        if seen > most:
            raise _weights(f"the model has more than {most:,} tensors, {stored:,} are stored", where)

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def fill(module: nn.Module, weights: Mapping[str, Tensor], *, where: str) -> None:
    """Put weights into a model.

    Raises:
        PackageRefusal: tensors are missing, unexpected, of another shape or type, or not finite.
    """
    refuse_misfits(module, weights, where=where)
    not_finite = [name for name, one in weights.items() if one.is_floating_point() and not torch.isfinite(one).all()]
    if not_finite:
        raise PackageRefusal(
            "PACKAGE_NOT_FINITE",
            f"{len(not_finite)} tensors hold values that are not finite: {', '.join(not_finite[:5])}"
            + (" ..." if len(not_finite) > 5 else ""),
            where=where,
            why="every answer would be nan",
            fix="train it again; thalweg doctor RUN says what went wrong",
            details={"tensors": not_finite},
        )
    types = _types(weights)
    if len(types) == 1:
        module.to(types.pop())
    module.load_state_dict(weights)


def refuse_misfits(module: nn.Module, weights: Mapping[str, Tensor], *, where: str) -> None:
    """Return where each weight has its place in a model, with its shape and type.

    Raises:
        PackageRefusal: otherwise; all that do not fit are told together.
    """
    expected = module.state_dict()
    problems = [f"{name}: missing" for name in expected if name not in weights]
    problems += [f"{name}: unexpected" for name in weights if name not in expected]
    problems += [
        f"{name}: shape {tuple(weights[name].shape)}, the model has {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    uniform = len(_types(weights)) == 1
    problems += [
        f"{name}: type {weights[name].dtype}, the model has {tensor.dtype}"
        for name, tensor in expected.items()
        if name in weights and not _same_type(weights[name], tensor, uniform=uniform)
    ]
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        told = f"{len(problems)} tensors do not fit the model: {'; '.join(problems[:5])}{more}"
        raise _weights(told, where, problems)


def _weights(what: str, where: str, problems: list[str] | None = None) -> PackageRefusal:
    return PackageRefusal(
        "PACKAGE_WEIGHTS",
        what,
        where=where,
        why="package.json describes another model than these weights are of",
        fix="take another copy; for your own class, give the one that was trained",
        details={"problems": problems or [what]},
    )


def _types(weights: Mapping[str, Tensor]) -> set[torch.dtype]:
    return {one.dtype for one in weights.values() if one.is_floating_point()}


def _same_type(given: Tensor, wanted: Tensor, *, uniform: bool) -> bool:
    """Whether a weight has the type that the model gives it; weights of one floating type move the whole model to it."""
    both = given.is_floating_point() and wanted.is_floating_point()
    return given.dtype == wanted.dtype or (uniform and both)
