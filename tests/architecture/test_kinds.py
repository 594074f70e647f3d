"""No shared room branches on the name of a kind of data, a model, a task, a rule or a source: what differs is a part."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import Source, dotted, sources
from thalweg.core import registry

SORTS = ("kind", "model", "task", "rule", "source")


def is_part(source: Source) -> bool:
    """Whether a file declares a part; it may name what it pleases."""
    owners = (node for node in source.tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef))
    calls = (call for owner in owners for call in owner.decorator_list if isinstance(call, ast.Call))
    return any(dotted(call.func).split(".")[-1] in registry.ROOMS for call in calls)


def literals(node: ast.AST) -> Iterator[str]:
    """The texts that a comparison compares with: itself, or what a tuple, list, set or dictionary of texts holds."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for element in node.elts:
            yield from literals(element)
    elif isinstance(node, ast.Dict):
        for key in node.keys:
            yield from literals(key) if key else ()
    elif isinstance(node, ast.Call) and dotted(node.func) in {"frozenset", "set", "tuple", "list"}:
        for argument in node.args:
            yield from literals(argument)


def compared(node: ast.Compare) -> list[ast.expr]:
    """The sides of a comparison that name alternatives: a tuple that is looked up (`(part, "images") in files`) is a key."""
    if isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return [node.left, *node.comparators]
    if isinstance(node.ops[0], ast.In | ast.NotIn):
        return [*([node.left] if isinstance(node.left, ast.Constant) else []), *node.comparators]
    return []


def branches(source: Source, names: set[str]) -> list[str]:
    """Where a file compares with, or matches, one of the names."""
    constants = {
        target.id: node.value
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = []
    for node in source.nodes(ast.Compare, ast.MatchValue):
        sides = compared(node) if isinstance(node, ast.Compare) else [node.value]
        sides = [constants.get(side.id, side) if isinstance(side, ast.Name) else side for side in sides]
        found += [f'{source.place(node)} "{text}"' for side in sides for text in literals(side) if text in names]
    return found


def test_no_shared_room_branches_on_the_name_of_a_part():
    names = {name for sort in SORTS for name in registry.names(sort)}
    assert [found for source in sources("thalweg") if not is_part(source) for found in branches(source, names)] == []


def test_branches_of_every_form_are_seen():
    for code in (
        'if kind == "image": ...',
        'if "image" != kind: ...',
        'x = 1 if kind in ("text", "image") else 2',
        'match kind:\n    case "text" | "image": ...',
        'KINDS = frozenset({"image"})\ndef f(kind): return kind not in KINDS',
    ):
        assert branches(Source.of(code), {"image"}), code
    assert branches(Source.of('say("image"); kind = "image"; (part, "image") in files'), {"image"}) == []


def test_a_part_may_name_its_own_kind():
    assert is_part(Source.of('@view("image", needs=())\nclass View: ...'))
    assert not is_part(Source.of("@dataclass(frozen=True)\nclass View: ..."))
