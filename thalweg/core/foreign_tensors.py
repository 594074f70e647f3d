"""Foreign tensors: the weights in a file that another library wrote, safetensors or PyTorch, by name and nothing else.

What lies where in the file is found out by a limited child process (`core/foreign`); here bytes become tensors.
"""

from pathlib import Path

from torch import Tensor

from thalweg.core.foreign.laid_out import blocks_of, check_sums
from thalweg.core.foreign.looking import looked_into
from thalweg.core.tensors import tensor_of


def read_foreign_tensors(path: Path, *, within: str = "") -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU; a `module.` that was put before all names is taken off.

    Args:
        within: under which key of the file they are, where that is not to be found out.

    Raises:
        PackageRefusal: it is no file of weights, is damaged, or holds anything but tensors and plain values.
        ResourceRefusal: this system cannot limit the process that looks into it, and it is none of safetensors.
    """
    with looked_into(path, within=within) as held:
        check_sums(held)
        return {one.name: tensor_of(blocks_of(held, one), one.bytes, one.dtype, one.shape) for one in held.found.tensors}
