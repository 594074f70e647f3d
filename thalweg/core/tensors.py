"""Tensors as bytes, and trees of state as tensors with a JSON skeleton: nothing stored names an object or is ever executed.

A skeleton is JSON: None, bools, integers, finite floats, strings and lists stand for themselves; every object has one key that
says what it is: `dict`, `pairs` (a dict whose keys are not all strings), `tuple`, `float` and `int` (which JSON cannot hold),
`tensor` (a name in the file), `view` (dtype, shape, stride and offset on stored bytes: shared, strided or unusual tensors) and
`generator` (device and state).
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite, prod
from typing import Any, NoReturn

import torch
from torch import Tensor

from thalweg.core.errors import PackageRefusal
from thalweg.core.manifest import Folder
from thalweg.core.strict_json import LIMIT_DEPTH, parse_json, render_json
from thalweg.core.tensor_header import TYPES, Span, check_header, header_of

STATE_TENSORS, STATE_SKELETON = "state.safetensors", "state.json"

DTYPE_NAMES: dict[torch.dtype, str] = {getattr(torch, name): stored for name, (stored, _) in TYPES.items()}
"""What a safetensors file holds under its own name, the narrowest first."""

NAMED_DTYPES = {name: dtype for dtype, name in DTYPE_NAMES.items()}

VIEWED_DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in (*DTYPE_NAMES, torch.complex32, torch.complex128)}

LIMIT_LEVELS = (LIMIT_DEPTH - 4) // 3  # a level of a tree is at most three of its skeleton

Skeleton = Any
Place = tuple[Any, ...]


def tensors_to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """A safetensors file of these tensors: copied to the CPU, contiguous, each with memory of its own.

    Raises:
        ValueError: a tensor that has no plain memory (meta, sparse, quantized) or a dtype that the format lacks.
    """
    for name, tensor in tensors.items():
        _check_plain(tensor, name)
        if tensor.dtype not in DTYPE_NAMES or name == "__metadata__":
            raise ValueError(f"tensor {name!r} of dtype {tensor.dtype} has no place in a safetensors file")
    # Widest first, so that each tensor is aligned. safetensors' own `save` and `load` copy everything more than once.
    order = sorted(tensors, key=lambda name: (-list(DTYPE_NAMES).index(tensors[name].dtype), name))
    header = header_of((name, DTYPE_NAMES[tensors[name].dtype], tensors[name].shape) for name in order)
    return b"".join([header, *(_memory_of(tensors[name]) for name in order)])


def _memory_of(tensor: Tensor) -> memoryview:
    if not tensor.numel():  # those that numpy made have strides of 0, which no other type can look at
        return memoryview(b"")
    whole = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    return whole.view(torch.uint8).numpy().data


def tensors_from_bytes(data: bytes, *, where: str, limit_tensors: int = 100_000) -> dict[str, Tensor]:
    """The tensors of a safetensors file, on the CPU.

    Raises:
        PackageRefusal: anything that `check_header` refuses, before the data are looked at.
    """
    spans = check_header(data, where=where, limit_tensors=limit_tensors)
    return {span.name: _tensor_at(span, data) for span in spans}


def _tensor_at(span: Span, data: bytes) -> Tensor:
    return tensor_of([memoryview(data)[span.begin : span.end]], span.end - span.begin, span.dtype, span.shape)


def tensor_of(pieces: Iterable[bytes | memoryview], size: int, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """A tensor of so many bytes, which come in pieces; its type by the name in a safetensors file."""
    # Torch's own memory, not a view of the file: the last bit of some sums depends on alignment, and a resume must not show.
    memory = torch.empty(size, dtype=torch.uint8)
    into, reached = memory.numpy().data, 0
    for piece in pieces:
        into[reached : reached + len(piece)] = piece
        reached += len(piece)
    return memory.view(NAMED_DTYPES[dtype]).reshape(shape)


def tree_to_files(tree: Any) -> dict[str, bytes]:
    """A tree of state as the two files that `tree_from_folder` reads; see `pack`."""
    tensors, skeleton = pack(tree)
    return {STATE_TENSORS: tensors_to_bytes(tensors), STATE_SKELETON: render_json(skeleton)}


def tree_from_folder(folder: Folder) -> Any:
    """The tree of state in a verified folder."""
    return unpack(folder.json(STATE_SKELETON), folder.tensors(STATE_TENSORS), where=str(folder.path))


def tree_from_files(files: Mapping[str, bytes], *, where: str) -> Any:
    """The tree of state in the two files of `tree_to_files`."""
    skeleton = parse_json(files[STATE_SKELETON], where=f"{where}/{STATE_SKELETON}")
    return unpack(skeleton, tensors_from_bytes(files[STATE_TENSORS], where=f"{where}/{STATE_TENSORS}"), where=where)


def pack(tree: Any) -> tuple[dict[str, Tensor], Skeleton]:
    """Splits a nested state into tensors by name and a JSON-able skeleton; `unpack` gives it back with the same bits.

    Tensors that share memory are stored once. Devices, `requires_grad` and subclasses of builtins are not kept.

    Args:
        tree: dicts (any plain keys), lists, tuples, None, bools, integers, floats, strings, tensors and generators.

    Raises:
        ValueError: anything else, or more than 20 levels; the place in the tree is named.
    """
    shared = _shared_memory(tree)
    packing = _Packing(shared)
    skeleton = packing.node(tree, ())
    return packing.tensors, skeleton


def unpack(skeleton: Skeleton, tensors: Mapping[str, Tensor], *, where: str = "memory") -> Any:
    """The tree that `pack` split; tensors that shared memory share it again.

    Args:
        where: what holds the two, as the user would name it.

    Raises:
        PackageRefusal: a skeleton that `pack` cannot have made, or tensors that do not fit it.
    """
    unpacking = _Unpacking(tensors)
    try:
        tree = unpacking.node(skeleton)
        unused = tensors.keys() - unpacking.used
        if unused:
            _misfit(f"{len(unused)} tensors are named nowhere: {', '.join(sorted(unused)[:5])}")
    except _Misfit as error:
        raise _invalid(str(error), where) from None
    except (TypeError, ValueError, KeyError, AttributeError, RuntimeError, struct.error) as error:
        raise _invalid(f"a node cannot be read ({type(error).__name__}: {str(error)[:80]})", where) from None
    return tree


def _own(tensor: Tensor, name: str) -> Tensor:
    _check_plain(tensor, name)
    return tensor.detach().resolve_conj().resolve_neg().to("cpu", copy=True, memory_format=torch.contiguous_format)


def _check_plain(tensor: Tensor, name: str) -> None:
    plain = type(tensor) in (Tensor, torch.nn.Parameter) and tensor.layout == torch.strided
    if not plain or tensor.is_quantized or tensor.is_meta:
        raise ValueError(f"tensor {name!r} has no plain memory: {type(tensor).__name__}, {tensor.layout}, {tensor.device}")


def _name_of(place: Place) -> str:
    return ".".join(str(step) for step in place).encode("ascii", "backslashreplace").decode() or "tensor"


@dataclass(frozen=True)
class _Memory:
    """The part of a storage, in bytes, that several different tensors of a tree look at."""

    begin: int
    end: int


Address = tuple[torch.device, int]


def _address(tensor: Tensor) -> Address:
    return tensor.device, tensor.untyped_storage().data_ptr()


def _layout(tensor: Tensor) -> tuple[Any, ...]:
    return tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.is_conj(), tensor.is_neg()


def _extent(tensor: Tensor) -> tuple[int, int]:
    first = int(tensor.storage_offset()) * tensor.element_size()
    if not tensor.numel():
        return first, first
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return first, first + int(last + 1) * tensor.element_size()


def _shares(tensor: Tensor) -> bool:
    """Whether it can be restored as a view of shared bytes; an expanded tensor cannot, it is larger than its memory."""
    begin, end = _extent(tensor)
    return 0 < tensor.numel() * tensor.element_size() <= end - begin and not tensor.is_conj() and not tensor.is_neg()


def _shared_memory(tree: Any) -> dict[Address, _Memory]:
    layouts: dict[Address, dict[tuple[Any, ...], tuple[int, int]]] = {}
    for tensor, place in _tensors_in(tree, ()):
        _check_plain(tensor, _name_of(place))
        if _shares(tensor):
            layouts.setdefault(_address(tensor), {})[_layout(tensor)] = _extent(tensor)
    return {
        address: _Memory(min(begin for begin, _ in seen.values()) // 16 * 16, max(end for _, end in seen.values()))
        for address, seen in layouts.items()
        if _overlapping(seen.values())
    }


def _overlapping(extents: Iterable[tuple[int, int]]) -> bool:
    """Some bytes belong to two of them; tensors that lie side by side in one piece of memory share nothing."""
    ordered = sorted(extents)
    return any(begin < end for (_, end), (begin, _) in pairwise(ordered))


def _tensors_in(node: Any, place: Place) -> list[tuple[Tensor, Place]]:
    _check_depth(place)
    if isinstance(node, Tensor):
        return [(node, place)]
    if isinstance(node, Mapping):
        return [found for key, value in node.items() for found in _tensors_in(value, (*place, key))]
    if isinstance(node, list | tuple):
        return [found for index, value in enumerate(node) for found in _tensors_in(value, (*place, index))]
    return []


def _check_depth(place: Place) -> None:
    if len(place) > LIMIT_LEVELS:
        raise ValueError(f"the state at {_name_of(place[:4])} nests more than {LIMIT_LEVELS} levels deep")


@dataclass
class _Packing:
    shared: Mapping[Address, _Memory]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    names: dict[tuple[Any, ...], str] = field(default_factory=dict)
    kept: list[Tensor] = field(default_factory=list)

    def node(self, value: Any, place: Place) -> Skeleton:
        _check_depth(place)
        if isinstance(value, Tensor):
            return self.tensor(value, place)
        if isinstance(value, Mapping):
            return self.mapping(value, place)
        if type(value) in (list, tuple, torch.Size):
            nodes = [self.node(one, (*place, index)) for index, one in enumerate(value)]
            return nodes if isinstance(value, list) else {"tuple": nodes}
        if isinstance(value, torch.Generator):
            self.kept.append(value.get_state())  # held, or the next one would have its address and be taken for it
            return {"generator": [str(value.device), self.tensor(self.kept[-1], place)]}
        return _scalar(value, place)

    def mapping(self, value: Mapping[Any, Any], place: Place) -> Skeleton:
        if all(type(key) is str for key in value):
            return {"dict": {key: self.node(one, (*place, key)) for key, one in value.items()}}
        return {"pairs": [[self.node(key, (*place, "key")), self.node(one, (*place, key))] for key, one in value.items()]}

    def tensor(self, value: Tensor, place: Place) -> Skeleton:
        _check_plain(value, _name_of(place))
        memory = self.shared.get(_address(value)) if _shares(value) else None
        if memory is not None:
            stored = self.stored((_address(value), memory), place, lambda: _bytes_of(value, memory))
            return _view(value, stored, offset=int(value.storage_offset()) - memory.begin // value.element_size())
        identity = (_address(value), _layout(value)) if _shares(value) else (len(self.tensors),)
        if value.dtype in DTYPE_NAMES and (value.is_contiguous() or not _is_dense(value)):
            return {"tensor": self.stored(identity, place, lambda: _own(value, _name_of(place)))}
        dense = value if _is_dense(value) else _own(value, _name_of(place))
        return _view(dense, self.stored(identity, place, lambda: _bytes_of(dense, _Memory(*_extent(dense)))), offset=0)

    def stored(self, identity: tuple[Any, ...], place: Place, make: Callable[[], Tensor]) -> str:
        if identity not in self.names:
            name, number = _name_of(place), 1
            while name in self.tensors or name == "__metadata__":
                number += 1
                name = f"{_name_of(place)}#{number}"
            self.names[identity], self.tensors[name] = name, make()
        return self.names[identity]


def _is_dense(tensor: Tensor) -> bool:
    """Whether it is a permuted contiguous tensor (channels last, transposed): its order in memory is worth keeping."""
    reached = 1
    for stride, size in sorted((stride, size) for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if size > 1):
        if stride != reached:
            return False
        reached *= size
    return tensor.numel() > 0


def _bytes_of(tensor: Tensor, memory: _Memory) -> Tensor:
    raw = torch.empty(0, dtype=torch.uint8, device=tensor.device)
    raw.set_(tensor.untyped_storage(), memory.begin, (memory.end - memory.begin,), (1,))
    return raw.to("cpu", copy=True)


def _view(tensor: Tensor, name: str, *, offset: int) -> Skeleton:
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in VIEWED_DTYPES:
        raise ValueError(f"tensor {name!r} of dtype {tensor.dtype} cannot be stored")
    return {"view": [name, dtype, list(tensor.shape), list(tensor.stride()), offset]}


def _scalar(value: Any, place: Place) -> Skeleton:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value) if abs(value) < 1 << 63 else {"int": hex(value)}
    if isinstance(value, float):
        return float(value) if isfinite(value) else {"float": struct.pack(">d", value).hex()}
    raise ValueError(
        f"the state at {_name_of(place)} is a {type(value).__name__}: make it numbers, text, lists, dicts or tensors"
    )


class _Unpacking:
    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors, self.used = tensors, set[str]()
        self.bases: dict[str, Tensor] = {}

    def node(self, skeleton: Skeleton) -> Any:
        if isinstance(skeleton, list):
            return [self.node(one) for one in skeleton]
        if not isinstance(skeleton, dict):
            return skeleton
        if len(skeleton) != 1:
            _misfit(f"a node has the keys {', '.join(skeleton)[:80]}")
        [(kind, inside)] = skeleton.items()
        return self.tagged(kind, inside)

    def tagged(self, kind: str, inside: Any) -> Any:
        match kind:
            case "dict":
                return {key: self.node(one) for key, one in inside.items()}
            case "pairs":
                return {self.node(key): self.node(one) for key, one in inside}
            case "tuple":
                return tuple(self.node(one) for one in inside)
            case "float":
                return struct.unpack(">d", bytes.fromhex(inside))[0]
            case "int":
                return int(inside, 16)
            case "tensor":
                return self.named(inside)
            case "view":
                return self.view(*inside)
            case "generator":
                return self.generator(*inside)
        _misfit(f"a node of the unknown sort {kind[:40]!a}")

    def named(self, name: str) -> Tensor:
        if name not in self.tensors:
            _misfit(f"tensor {str(name)[:80]!a} is missing")
        self.used.add(name)
        return self.tensors[name]

    def view(self, name: str, dtype: str, shape: list[int], stride: list[int], offset: int) -> Tensor:
        if name not in self.bases:
            self.bases[name] = self.named(name).clone()  # memory of its own is aligned for every dtype
        base, kind = self.bases[name], VIEWED_DTYPES[dtype]
        if base.dtype != torch.uint8 or base.dim() != 1 or prod(shape) * kind.itemsize > base.numel():
            _misfit(f"tensor {name[:80]!a} is larger than its bytes")
        sizes = [*shape, *stride, offset]
        if len(shape) != len(stride) or not all(type(size) is int and size >= 0 for size in sizes):
            _misfit(f"tensor {name[:80]!a} has sizes that are none")
        last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        if prod(shape) and (last + 1) * kind.itemsize > base.numel():
            _misfit(f"tensor {name[:80]!a} reaches past its bytes")
        return torch.empty(0, dtype=kind).set_(base.untyped_storage(), offset, shape, stride)

    def generator(self, device: str, state: Skeleton) -> torch.Generator:
        generator = torch.Generator(device)
        generator.set_state(self.node(state))
        return generator


class _Misfit(ValueError):
    """What of a skeleton `pack` cannot have made."""


def _misfit(what: str) -> NoReturn:
    raise _Misfit(what)


def _invalid(what: str, where: str) -> PackageRefusal:
    return PackageRefusal(
        "STATE_INVALID",
        f"the stored state does not hold together: {what}",
        where=f"{where}: {STATE_SKELETON}, {STATE_TENSORS}",
        why="a state that is half understood would resume wrongly",
        fix="use an older checkpoint, or start afresh",
    )
