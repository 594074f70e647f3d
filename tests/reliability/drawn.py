"""Fuzzing: contents drawn for what reads them, and what may come of it (R16).

Drawn are JSON values, and values and bytes a few changes away from what a real file holds: most bytes fail at the first sign;
those near a real file reach what stands behind the parser.
"""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.refusing import assert_well_said
from tests.reliability.figures import Row
from thalweg.core.errors import Refusal

ROW = Row(
    "R16",
    "drawn contents for each parser and each file of a run: only refusals escape",
    "safetensors: no crash in 38.4 M inputs; ONNX and Pillow: OSS-Fuzz",
)
T = TypeVar("T")

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "../x", "/etc/passwd", "os.system", "\0", "é", "1e5", "nan", "-1", "~nobody/x", "y" * 5000])
    | st.sampled_from(["mlp", "none", "test", "auto", "use"])
    | st.text(max_size=6)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4), max_leaves=12
)


def assert_only_refusals(drawn: st.SearchStrategy[T], call: Callable[[T], Any], *, count: int, once: Sequence[T] = ()) -> None:
    """Try so many contents, the same in every run: each is read, or refused in the form of all refusals; nothing else escapes.

    Args:
        once: what crashed once; it is tried first.
    """
    took = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    @given(one=drawn)
    def each(one: T) -> None:
        begun = time.monotonic()
        try:
            call(one)
        except Refusal as refusal:
            assert_well_said(refusal)
        took.append(time.monotonic() - begun)

    for one in once:
        each = example(one=one)(each)
    each()
    ROW.note(len(took), len(took), seconds=max(took))


@st.composite
def near(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes a few changes away from a file."""
    found = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(found)))
        end = min(len(found), begin + draw(st.sampled_from([0, 0, 1, 2, 8, 1 << 20])))
        found[begin:end] = draw(
            st.binary(max_size=3) | st.sampled_from([b"\n", b'"', b"0", b"-", b"9" * 30, b"\0" * 9, b"{}", b","])
        )
    return bytes(found)


@st.composite
def edited(draw: st.DrawFn, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON value in which some branches are others, gone or new."""
    found = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        inner = found
        path = list[tuple[Any, Any]]()
        while isinstance(inner, dict | list) and inner and draw(st.integers(0, 4)):
            key = draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
            path.append((inner, key))
            inner = inner[key]
        if not path:
            return draw(values)
        _change(draw, *path[-1])
    return found


def _change(draw: st.DrawFn, holder: Any, key: Any) -> None:  # noqa: ANN401 - any JSON value
    """Another value there; or, as likely, another name for it, or one more in a list."""
    if draw(st.booleans()):
        holder[key] = draw(values)
    elif isinstance(holder, dict):
        del holder[key]
        holder[draw(st.text(max_size=5))] = draw(values)
    else:
        holder.insert(key, draw(values))


def in_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """The text of a value."""
    return json.dumps(value).encode()
