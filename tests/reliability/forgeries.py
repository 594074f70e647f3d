"""Folders of somebody who means harm: every digest agrees, and what they say cannot have been written by a run.

Each function takes a case, changes it, seals it again, and says which file is to be named.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

import torch

from tests.reliability.artefacts import BASELINES
from tests.reliability.mutations import Case, Damage, sealed_again
from thalweg.core.manifest import MANIFEST
from thalweg.core.tensors import tensors_from_bytes, tensors_to_bytes

WEIGHTS, DESCRIPTION, SKELETON, STATE = "weights.safetensors", "package.json", "state.json", "state.safetensors"
Said = Any
Forgery = Callable[[Case], Damage | None]


def _rewritten(case: Case, content: bytes, what: str) -> Damage:
    sealed_again(case.path, {case.file: content})
    names = (case.file,) if case.sealed.number is None else (case.file, str(case.path))
    return case.damaged(f"sealed again: {what}", *names)


def _described(case: Case, change: Callable[[dict[str, Any]], object], what: str) -> Damage:
    said = json.loads(case.content)
    change(said)
    return _rewritten(case, json.dumps(said).encode(), what)


def key_twice(case: Case) -> Damage:
    """Python's own parser would keep the last."""
    key = json.dumps(next(iter(json.loads(case.content))))
    return _rewritten(case, b"{" + key.encode() + b": null, " + case.content[1:], f"{key} twice")


def no_json(case: Case) -> Damage:
    """What looks like JSON and is not, or not for long."""
    content = case.draw.choice([b"", b"NaN", b'{"a": NaN}', b"[" * 5000 + b"]" * 5000, b"\xff\xfe{}", b'{"a": 1e999}', b"{}{}"])
    return _rewritten(case, content, f"{content[:20]!r}")


def other_json(case: Case) -> Damage:
    """JSON of another sort."""
    content = case.draw.choice([b"null", b"[]", b"{}", b"3", b'"part"', b'[{"form": "part"}]'])
    return _rewritten(case, content, f"{content[:20]!r}")


def unknown_key(case: Case) -> Damage:
    """A key that some other library would follow."""
    keys = {"_target_": "os.system", "auto_map": {"AutoModel": "x--y"}, "class_path": "subprocess.Popen", "path": "/etc/passwd"}
    key, value = case.draw.choice(sorted(keys.items(), key=str))
    place = case.draw.choice([(), ("model",), ("task",), ("encodings", 0), ("model", "settings"), ("task", "settings")])

    def change(said: Said) -> None:
        for step in place:
            said = said.setdefault(step, {}) if isinstance(said, dict) else said[step]
        said[key] = value

    return _described(case, change, f"{key} in {place}")


def lacking(case: Case) -> Damage:
    """Something that must be said is not."""
    place = case.draw.choice(
        [("form",), ("model",), ("task",), ("encodings",), ("task", "name"), *(("encodings", 0, key) for key in ENCODING)]
    )

    def change(said: Said) -> None:
        for step in place[:-1]:
            said = said[step]
        del said[place[-1]]

    return _described(case, change, f"{place} left out")


ENCODING = ("name", "kind", "role", "fields", "state")


def other_type(case: Case) -> Damage | None:
    """A value of another type in the place of one that is read."""
    key = case.draw.choice(["form", "model", "task", "encodings", "facts"])
    value = case.draw.choice([3, [], "x", None, [{}], {"name": 3}, {"name": ["mlp"]}])
    if (key == "encodings" and value == []) or (key == "facts" and isinstance(value, dict)):
        return None
    return _described(case, lambda said: said.update({key: value}), f"{key} {value!r}")


def importable(case: Case) -> Damage | None:
    """A name that could be imported, or a path, where a part is named."""
    name = case.draw.choice(["os.system", "builtins:eval", "../mlp", "torch.nn.Linear", "", "mlp\0", "MLP", "https://x.org/a"])
    place = case.draw.choice([("model",), ("task",), ("encodings", 0)])
    if place == ("model",) and case.sealed.name == "external":
        return None  # for the eye only

    def change(said: Said) -> None:
        for step in place:
            said = said[step]
        said["kind" if "kind" in said else "name"] = name

    return _described(case, change, f"{place} {name!r}")


