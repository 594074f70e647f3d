"""The header of a safetensors file: made, and checked before anything is parsed or allocated by others.

Layout: 8 bytes, the header's length, little-endian; the header, JSON: name -> {dtype, shape, data_offsets}; then the data.
Every byte of the data must belong to exactly one tensor.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NoReturn

from thalweg.core.errors import PackageRefusal
from thalweg.core.strict_json import parse_json, render_json

LIMIT_HEADER_BYTES = 16 << 20
LIMIT_SIZE = 1 << 62
LIMIT_AXES = 64

TYPES = {
    "bool": ("BOOL", 1), "uint8": ("U8", 1), "int8": ("I8", 1), "float8_e5m2": ("F8_E5M2", 1), "float8_e4m3fn": ("F8_E4M3", 1),
    "float8_e5m2fnuz": ("F8_E5M2FNUZ", 1), "float8_e4m3fnuz": ("F8_E4M3FNUZ", 1), "int16": ("I16", 2), "uint16": ("U16", 2),
    "float16": ("F16", 2), "bfloat16": ("BF16", 2), "int32": ("I32", 4), "uint32": ("U32", 4), "float32": ("F32", 4),
    "complex64": ("C64", 8), "float64": ("F64", 8), "int64": ("I64", 8), "uint64": ("U64", 8),
}  # fmt: skip
"""Each type of torch that such a file can hold: its name there, and bytes of a value; the narrowest first."""
ITEM_BYTES = dict(TYPES.values())


@dataclass(frozen=True, order=True)
class Span:
    """Where in the file a tensor's bytes lie, and what they are."""

    begin: int
    end: int
    name: str
    dtype: str
    shape: tuple[int, ...]


def check_header(data: bytes, *, where: str, limit_tensors: int, size: int | None = None) -> list[Span]:
    """Checks that the file is what its header says, with no byte left over or used twice.

    Args:
        data: the file, or its beginning with all of the header.
        size: bytes of the file; those of `data` where it is whole.

    Returns:
        the tensors in the header's order, which stays the order of the dict.

    Raises:
        PackageRefusal: a header too large, not JSON, with a name twice, or with more tensors than the limit; an unknown dtype;
            a shape that does not fit its bytes or overflows; offsets with holes, overlaps or past the end.
    """
    size = len(data) if size is None else size
    header = _header(data, size, where, limit_tensors)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        _refuse("its __metadata__ is not text", where)
    if len(header) > limit_tensors:
        _refuse(f"it holds {len(header)} tensors; the limit is {limit_tensors}", where)
    start = 8 + int.from_bytes(data[:8], "little")
    spans = [_span(name, entry, start, where) for name, entry in header.items()]
    _check_spans(sorted(spans), start, size, where)
    return spans


def header_of(tensors: Iterable[tuple[str, str, Sequence[int]]]) -> bytes:
    """The beginning of a file in which tensors of these names, types and shapes lie one after the other."""
    entries, reached = dict[str, Any](), 0
    for name, dtype, shape in tensors:
        begin, reached = reached, reached + prod(shape) * ITEM_BYTES[dtype]
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, reached]}
    text = render_json(entries)
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _header(data: bytes, size: int, where: str, limit_tensors: int) -> dict[str, Any]:
    length = int.from_bytes(data[:8], "little")
    if size < 8 or length > size - 8:
        _refuse(f"the file has {size} bytes, the header alone would need {8 + length}", where)
    if length > LIMIT_HEADER_BYTES:
        _refuse(f"its header has {length} bytes; the limit is {LIMIT_HEADER_BYTES}", where)
    text = data[8 : 8 + length]
    if text.count(b"{") > limit_tensors + 2:  # counted before parsing: a million empty tensors would fill the memory
        _refuse(f"it holds more than {limit_tensors} tensors", where)
    header = parse_json(text, where=f"{where}, header")
    if not isinstance(header, dict):
        _refuse("its header is no JSON object", where)
    return header


def _span(name: str, entry: Any, start: int, where: str) -> Span:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        _refuse(f"tensor {name[:80]!a} is not described by dtype, shape and data_offsets", where)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        _refuse(f"tensor {name[:80]!a} has the unknown dtype {str(dtype)[:20]!a}", where)
    if not (_are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2 and len(shape) <= LIMIT_AXES):
        _refuse(f"tensor {name[:80]!a} has a shape or offsets that are not sizes", where)
    # torch multiplies the sizes that are not zero too, so they must not overflow even where the tensor is empty
    if prod(size for size in shape if size) * ITEM_BYTES[dtype] > LIMIT_SIZE:
        _refuse(f"tensor {name[:80]!a} has a shape that overflows", where)
    begin, end = offsets
    if end - begin != prod(shape) * ITEM_BYTES[dtype]:
        _refuse(f"tensor {name[:80]!a}: {dtype} of shape {shape[:8]} does not fill bytes {begin} to {end}", where)
    return Span(start + begin, start + end, name, dtype, tuple(shape))


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size <= LIMIT_SIZE for size in value)


def _check_spans(spans: list[Span], start: int, size: int, where: str) -> None:
    reached = start
    for span in spans:
        if span.begin != reached:
            kind = "overlaps the tensor before it" if span.begin < reached else "leaves a hole before it"
            _refuse(f"tensor {span.name[:80]!a} {kind} (at byte {span.begin}, {reached} expected)", where)
        reached = span.end
    if reached != size:
        _refuse(f"its tensors end at byte {reached}, the file at {size}", where)


def _refuse(what: str, where: str) -> NoReturn:
    raise PackageRefusal(
        "TENSORS_INVALID",
        f"not a valid safetensors file: {what}",
        where=where,
        why="reading on would guess which bytes are which weights",
        fix="copy the file again from where it came",
    )
