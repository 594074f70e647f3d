"""What stands for the names in a PyTorch file: tensors are told, not made, and what weights do not need has no meaning at all.

Known are torch's own words for tensors and, left out of what is read, a few that training scripts keep beside weights. None of
them is looked up in any module: a name is a text, and a call of it is a value of this file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from thalweg.core.foreign.found import STORED
from thalweg.core.tensor_header import LIMIT_AXES, LIMIT_SIZE

STORAGES = {
    "Bool": "bool", "Byte": "uint8", "Char": "int8", "Short": "int16", "Int": "int32", "Long": "int64", "Half": "float16",
    "BFloat16": "bfloat16", "Float": "float32", "Double": "float64", "ComplexFloat": "complex64", "ComplexDouble": "complex128",
    "QInt8": "qint8", "QUInt8": "quint8", "QUInt4x2": "quint4x2", "QUInt2x4": "quint2x4", "QInt32": "qint32",
}  # fmt: skip
TYPED = {f"torch.{name}Storage": dtype for name, dtype in STORAGES.items()}
UNTYPED = {"torch.storage.UntypedStorage", "torch.UntypedStorage"}
DTYPES = {f"torch.{name}": name for name in STORED}
DICTS = {"collections.OrderedDict"}
PLAIN_TENSORS = {"torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"}
ASIDE = {
    "argparse.Namespace", "collections.Counter", "collections.defaultdict", "collections.deque", "_codecs.encode",
    "builtins.set", "builtins.frozenset", "builtins.complex", "builtins.bytearray", "builtins.slice", "builtins.range",
    "builtins.dict", "builtins.list", "builtins.int", "builtins.float", "builtins.str", "builtins.bool", "builtins.bytes",
    "__builtin__.set", "__builtin__.frozenset", "__builtin__.complex", "__builtin__.dict", "__builtin__.list",
    "copyreg._reconstructor", "copy_reg._reconstructor", "builtins.object", "__builtin__.object",
    "datetime.datetime", "datetime.date", "datetime.timedelta", "pathlib.PosixPath", "pathlib.PurePosixPath",
    "pathlib.WindowsPath", "pathlib._local.PosixPath", "uuid.UUID",
    "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar", "numpy._core.multiarray._reconstruct", "numpy._core.numeric._frombuffer",
    "numpy.core.numeric._frombuffer", "torch.device", "torch.serialization._get_layout", "torch.per_tensor_affine",
    "torch.per_channel_affine", "torch.strided", "torch.contiguous_format", "torch.Generator",
}  # fmt: skip
"""What scripts keep beside weights. It is passed over, not made; it stands here so that such files are not refused for it."""


class UnknownName(Exception):
    """A class or function that no file of weights needs."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, eq=False)
class Name:
    """A known name; what it says is decided where it is called."""

    full: str


@dataclass(frozen=True, eq=False)
class Storage:
    """A piece of memory that a file holds: under which key, how many values of which type ("" for bytes)."""

    key: str
    dtype: str
    count: int
    offset: int = 0

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.count * (STORED[self.dtype][1] if self.dtype else 1)


