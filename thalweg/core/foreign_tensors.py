"""Foreign tensors: the weights in a file that another library wrote, safetensors or PyTorch, by name and nothing else.

A PyTorch file is a pickle. It is read by torch's own restricted reader, which knows tensors and plain containers and refuses
every other object; no other file of this package reads one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from thalweg.core.errors import PackageRefusal
from thalweg.core.manifest import shown
from thalweg.core.tensors import tensors_from_bytes

PYTORCH = (".pt", ".pth")
SAFETENSORS = ".safetensors"
WITHIN = ("state_dict", "model", "model_state_dict")
"""Where training scripts put the weights among other things."""


def read_foreign_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU; a `module.` that was put before all names is taken off.

    Raises:
        PackageRefusal: it is no file of weights, is damaged, or holds anything but tensors and plain containers.
    """
    suffix = path.suffix.casefold()
    if suffix == SAFETENSORS:
        return tensors_from_bytes(path.read_bytes(), where=shown(str(path)))
    if suffix not in PYTORCH:
        raise _refusal(path, f"{shown(path.name)} is no file of weights", "weights are read from .safetensors, .pt and .pth")
    found = _unpacked(path)
    tensors = {name: one.detach() for name, one in found.items() if isinstance(name, str) and isinstance(one, Tensor)}
    if not tensors:
        raise _refusal(path, f"{shown(path.name)} holds no weights by name", "a state dict maps names to tensors")
    prefixed = all(name.startswith("module.") for name in tensors)
    return {name.removeprefix("module.") if prefixed else name: one for name, one in tensors.items()}


def _unpacked(path: Path) -> Mapping[Any, Any]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - a damaged file makes torch raise whatever its reader stumbles over
        first = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise _refusal(
            path, f"{shown(path.name)} cannot be read as weights alone: {first}", "nothing else in it is run"
        ) from None
    inner = [found[name] for name in WITHIN if isinstance(found, Mapping) and isinstance(found.get(name), Mapping)]
    found = inner[0] if inner else found
    return found if isinstance(found, Mapping) else {}


def _refusal(path: Path, what: str, why: str) -> PackageRefusal:
    fix = "save the weights alone: safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')"
    return PackageRefusal("WEIGHTS_UNREADABLE", what, where=shown(str(path)), why=why, fix=fix)
