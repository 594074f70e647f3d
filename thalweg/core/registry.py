"""Parts: declared by a decorator in their own file, listed by reading source text, imported when asked for.

`names("model")` parses the decorator lines of `thalweg/models/**.py` and imports none of them; `load("model", "lenet5")`
imports exactly its file. Other packages add parts by entry points (`thalweg.model`, ...) that run only when they are named.
"""

import ast
import functools
import importlib
import importlib.metadata
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from thalweg.core.errors import UsageRefusal, did_you_mean
from thalweg.core.settings import Settings, read_settings

PACKAGE = Path(__file__).resolve().parent.parent

ROOMS = {
    "kind": "fields",
    "source": "data",
    "augmentation": "data",
    "loss": "losses",
    "metric": "metrics",
    "activation": "layers",
    "initialisation": "layers",
    "normalisation": "layers",
    "dropout": "layers",
    "encoder": "layers",
    "optimizer": "optimizers",
    "schedule": "optimizers",
    "model": "models",
    "weights": "models",
    "task": "tasks",
    "rule": "rules",
    "program": "engine",
    "baseline": "evaluation",
    "features": "evaluation",
    "detector": "checks",
    "sameness": "checks",
    "clues": "checks",
    "measures": "checks",
    "fault": "doctor",
    "view": "report",
    "picture": "packages",
}
"""Each sort of part and the room whose files hold it."""

HEAD = re.compile(r'^(?:class|def) .*?:\n(?:\s+""".*?""")?', re.MULTILINE | re.DOTALL)
"""The first line of a class or function, which may be broken, and its docstring."""
T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """One declared part: what its decorator line says, without its file being imported.

    Attributes:
        facts: the literal keywords of the decorator (paper, causal, tasks, ...).
        variant_of: for a row of a family's table of variants, the family's name.
    """

    sort: str
    name: str
    module: str
    symbol: str
    line: int
    summary: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    variant_of: str | None = None


@dataclass(frozen=True)
class Declaration:
    """What the decorator attached to the part itself, as `part.declaration`."""

    sort: str
    name: str
    settings: type[Settings]
    variants: Mapping[str, Settings]
    facts: Mapping[str, Any]


def part(
    sort: str, name: str, *, settings: type[Settings] = Settings, variants: Mapping[str, Settings] | None = None, **facts: Any
) -> Callable[[T], T]:
    """The decorator that declares a part; each sort has its own short name below (`@model("lenet5", ...)`).

    Args:
        settings: the pydantic model that feeds the constructor.
        variants: published rows of the family: name to settings.
        facts: literals only, so that the scan can read them.
    """
    if sort not in ROOMS:
        what, why = f'"{sort}" is no sort of part', "each sort has a contract of its own"
        raise UsageRefusal("PART_UNKNOWN_SORT", what, where=f'part "{name}"', why=why, fix=f"one of {', '.join(ROOMS)}")

    def declare(thing: T) -> T:
        thing.declaration = Declaration(sort, name, settings, variants or {}, facts)  # type: ignore[attr-defined]
        return thing

    return declare


kind = functools.partial(part, "kind")
source = functools.partial(part, "source")
augmentation = functools.partial(part, "augmentation")
loss = functools.partial(part, "loss")
metric = functools.partial(part, "metric")
activation = functools.partial(part, "activation")
initialisation = functools.partial(part, "initialisation")
normalisation = functools.partial(part, "normalisation")
dropout = functools.partial(part, "dropout")
encoder = functools.partial(part, "encoder")
optimizer = functools.partial(part, "optimizer")
schedule = functools.partial(part, "schedule")
model = functools.partial(part, "model")
weights = functools.partial(part, "weights")
task = functools.partial(part, "task")
rule = functools.partial(part, "rule")
program = functools.partial(part, "program")
baseline = functools.partial(part, "baseline")
features = functools.partial(part, "features")
detector = functools.partial(part, "detector")
sameness = functools.partial(part, "sameness")
clues = functools.partial(part, "clues")
measures = functools.partial(part, "measures")
fault = functools.partial(part, "fault")
view = functools.partial(part, "view")
picture = functools.partial(part, "picture")


def plural(sort: str) -> str:
    """What several parts of a sort are called: models, losses, features, weights."""
    return sort if sort.endswith(("es", "ts")) else f"{sort}es" if sort.endswith("s") else f"{sort}s"


def names(sort: str) -> list[str]:
    """All names of a sort, variants and entry points included, sorted; no part's file is imported."""
    return sorted(set(parts(sort)) | set(_entry_points(sort)))


@functools.cache
def parts(sort: str) -> Mapping[str, Part]:
    """The parts of a sort that ship with thalweg, by name, read from their decorator lines.

    Raises:
        UsageRefusal: two parts of one sort with the same name; the scan names both files.
    """
    found: dict[str, Part] = {}
    for path in sorted((PACKAGE / ROOMS[sort]).rglob("*.py")):
        for one in scan(sort, path):
            if one.name in found:
                raise UsageRefusal(
                    "PART_DUPLICATE_NAME",
                    f'two {sort}s are named "{one.name}"',
                    where=f"{found[one.name].module} and {one.module}:{one.line}",
                    why="a name must mean one thing",
                    fix="rename one of them",
                )
            found[one.name] = one
    return found


