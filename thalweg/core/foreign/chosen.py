"""Which of the tensors in a tree are the weights: by name at the top, or under the key where training scripts put them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from thalweg.core.foreign.containers import Contents, Unfit
from thalweg.core.foreign.described import Odd, Strided
from thalweg.core.foreign.found import LIMIT_NAME, STORED, Found, Lying, named

WITHIN = ("state_dict", "model", "model_state_dict", "weights", "module", "net")
"""Keys under which weights lie, in the order in which they are looked for."""
SHOWN = 5


def chosen(held: Contents, within: str) -> Found:
    """The weights in a file.

    Args:
        within: under which key they are; empty: at the top, or under one of those that are known.

    Raises:
        Unfit: there are none by name, or in several places, or some of them have no plain memory.
    """
    if held.tensors is not None:
        return named(held.form, held.tensors)
    key, weights = _place(held.tree, within)
    odd = {name: _why(one) for name, one in weights.items() if _why(one)}
    if odd:
        listed = ", ".join(f"{name[:80]} is {why}" for name, why in list(odd.items())[:SHOWN])
        raise Unfit("odd", f"{len(odd)} of its tensors cannot be kept as plain values: {listed}")
    assert held.place is not None, "a tree of tensors has storages"
    lying = [_lying(name, one, *held.place(one.storage)) for name, one in weights.items()]
    return named(held.form, lying, key, _left_out(held.tree, key))


def _lying(name: str, one: Strided, begin: int, end: int, crc: int | None) -> Lying:
    return Lying(name, STORED[one.dtype][0], one.shape, one.stride, one.offset, begin, end, crc)


def _place(tree: Any, within: str) -> tuple[str, dict[str, Any]]:
    """The key under which the weights are, empty at the top; and they by name."""
    if not isinstance(tree, dict):
        raise Unfit("nothing", f"it holds {_sort(tree)}, no weights by name")
    places = {key: _by_name(one) for key, one in tree.items() if isinstance(key, str) and isinstance(one, dict)}
    places = {key: found for key, found in places.items() if found}
    if within:
        if within not in places:
            raise Unfit("nothing", f"it holds no weights under {within[:60]!a}{_offered(places)}")
        return within, places[within]
    known = next((key for key in WITHIN if key in places), "")
    if known:
        return known, places[known]
    top = _by_name(tree)
    if top:
        return "", top
    if len(places) == 1:
        [(key, found)] = places.items()
        return key, found
    raise Unfit("several" if places else "nothing", f"it holds no weights by name at its top{_offered(places)}")


def _offered(places: Mapping[str, Any]) -> str:
    return f", but under {', '.join(key[:40] for key in list(places)[:SHOWN])}" if places else ""


def _by_name(tree: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: one for name, one in tree.items() if isinstance(name, str) and isinstance(one, Strided | Odd)}


def _why(one: Strided | Odd) -> str:
    """Why a tensor cannot be written as it is; empty where it can."""
    if isinstance(one, Odd):
        return one.what
    return "" if STORED[one.dtype][0] else f"of the type {one.dtype}"


def _sort(tree: Any) -> str:
    if isinstance(tree, Strided | Odd):
        return "one tensor"
    return "a list" if isinstance(tree, list | tuple) else "a single value"


def _left_out(tree: Mapping[Any, Any], key: str) -> dict[str, int]:
    """What else a file holds, by its place, and how many tensors are in it."""
    found = Counter({_called(name): sum(1 for _ in _tensors(one)) for name, one in _others(tree, key)})
    if key:
        found.update({_called(f"{key}.{_called(name)}"): sum(1 for _ in _tensors(one)) for name, one in _others(tree[key], "")})
    return dict(found)


def _called(name: Any) -> str:
    """A key as a text, where it is one: others may be larger than they look."""
    return name[:LIMIT_NAME] if isinstance(name, str) else "what has no name"


def _others(tree: Mapping[Any, Any], key: str) -> Iterator[tuple[Any, Any]]:
    for name, one in tree.items():
        if name != key and not (isinstance(name, str) and isinstance(one, Strided | Odd) and not key):
            yield name, one


def _tensors(tree: Any) -> Iterator[Strided | Odd]:
    """All tensors in a tree, each container looked into once: a pickle can hold one thing in many places."""
    waiting, seen = [tree], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, Strided | Odd):
            yield one
        elif isinstance(one, dict | list | tuple) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(one.values() if isinstance(one, dict) else one)
