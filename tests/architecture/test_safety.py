"""Opening a file runs none of its content, a part is not guessed at, and no module remembers anything."""

import ast
from collections.abc import Iterator

from tests.architecture.sources import ROOT, Function, Source, dotted, sources

HARMLESS = {"joblib.parallel_config"}
"""What may be had of a module that also loads what files say."""
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
UNSAFE_CALLS = {"eval", "exec", "torch.load", "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load"}
MUTATORS = {
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "update", "setdefault", "popitem", "add",
    "discard", "appendleft", "popleft",
}  # fmt: skip
MAKERS = {"dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque", "WeakKeyDictionary", "WeakValueDictionary"}


def unsafe(source: Source) -> Iterator[str]:
    for node in source.nodes(ast.Import, ast.ImportFrom):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        names = [f"{modules[0]}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        harmless = bool(names) and set(names) <= HARMLESS
        if ({module.split(".")[0] for module in modules} & UNSAFE_MODULES and not harmless) or set(names) & UNSAFE_CALLS:
            yield f"{source.place(node)} imports {', '.join(names or modules)}"
    for node, name in source.calls():
        pickled = any(
            keyword.arg == "allow_pickle" and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            for keyword in node.keywords
        )
        if name in UNSAFE_CALLS or pickled or name.endswith(".extractall"):
            yield f"{source.place(node)} calls {name}"


READERS = {f"thalweg.core.foreign.{name}" for name in ("child", "chosen", "containers", "described", "inert")}
"""What reads a pickle, step by step and without doing what it says: the child process alone imports these."""


def readings(source: Source) -> Iterator[str]:
    """Where a file outside of that child would read pickles: by its modules, or by the one that knows a pickle's steps."""
    ours = ".".join(source.path.relative_to(ROOT).with_suffix("").parts)
    for node in source.nodes(ast.Import, ast.ImportFrom):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        if (set(names) & READERS and ours not in READERS) or ("pickletools" in names and not ours.endswith(".inert")):
            yield f"{source.place(node)} imports {names[0]}"


def guesses(source: Source) -> Iterator[str]:
    for node, name in source.calls():
        if name == "hasattr":
            yield f"{source.place(node)} asks with hasattr"
    for node in source.nodes(ast.ImportFrom):
        if any(alias.name == "*" for alias in node.names):
            yield f"{source.place(node)} imports *"


def containers(tree: ast.Module) -> set[str]:
    """The names of lists, dictionaries and sets that a module makes at its top, and of constants that it imports."""
    found = set()
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        literal = isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
        if literal or (isinstance(value, ast.Call) and dotted(value.func).split(".")[-1] in MAKERS):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names if alias.name.isupper()}
    return found


def changed(node: ast.AST) -> str:
    """The name of the container that a node changes in place, if it does."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        return dotted(node.func.value)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        return dotted(node.value)
    return dotted(node.target) if isinstance(node, ast.AugAssign) else ""


def own_names(function: Function) -> set[str]:
    given = function.args
    arguments = {argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return arguments | stored


def remembering(source: Source) -> Iterator[str]:
    shared = containers(source.tree)
    for node in source.nodes(ast.Global):
        yield f"{source.place(node)} global {', '.join(node.names)}"
    for function in source.functions() if shared else ():
        held = shared - own_names(function)
        for node in ast.walk(function) if held else ():
            name = changed(node)
            if name in held:
                yield f"{source.place(node)} changes {name}, which the module holds"


def test_nothing_in_the_package_loads_or_runs_what_a_file_says():
    assert [found for source in sources("thalweg") for found in unsafe(source)] == []


def test_pickles_are_read_in_the_limited_child_alone():
    assert [found for source in sources("thalweg") for found in readings(source)] == []
    for code in (
        "import pickletools",
        "from thalweg.core.foreign.inert import read_inert",
        "from thalweg.core.foreign import child",
    ):
        assert list(readings(Source.of(code))), code


def test_no_attribute_is_guessed_at_and_no_import_is_a_star():
    assert [found for source in sources("thalweg") for found in guesses(source)] == []


def test_no_module_keeps_mutable_state():
    assert [found for source in sources("thalweg") for found in remembering(source)] == []


def test_unsafe_loading_of_every_form_is_seen():
    for code in (
        "import pickle", "from joblib import load", "from torch import load", "eval('1')", "exec(text)", "torch.load(path)",
        "torch.load(path, weights_only=True)",
        "yaml.load(text, Loader=yaml.SafeLoader)", "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=given)",
        "archive.extractall(folder)",
    ):  # fmt: skip
        assert list(unsafe(Source.of(code))), code
    assert list(unsafe(Source.of("model.eval(); yaml.safe_load(text); np.load(path, allow_pickle=False)"))) == []


def test_guesses_are_seen():
    assert len(list(guesses(Source.of("from torch import *\nif hasattr(model, 'head'): ...")))) == 2


def test_state_of_every_form_is_seen():
    for code in (
        "SEEN = {}\ndef f(x): SEEN[x] = 1",
        "SEEN = []\ndef f(x): SEEN.append(x)",
        "SEEN: dict[str, int] = defaultdict(int)\ndef f(x): SEEN[x] += 1",
        "from thalweg.core.registry import ROOMS\ndef f(x): ROOMS.pop(x)",
        "count = 0\ndef f():\n    global count\n    count += 1",
    ):
        assert list(remembering(Source.of(code))), code
    assert list(remembering(Source.of("NAMES = {}\ndef f(x):\n    names = {}\n    names[x] = NAMES[x]"))) == []