def too_large(case: Case) -> Damage | None:
    """Settings of a model that no memory holds."""
    said = json.loads(case.content)
    settings = said["model"].get("settings", {})
    sizes = {
        "hidden": [[1 << 20, 1 << 20], [4] * 100_000, [1 << 62]],
        "units": [1 << 23, 1 << 40],
        "rows": [1 << 20, 1 << 12],
        "columns": [1 << 20, 1 << 12],
    }
    known = [key for key in settings if key in sizes]
    if not known:
        return None
    key = case.draw.choice(known)
    settings[key] = case.draw.choice(sizes[key])
    return _rewritten(case, json.dumps(said).encode(), f"{key} {str(settings[key])[:40]}")


def other_encoding(case: Case) -> Damage | None:
    """The state of an encoding that does not go with its fields, or is not finite."""
    said = json.loads(case.content)
    one = case.draw.choice(said["encodings"])
    key = case.draw.choice(sorted(one["state"]))
    value = case.draw.choice([None, "x", {}, [[[1]]], -1, [None], 1e300])
    if key in ("counts", "crop", "low", "high"):
        return None
    one["state"][key] = value
    return _rewritten(case, json.dumps(said).encode(), f"{key} of {one['name']} {value!r}")


DESCRIPTIONS: tuple[Forgery, ...] = (
    key_twice, no_json, other_json, unknown_key, unknown_key, lacking, other_type, importable, too_large, other_encoding,
)  # fmt: skip


def _tensors(case: Case, change: Callable[[dict[str, torch.Tensor]], str | None]) -> Damage | None:
    tensors = tensors_from_bytes(case.content, where="here")
    what = change(tensors)
    return None if what is None else _rewritten(case, tensors_to_bytes(tensors), what)


def _learned(tensors: dict[str, torch.Tensor]) -> list[str]:
    """Names of what ships or learns; what an optimizer remembers has no like before its first step."""
    return [name for name in tensors if ".optimizer." not in name]


def not_finite(case: Case) -> Damage | None:
    """One weight that is not a number."""

    def change(tensors: dict[str, torch.Tensor]) -> str | None:
        names = [name for name in _learned(tensors) if tensors[name].is_floating_point() and tensors[name].numel()]
        if not names:
            return None
        name = case.draw.choice(names)
        values = tensors[name].reshape(-1)
        values[case.draw.randrange(len(values))] = case.draw.choice([float("nan"), float("inf")])
        tensors[name] = values.reshape(tensors[name].shape)
        return f"{name} not finite"

    return _tensors(case, change)


def other_shape(case: Case) -> Damage | None:
    """A tensor of another shape, by a row or by the order of its axes."""

    def change(tensors: dict[str, torch.Tensor]) -> str | None:
        name = case.draw.choice(_learned(tensors))
        before = tensors[name].shape
        others = [torch.cat([tensors[name][None]] * 2), tensors[name][None], tensors[name].reshape(-1)[:0]]
        tensors[name] = case.draw.choice([one for one in others if one.shape != before])
        return f"{name} of shape {tuple(tensors[name].shape)}"

    return _tensors(case, change)


def other_dtype(case: Case) -> Damage | None:
    """A tensor of another type."""

    def change(tensors: dict[str, torch.Tensor]) -> str | None:
        if case.sealed.name in BASELINES:
            return None  # an array of a classical model may be of any type that holds its values
        name = case.draw.choice(_learned(tensors))
        tensors[name] = tensors[name].to(torch.int16 if tensors[name].is_floating_point() else torch.float32)
        return f"{name} of type {tensors[name].dtype}"

    return _tensors(case, change)


def other_names(case: Case) -> Damage | None:
    """A tensor gone, added, renamed, or two that have each other's name."""

    def change(tensors: dict[str, torch.Tensor]) -> str | None:
        name = case.draw.choice(_learned(tensors))
        how = case.draw.randrange(4)
        if how == 0:
            del tensors[name]
        elif how == 1:
            tensors["__import__"] = torch.zeros(3)
        elif how == 2:
            tensors[f"{name}."] = tensors.pop(name)
        else:
            others = [one for one in _learned(tensors) if tensors[one].shape != tensors[name].shape]
            if not others:
                return None
            other = case.draw.choice(others)
            tensors[name], tensors[other] = tensors[other], tensors[name]
        return f"{name}: {('gone', 'one added', 'renamed', 'swapped')[how]}"

    return _tensors(case, change)


