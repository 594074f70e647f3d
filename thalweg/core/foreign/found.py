"""What a file of weights holds, in words and numbers: what the child answers, and the parent checks before it believes it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import prod
from typing import Any

from thalweg.core.tensor_header import ITEM_BYTES, LIMIT_AXES, LIMIT_SIZE, TYPES

STORED = {
    **TYPES, "complex128": ("", 16), "qint8": ("", 1), "quint8": ("", 1), "quint4x2": ("", 1), "quint2x4": ("", 1),
    "qint32": ("", 4),
}  # fmt: skip
"""Each type of torch: its name in a safetensors file, empty where that has none, and bytes of a value."""
HOSTILE, FULL = 86, 87
"""Exit codes of a child in which something was attempted that reading does not need, and of one without memory left."""
PREFIX = "module."
"""What a model that was trained on several devices puts before all names."""
LIMIT_TENSORS = 100_000
LIMIT_NAME = 1000
MOST_TIMES = 4
"""Tied weights stand several times in what is written: it comes to at most so many times the file's own size."""


@dataclass(frozen=True)
class Lying:
    """A tensor where it lies in a file.

    Attributes:
        dtype: by its name in a safetensors file.
        offset: of its first value in its storage, in values.
        begin, end: of its storage in the file, in bytes.
        crc: sum that the storage's bytes must have; None where the file says none.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    begin: int
    end: int
    crc: int | None = None

    @property
    def bytes(self) -> int:
        """What it takes when it is laid out for itself."""
        return prod(self.shape) * ITEM_BYTES[self.dtype]

    @property
    def whole(self) -> bool:
        """Its values lie one after the other."""
        expected = 1
        for size, step in zip(reversed(self.shape), reversed(self.stride), strict=True):
            if size > 1 and step != expected:
                return False
            expected *= size
        return True


@dataclass(frozen=True)
class Found:
    """What was found in a file.

    Attributes:
        form: what the file is.
        tensors: those that are read.
        within: under which key the weights lay; empty at the top.
        prefix: what was taken off all names.
        left_out: what else there is, by its place, and how many tensors are in it.
    """

    form: str
    tensors: tuple[Lying, ...]
    within: str = ""
    prefix: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What the child answers."""
        rows = [[*asdict(one).values()] for one in self.tensors]
        left = [[place, count] for place, count in self.left_out.items()]
        return {"form": self.form, "tensors": rows, "within": self.within, "prefix": self.prefix, "left_out": left}


def named(form: str, tensors: Sequence[Lying], within: str = "", left_out: Mapping[str, int] | None = None) -> Found:
    """The weights of a file, whatever stood before all of their names taken off."""
    prefix = PREFIX if tensors and all(one.name.startswith(PREFIX) for one in tensors) else ""
    short = tuple(replace(one, name=one.name.removeprefix(prefix)) for one in tensors)
    return Found(form, short, within, prefix, left_out or {})


def found_from(answer: Any, *, size: int) -> Found:
    """What an answer says, if it can be true of a file of that many bytes.

    Raises:
        ValueError: it cannot; the sentence says why.
    """
    try:
        tensors = tuple(_lying(row, size) for row in answer["tensors"])
        left = {_text(place): _size(count) for place, count in answer["left_out"]}
        found = Found(_text(answer["form"]), tensors, _text(answer["within"]), _text(answer["prefix"]), left)
    except (KeyError, TypeError, AttributeError):
        raise ValueError("what was found in it makes no sense") from None
    if len({one.name for one in tensors}) != len(tensors) or len(tensors) > LIMIT_TENSORS:
        raise ValueError(f"it holds a name twice, or more than {LIMIT_TENSORS:,} tensors")
    whole = sum(one.bytes for one in tensors)
    if whole > MOST_TIMES * size:
        raise ValueError(f"its tensors would come to {whole:,} bytes; the file has {size:,}")
    return found


def _lying(row: Sequence[Any], size: int) -> Lying:
    name, dtype, shape, stride, offset, begin, end, crc = row
    one = Lying(
        _text(name),
        dtype,
        tuple(map(_size, shape)),
        tuple(map(_size, stride)),
        _size(offset),
        _size(begin),
        _size(end),
        None if crc is None else _size(crc),
    )
    if dtype not in ITEM_BYTES or name == "__metadata__" or len(shape) != len(stride) or len(shape) > LIMIT_AXES:
        raise ValueError(f"tensor {name[:80]!a} has no form")
    item = ITEM_BYTES[dtype]
    if prod(axis for axis in one.shape if axis) * item > LIMIT_SIZE:
        raise ValueError(f"tensor {name[:80]!a} has a shape that overflows")
    if not begin <= end <= size:
        raise ValueError(f"tensor {name[:80]!a} lies outside of the file")
    reach = (one.offset + 1 + sum((axis - 1) * step for axis, step in zip(one.shape, one.stride, strict=True))) * item
    if one.bytes and (reach > end - begin or one.bytes > end - begin):
        raise ValueError(f"tensor {name[:80]!a} of {one.bytes:,} bytes is said to lie in {end - begin:,}")
    return one


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LIMIT_SIZE:
        raise ValueError("a size in it is none")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LIMIT_NAME:
        raise ValueError(f"a name in it is none, or longer than {LIMIT_NAME} signs")
    return value