def scan(sort: str, path: Path) -> list[Part]:
    """The parts of a sort that a file declares, read from its text; the file may be anybody's."""
    text = path.read_text(encoding="utf-8")
    if f"\n@{sort}(" not in text:
        return []
    try:
        return _declared(sort, path, _heads(sort, text), {})
    except (SyntaxError, LookupError, ValueError):
        return _whole(sort, path, text)


def _whole(sort: str, path: Path, text: str) -> list[Part]:
    tree = ast.parse(text)
    given = [(node.targets, node.value) for node in tree.body if isinstance(node, ast.Assign)]
    tables = {target.id: value for targets, value in given for target in targets if isinstance(target, ast.Name)}
    return _declared(sort, path, tree, defaultdict(lambda: ast.Constant(None), tables))


def _heads(sort: str, text: str) -> ast.Module:
    """The decorated classes and functions of a file without their bodies, in a fifth of the time that all of it takes to parse.

    Raises:
        LookupError, SyntaxError, ValueError: more of it must be read.
    """
    whole = ast.Module([], [])
    for found in re.compile(rf"^@{sort}\(", re.MULTILINE).finditer(text):
        head = HEAD.search(text, found.end())
        within = text.count('"""', 0, found.start()) % 2 or "'''" in text  # a string, perhaps
        if head is None or within or '"""' in text[found.end() : head.start()]:
            raise LookupError
        [node] = ast.parse(text[found.start() : head.end()] + "\n    pass").body
        whole.body.append(ast.increment_lineno(node, text.count("\n", 0, found.start())))
    return whole


def _declared(sort: str, path: Path, tree: ast.Module, tables: Mapping[str, ast.expr]) -> list[Part]:
    ours = path.is_relative_to(PACKAGE.parent)
    module = ".".join((path.relative_to(PACKAGE.parent) if ours else Path(path.name)).with_suffix("").parts)
    found = []
    for node in (one for one in tree.body if isinstance(one, ast.ClassDef | ast.FunctionDef)):
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == sort:
                found += _rows(sort, module, node, call, tables)
    return found


def _rows(
    sort: str, module: str, node: ast.ClassDef | ast.FunctionDef, call: ast.Call, tables: Mapping[str, ast.expr]
) -> list[Part]:
    name = ast.literal_eval(call.args[0])
    summary = (ast.get_docstring(node) or "").split("\n")[0]
    facts, variants = {}, []
    for keyword in call.keywords:
        if keyword.arg == "variants":
            table = tables[keyword.value.id] if isinstance(keyword.value, ast.Name) else keyword.value
            variants = [ast.literal_eval(key) for key in table.keys if key] if isinstance(table, ast.Dict) else []
        elif keyword.arg and keyword.arg != "settings":
            facts[keyword.arg] = ast.literal_eval(keyword.value)
    rows = [Part(sort, name, module, node.name, node.lineno, summary, facts)]
    return rows + [Part(sort, row, module, node.name, node.lineno, summary, facts, name) for row in variants]


def load(sort: str, name: str) -> Any:
    """The part itself (a class or function with a `declaration`); exactly its file is imported.

    Raises:
        UsageRefusal: no part of that sort has the name; the nearest is given.
    """
    known, points = parts(sort), _entry_points(sort)
    if name in known:
        return getattr(importlib.import_module(known[name].module), known[name].symbol)
    if name in points:
        return points[name].load()
    raise UsageRefusal(
        f"{sort.upper()}_UNKNOWN",
        f'there is no {sort} named "{name}"; {did_you_mean(name, names(sort))}',
        where=f"{sort} {name}",
        why="only declared parts can be named",
        fix=f"thalweg list {plural(sort)}",
    )


def facts(sort: str, name: str) -> Mapping[str, Any]:
    """The literal facts of a part; read without importing it where thalweg ships it."""
    return parts(sort)[name].facts if name in parts(sort) else load(sort, name).declaration.facts


def settings_of(sort: str, name: str, given: Mapping[str, Any] | None = None) -> Settings:
    """The part's settings: its variant's row where `name` is one, overlaid with what is given.

    Raises:
        UsageRefusal: unknown part, unknown key or value out of range.
    """
    declaration: Declaration = load(sort, name).declaration
    base = declaration.variants.get(name, Settings()).model_dump(exclude_unset=True)
    return read_settings(declaration.settings, base | dict(given or {}), where=f"{sort} {name}")


def _entry_points(sort: str) -> Mapping[str, importlib.metadata.EntryPoint]:
    return _installed(tuple(sys.path)).get(f"thalweg.{sort}", {})


@functools.cache
def _installed(places: Sequence[str]) -> Mapping[str, Mapping[str, importlib.metadata.EntryPoint]]:
    """What other packages in these places declare, by group; a look takes 10 ms and tells of all groups."""
    every = importlib.metadata.entry_points().select()
    return {group: {point.name: point for point in every.select(group=group)} for group in every.groups}