def lying_header(case: Case) -> Damage | None:
    """A header that claims what the file does not hold."""
    length = struct.unpack("<Q", case.content[:8])[0]
    header, data = json.loads(case.content[8 : 8 + length]), case.content[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    name = case.draw.choice(names)
    entry, how = header[name], case.draw.randrange(7)
    if how == 0:
        entry["shape"] = [1 << 40]
    elif how == 1:
        entry["data_offsets"] = [entry["data_offsets"][0], 1 << 50]
    elif how == 2:
        entry["dtype"] = case.draw.choice(["object", "F128", 3, None])
    elif how == 3:
        entry["shape"] = [-1, -1]
    elif how == 4:
        header["copy"] = dict(entry)
    elif how == 5:
        header |= {f"t{number}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for number in range(1000)}
    text = json.dumps(header).encode()
    text = text.replace(b"{", b'{"' + name.encode() + b'": null, ', 1) if how == 6 else text
    size = case.draw.choice([len(text), len(text), 1 << 63]) if how == 6 else len(text)
    return _rewritten(case, struct.pack("<Q", size) + text + data, f"header {how} of {name}")


TENSORS: tuple[Forgery, ...] = (not_finite, other_shape, other_dtype, other_names, lying_header)


def other_manifest(case: Case) -> Damage:
    """A version, format or list of files that is another's."""
    changed: dict[str, Any] = case.draw.choice(
        [{"version": 99}, {"format": "thalweg.run"}, {"format": "thalweg.checkpoint" if case.sealed.number is None else "x"}]
    )
    sealed_again(case.path, {}, **changed)
    return Damage(f"{case.sealed.name}: sealed again: {changed}", ("version 99", "not a thalweg"))


def other_stamp(case: Case) -> Damage:
    """A position, or another fact, that no run wrote."""
    stamp = json.loads(case.sealed.files[MANIFEST])["stamp"]
    how = case.draw.choice(["step", "position", "gone", "type"])
    if how == "step":
        stamp["step"] += case.draw.choice([1, -1, 10**9])
    elif how == "position":
        key = case.draw.choice(["step", "stage", "seed", "epoch", "total", "path", "index"])
        stamp["position"][key] = case.draw.choice(["1", None, -1, 1.5, [1], 1 << 70])
        if key == "path" and isinstance(stamp["position"][key], str):
            stamp["position"][key] = 1
    elif how == "gone":
        del stamp[case.draw.choice(sorted(set(stamp) - {"seconds"}))]  # which older releases did not say
    else:
        stamp[case.draw.choice(sorted(stamp))] = case.draw.choice([[1], {"a": 1}, -1.5, -1])
    sealed_again(case.path, {}, stamp=stamp)
    return Damage(
        f"{case.sealed.name}: sealed again: {how} of the stamp: {stamp}", (str(case.path), f"{case.sealed.number} (CHECKPOINT")
    )


def other_skeleton(case: Case) -> Damage | None:
    """A tree of state that no run wrote: branches gone, of another sort, leading elsewhere."""
    tree = json.loads(case.content)
    places = [one for one in _branches(tree) if one[2][1] in ("rule", "listeners") and one[0][one[1]] != {"dict": {}}]
    holder, key, place = case.draw.choice(places)
    how = case.draw.randrange(3)
    if how == 0 and len(place) == 4 and place[1] == "listeners":
        return None  # a listener that came with a later release remembers nothing of an earlier one's run
    if how == 0 and isinstance(holder, dict):
        del holder[key]
    elif how == 1:
        others = [{"os.system": "ls"}, {"tensor": "nowhere"}, {"dict": []}, {"int": "zz"}, {"pairs": [1]}]
        holder[key] = case.draw.choice(others)
    else:
        holder[key] = {"dict": {"x": 1}}
    return _rewritten(case, json.dumps(tree).encode(), f"skeleton {how} at {key}")


def _branches(node: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, Any, tuple[Any, ...]]]:
    """Every holder, key and place of a state's own values: what stands below a tag."""
    if not isinstance(node, dict):
        return []
    found = [(node["dict"], key, (*place, "dict", key)) for key in node["dict"]] if isinstance(node.get("dict"), dict) else []
    for holder, key, below in list(found):
        found += _branches(holder[key], below)
    return found


FORGERIES: dict[str, tuple[Forgery, ...]] = {
    DESCRIPTION: DESCRIPTIONS,
    WEIGHTS: TENSORS,
    SKELETON: (key_twice, no_json, other_json, other_skeleton, other_skeleton, other_skeleton),
    STATE: TENSORS,
}


def forged(case: Case) -> Damage:
    """Draw forgeries until one changes something."""
    while True:
        known = FORGERIES.get(case.file) or ((other_manifest,) if case.sealed.number is None else (other_manifest, other_stamp))
        damage = case.draw.choice(known)(case)
        if damage is not None:
            return damage
