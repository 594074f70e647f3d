"""A file with parts, anybody's: every one of them is held to the contracts of its sort."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from torch import nn

from thalweg.contracts import measures, models, rules, tasks
from thalweg.contracts.finding import Broken, Finding
from thalweg.contracts.subject import Subject, declared, undeclared
from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import PACKAGE, Declaration
from thalweg.rules._rule import Rule
from thalweg.tasks._task import Task

SOUGHT = "a class declared with @model, @task, @rule, @loss, @metric or another sort, or a torch.nn.Module"


def check_part(path: Path | str) -> list[Finding]:
    """What the contracts find of every part in a file; the file is run to import it.

    A model need not be declared: any `torch.nn.Module` class whose name does not begin with `_` is tried, as far as it goes
    without `tiny()` and `example()`.

    Raises:
        UsageRefusal: there is no such file, it cannot be imported, or no part stands in it.
    """
    file = Path(path).expanduser().resolve()
    if not file.is_file() or file.suffix != ".py":
        raise UsageRefusal(
            "PART_NO_FILE",
            f"there is no Python file {path}",
            where="thalweg check-part",
            why="parts are checked by their file",
            fix=f"give a .py file that holds {SOUGHT}",
        )
    module = imported(file, _module_name(file))
    findings = [finding for kind in _classes(module) for finding in _findings(kind, file)]
    if not findings:
        raise _nothing(file)
    return findings


def imported(file: Path, name: str) -> ModuleType:
    """The module that a file makes: one of thalweg by its own name, anybody's from the file.

    Raises:
        UsageRefusal: it raises while it is imported.
    """
    try:
        if file.is_relative_to(PACKAGE):
            return importlib.import_module(name)
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None, "a .py file has a loader"
        assert spec.loader is not None, "a .py file has a loader"
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except Exception as error:
        sys.modules.pop(name, None)
        raise UsageRefusal(
            "PART_NOT_IMPORTED",
            f"{file.name} cannot be imported: {type(error).__name__}: {error}",
            where=str(file),
            why="a part is tried by running it",
            fix=f"mend it until this runs: python {file.name}",
        ) from error


def _module_name(file: Path) -> str:
    if file.is_relative_to(PACKAGE):
        return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    return f"checked_{file.stem}"


def _classes(module: ModuleType) -> list[type]:
    """The declared classes that a module defines; where there are none, its modules of torch."""
    own = [one for one in vars(module).values() if inspect.isclass(one) and one.__module__ == module.__name__]
    parts = [one for one in own if _declaration(one) is not None]
    plain = [one for one in own if issubclass(one, nn.Module) and not one.__name__.startswith("_")]
    return parts or plain


def _declaration(kind: type) -> Declaration | None:
    found = vars(kind).get("declaration")
    return found if isinstance(found, Declaration) else None


def subject_of(kind: type[nn.Module], file: Path) -> Subject:
    """The subject of a model's class, declared or not.

    Raises:
        Broken: something is missing without which nothing can be tried.
    """
    return declared(kind, file) if _declaration(kind) is not None else undeclared(kind, file)


def _findings(kind: type, file: Path) -> Iterator[Finding]:
    try:
        if issubclass(kind, nn.Module):
            yield from models.of_subject(subject_of(kind, file), whole=_declaration(kind) is not None)
        elif issubclass(kind, Task):
            yield from tasks.of_class(kind)
        elif issubclass(kind, Rule):
            yield from rules.of_class(kind)
        else:
            yield from measures.of_class(kind)
    except Broken as fault:
        yield Finding(f"{kind.__name__} can be tried", False, fault.what, fault.fix)


def _nothing(file: Path) -> UsageRefusal:
    return UsageRefusal(
        "PART_NONE_FOUND",
        f"{file.name} declares no part",
        where=str(file),
        why="there is nothing that contracts could be tried on",
        fix=f"give a file that holds {SOUGHT}",
    )
