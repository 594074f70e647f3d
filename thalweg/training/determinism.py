"""Equal bits from equal seeds: operations take their deterministic form, and those that have none are told or refused.

On a CPU that matters too: with several threads the gradient of `table[rows]` is summed in the order in which they come. It was
another one in five of five repetitions (200,000 rows of 64 into 1,000, four threads, torch 2.13.0); in its deterministic form
it was the same in all, and took no longer.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from thalweg.core import files
from thalweg.core.errors import Refusal, UsageRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk

LACKING = "does not have a deterministic implementation"
"""How torch says that of an operation, behind its name; of matrix products on a GPU it says the next."""
OF_PRODUCTS = "Deterministic behavior was enabled with either"
RECORDED = "not deterministic"
"""Under what a run's environment names such operations."""


@contextmanager
def deterministic(folder: RunFolder, talk: Talk, *, required: bool) -> Iterator[None]:
    """Within, operations are deterministic where torch can make them so; others are told once each and kept with the run.

    Args:
        required: others are refused.

    Raises:
        UsageRefusal: an operation has no deterministic form, where that is required.
    """
    found: list[str] = []

    def heard(message: str) -> bool:
        named = _operation(message)
        if named and named not in found:
            found.append(named)
            _record(folder, found)
            talk.warn(f"equal seeds will not give equal bits: {named} is not deterministic; --deterministic refuses such")
        return bool(named)

    with torch_deterministic(required=required), _warnings_to(heard):
        if torch.cuda.is_available() and torch.backends.cudnn.benchmark:
            heard(f"cudnn.benchmark, which chooses kernels by time, {LACKING}")
        try:
            yield
        except Exception as error:
            named = _operation(str(error.__cause__ or error))  # one in a part of the user's own was told by its line
            if not named:
                raise
            raise _refused(named, error) from error
        finally:
            _record(folder, found)  # once more: the first steps are tried before the folder is the run's


@contextmanager
def torch_deterministic(*, required: bool) -> Iterator[None]:
    """Within, operations take their deterministic form where torch has one; its own switch is set back at the end."""
    before = torch.get_deterministic_debug_mode()
    memory: Any = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else products on a GPU may be summed in another order
    memory.fill_uninitialized_memory = False  # what is empty is written before it is read
    torch.set_deterministic_debug_mode("error" if required else "warn")  # use_deterministic_algorithms loads a compiler, 1 s
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        memory.fill_uninitialized_memory = filled


@contextmanager
def _warnings_to(heard: Callable[[str], bool]) -> Iterator[None]:
    """Python's warnings go there first; those that are not taken are shown as ever."""
    show: Any = warnings.showwarning

    def shown(message: Warning | str, *facts: Any) -> None:  # noqa: ANN401 - what Python gives
        if not heard(str(message)):
            show(message, *facts)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=f".*{LACKING}")
        warnings.filterwarnings("always", message=f".*{OF_PRODUCTS}")
        warnings.showwarning = shown  # type: ignore[assignment]
        yield


def _operation(message: str) -> str:
    """The operation that torch says is not deterministic; empty where it says something else."""
    if OF_PRODUCTS in message:
        return "a product of matrices on the GPU"
    return message.partition(LACKING)[0].strip(" ,") if LACKING in message else ""


def _refused(operation: str, error: Exception) -> UsageRefusal:
    return UsageRefusal(
        "NOT_DETERMINISTIC",
        f"{operation} has no deterministic form here",
        where=error.where if isinstance(error, Refusal) else "--deterministic",
        why="the same training would end with other bits each time",
        fix="--device cpu, or a net and loss without it; without --deterministic it is told and recorded",
        details={"operation": operation},
    )


def _record(folder: RunFolder, found: list[str]) -> None:
    """Keep the operations with the facts that bits depend on."""
    if not found or not folder.environment.is_file():
        return
    told = files.read_object(folder.environment, where=folder.environment.name)
    known = told.get(RECORDED, [])
    with files.understood(folder.environment):
        all_of_them = sorted({*known, *found})
    if len(all_of_them) > len(known):
        files.write_json(folder.environment, told | {RECORDED: all_of_them})