@dataclass(frozen=True, eq=False)
class Strided:
    """A tensor as it is told: values of a type, from a place in a storage on, laid out by steps."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Odd:
    """A tensor that has no plain memory, and what it is."""

    what: str


@dataclass(frozen=True, eq=False)
class Aside:
    """What is no tensor and is left out."""


def named(module: str, name: str) -> Name:
    """What stands for a name.

    Raises:
        UnknownName: nothing does.
    """
    full = f"{module}.{name}"
    if not (full in TYPED or full in UNTYPED or full in DTYPES or full in CALLS or full in ASIDE or full in PLAIN_TENSORS):
        raise UnknownName(full)
    return Name(full)


def called(what: Any, arguments: Any) -> Any:
    """What stands for a call of a name.

    Raises:
        ValueError: the arguments are not those of torch.
    """
    if not isinstance(arguments, tuple):
        raise ValueError("arguments that are no tuple")
    make = CALLS.get(what.full) if isinstance(what, Name) else None
    return Aside() if make is None else make(arguments)


def stored(told: Any) -> Storage:
    """What stands for a storage that a file holds elsewhere.

    Raises:
        ValueError: it is not told as torch tells it.
    """
    if not (isinstance(told, tuple) and len(told) in (5, 6) and told[0] == "storage" and isinstance(told[1], Name)):
        raise ValueError("something kept elsewhere that is no storage")
    kind, key, count = told[1].full, told[2], told[4]
    if kind not in TYPED and kind not in UNTYPED:
        raise ValueError("a storage of no type")
    view = told[5] if len(told) == 6 and told[5] is not None else (None, 0, count)
    if not (isinstance(key, str) and _are_sizes((count, *view[1:])) and view[1] + view[2] <= count):
        raise ValueError("a storage of no size")
    return Storage(key, TYPED.get(kind, ""), count, view[1])


def _are_sizes(values: Any) -> bool:
    return isinstance(values, tuple) and all(type(one) is int and 0 <= one <= LIMIT_SIZE for one in values)


def _tensor(arguments: tuple[Any, ...]) -> Strided | Odd:
    """Of `_rebuild_tensor` and `_rebuild_tensor_v2`: storage, offset, shape, stride[, slope wanted, hooks, signs not done]."""
    storage = arguments[0]
    if not isinstance(storage, Storage) or not storage.dtype:
        raise ValueError("a tensor of a storage without a type")
    return _strided(arguments, storage.dtype, arguments[6] if len(arguments) > 6 else None)


def _typed_tensor(arguments: tuple[Any, ...]) -> Strided | Odd:
    """Of `_rebuild_tensor_v3`, whose storage is bytes: the type stands in the seventh place."""
    kind = arguments[6]
    if not isinstance(kind, Name) or kind.full not in DTYPES:
        raise ValueError("a tensor without a type")
    return _strided(arguments, DTYPES[kind.full], arguments[7] if len(arguments) > 7 else None)


def _strided(arguments: tuple[Any, ...], dtype: str, signs: Any) -> Strided | Odd:
    storage, offset, shape, stride = arguments[:4]
    fits = isinstance(storage, Storage) and _are_sizes((offset,)) and _are_sizes(shape) and _are_sizes(stride)
    if not (fits and len(shape) == len(stride) <= LIMIT_AXES):
        raise ValueError("a tensor of no form")
    if isinstance(signs, dict) and any(signs.values()):
        return Odd("a conjugate or negative that was not resolved")
    return Strided(storage, dtype, storage.offset + offset, shape, stride)


def _first(arguments: tuple[Any, ...]) -> Any:
    """Of `_rebuild_parameter`: the tensor that a parameter is."""
    return arguments[0] if isinstance(arguments[0], Strided | Odd) else Aside()


def _of_class(arguments: tuple[Any, ...]) -> Any:
    """Of `_rebuild_from_type_v2`: how it is made, its class, with what, further attributes."""
    make, kind, given = arguments[:3]
    plain = isinstance(kind, Name) and kind.full in PLAIN_TENSORS
    return called(make, given) if plain else Odd("a tensor of a class of its own")


def _dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    return dict(arguments[0]) if arguments else {}


def _size(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(arguments[0]) if arguments else ()


def _odd(what: str) -> Callable[[tuple[Any, ...]], Odd]:
    return lambda arguments: Odd(what)


CALLS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    **dict.fromkeys(DICTS, _dict),
    "torch.Size": _size,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    "torch._tensor._rebuild_from_type_v2": _of_class,
    "torch._utils._rebuild_qtensor": _odd("quantised"),
    "torch._utils._rebuild_sparse_tensor": _odd("sparse"),
    "torch._utils._rebuild_sparse_csr_tensor": _odd("sparse"),
    "torch._utils._rebuild_nested_tensor": _odd("nested"),
    "torch._utils._rebuild_meta_tensor_no_storage": _odd("without values (on the meta device)"),
    "torch._utils._rebuild_device_tensor_from_numpy": _odd("of another device"),
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _odd("of another device"),
    "torch._utils._rebuild_wrapper_subclass": _odd("of a class of its own"),
}
