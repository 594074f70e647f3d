"""Import weights: what another program saved, found out without running any of it, and written as safetensors."""

import os
from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

from thalweg.core.errors import UsageRefusal
from thalweg.core.files import written_in_parts
from thalweg.core.foreign.found import STORED, Found
from thalweg.core.foreign.laid_out import check_sums, write_safetensors
from thalweg.core.foreign.looking import looked_into

SUFFIX = ".safetensors"
TYPES = {stored: name for name, (stored, _) in STORED.items() if stored}
"""What torch calls each type of a safetensors file."""


def import_weights(path: str | Path, *, out: str | Path | None = None, within: str = "", force: bool = False) -> dict[str, Any]:
    """Write the weights in a file of another program as a safetensors file, by name and nothing else.

    Read are what `torch.save` writes (`.pt`, `.pth`, `.bin`, `.ckpt`; as a zip, or as before PyTorch 1.6) and safetensors, told
    by their content. The pickle in such a file is never run: a child process, which may open no file and no socket and has
    little memory, reads it as a list of steps and answers in numbers where which tensor lies; this process checks them against
    the file and copies bytes. A file that names anything but tensors and plain values is refused, and nothing relaxes that.
    Only Linux can hold a process to so little: elsewhere safetensors alone are read.

    Args:
        out: the file that is written; by default the name of `path` with `.safetensors`, in the current folder.
        within: the key under which the weights are, where a file holds several ("generator").
        force: a file in `out` may be written over.

    Returns:
        `file` (what was written), `form` (what was read), `tensors` (name, shape, dtype), `values` and `bytes` in all, `within`
        and `prefix` (under which key they were, what was taken off all names), `shared` (how many lie in memory of another),
        `left_out` (what else there was, and how many tensors were in it).

    Raises:
        PackageRefusal: the file is none of weights, damaged, claims more than it holds, or holds anything but tensors.
        UsageRefusal: something stands in `out`.
        ResourceRefusal: it cannot be written, or this system cannot limit a process and the file is none of safetensors.

    Example:
        >>> found = tw.import_weights("resnet18-f37072fd.pth", out="resnet18.safetensors")  # doctest: +SKIP
        >>> run = tw.train("photos", model="resnet18", weights=found["file"])  # doctest: +SKIP
    """
    path = Path(path).expanduser()
    target = Path((path.stem or "weights") + SUFFIX) if out is None else Path(out).expanduser()
    _refuse_unwritable(target, path, force=force)
    with looked_into(path, within=within) as held:
        check_sums(held)
        with written_in_parts(target) as write:
            size = write_safetensors(held, write)
    return {"file": str(target), "read": str(path), "bytes": size, **_told(held.found)}


def _told(found: Found) -> dict[str, Any]:
    places = Counter((one.begin, one.offset, one.shape, one.stride) for one in found.tensors if one.bytes)
    return {
        "form": found.form,
        "tensors": [{"name": one.name, "shape": list(one.shape), "dtype": TYPES[one.dtype]} for one in found.tensors],
        "values": sum(prod(one.shape) for one in found.tensors),
        "within": found.within,
        "prefix": found.prefix,
        "shared": sum(count - 1 for count in places.values()),
        "left_out": dict(found.left_out),
    }


def _refuse_unwritable(target: Path, source: Path, *, force: bool) -> None:
    if target.suffix.casefold() != SUFFIX:
        raise UsageRefusal(
            "OUT_UNKNOWN_FORMAT",
            f'weights are not written as "{target.suffix or target.name}"',
            where=f"--out {target}",
            why="they are written as safetensors, which nothing can be hidden in",
            fix=f"--out {target.stem or 'weights'}{SUFFIX}",
        )
    same = target.exists() and source.exists() and os.path.samefile(target, source)
    if os.path.lexists(target) and (same or target.is_dir() or not force):
        raise UsageRefusal(
            "OUT_EXISTS",
            f"{target} stands there already",
            where=f"--out {target}",
            why="what is read is never written over" if same else "nothing is written over unless that is said",
            fix="choose another name: --out FILE.safetensors" + ("" if same or target.is_dir() else ", or --force"),
        )
