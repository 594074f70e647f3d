"""Filling a model with published weights, tensor by tensor by name; what does not fit is told by key and shape."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from thalweg.core import registry
from thalweg.core.errors import PackageRefusal, UsageRefusal
from thalweg.core.foreign_tensors import read_foreign_tensors
from thalweg.core.settings import Settings
from thalweg.layers.published_head import Published, PublishedHead
from thalweg.models.weights.catalogue import Entry, entry, for_model, obtain

HEAD = "head."
"""What a model with a head calls it."""
COUNTS = "num_batches_tracked"
"""Old files lack these, and nothing depends on them."""


def fill_by_name(model: nn.Module, name: str, settings: Settings, given: str, *, download: bool = False) -> None:
    """Fill a model but for its head, which is learned anew for other classes; the published one is kept beside it.

    Args:
        name: what the model, or its variant, is called.
        given: a name of the catalogue, or the path of a file in the layout that is published for that model.
        download: the network may be used.

    Raises:
        UsageRefusal: the weights are for another model.
        PackageRefusal: they do not fit it.
        DataRefusal: they are not here.
    """
    path = Path(given).expanduser()
    known = for_model(name) if path.is_file() else entry(given)
    if known.model != name:
        raise UsageRefusal(
            "WEIGHTS_OTHER_MODEL",
            f"the weights {given} are for the model {known.model}, not for {name}",
            where="--weights",
            why="each tensor has its place in one architecture",
            fix=f"leave --model out, or --model {known.model}",
        )
    fill(model, read_foreign_tensors(path if path.is_file() else obtain(known, download=download)), known, settings)


def fill(model: nn.Module, tensors: Mapping[str, Tensor], known: Entry, settings: Settings, *, head: bool = False) -> None:
    """Copy tensors in a published layout into a model of these settings, all or none.

    Args:
        head: the output layer is filled too; otherwise it keeps its fresh weights.

    Raises:
        PackageRefusal: tensors are missing, left over, or of another shape.
    """
    called: Mapping[str, str] = registry.load("weights", known.name)(list(model.state_dict()), settings)
    wanted = {ours: theirs for ours, theirs in called.items() if head or not ours.startswith(HEAD)}
    own = model.state_dict()
    problems = [*_misfits(own, tensors, wanted), *_left_over(tensors, called)]
    if problems:
        raise _misfit(problems, known)
    with torch.no_grad():
        for ours, theirs in wanted.items():
            if theirs in tensors:
                own[ours].copy_(tensors[theirs])
    if isinstance(model, Published) and not head:
        model.published = _head(tensors, called)


def _head(tensors: Mapping[str, Tensor], called: Mapping[str, str]) -> PublishedHead | None:
    """The published head, where the file holds one."""
    found = [tensors.get(called.get(HEAD + name, "")) for name in PublishedHead._fields]
    held = [one.detach().float().clone() for one in found if one is not None]
    return PublishedHead(*held) if len(held) == len(found) else None


def _misfits(own: Mapping[str, Tensor], tensors: Mapping[str, Tensor], wanted: Mapping[str, str]) -> list[str]:
    found = []
    for ours, theirs in wanted.items():
        if theirs not in tensors and not ours.endswith(COUNTS):
            found.append(f"{theirs} is missing (it is {ours} here)")
        elif theirs in tensors and tensors[theirs].shape != own[ours].shape:
            shapes = f"{tuple(tensors[theirs].shape)}, the model's {ours} is {tuple(own[ours].shape)}"
            found.append(f"{theirs} is {shapes}")
    return found


def _left_over(tensors: Mapping[str, Tensor], called: Mapping[str, str]) -> list[str]:
    return [f"{theirs} has no place in the model" for theirs in tensors if theirs not in set(called.values())]


def _misfit(problems: list[str], known: Entry) -> PackageRefusal:
    more = f"; and {len(problems) - 3:,} more" if len(problems) > 3 else ""
    return PackageRefusal(
        "WEIGHTS_MISFIT",
        "; ".join(problems[:3]) + more,
        where=f"weights for the model {known.model}",
        why="weights in the wrong place would be worse than none",
        fix=f"use the model's published settings (thalweg info {known.model}) and pictures of as many channels: "
        "--set data.image_channels=3",
        details={"problems": problems},
    )
