"""Every kind passes these."""

import json

import numpy as np
import pytest
import torch

from thalweg.core import registry
from thalweg.core.errors import PackageRefusal, Refusal
from thalweg.fields.column import Column, take
from thalweg.fields.encoding import Encoding, Encodings
from thalweg.fields.ragged import Ragged

KINDS = registry.names("kind")


def fitted(kind: str, role: str = "target", rows: list[int] | None = None) -> tuple[Encoding, list[Column]]:
    part = registry.load("kind", kind)
    columns = part.example() if role == "input" or not part.grouped else part.example()[:1]
    seen = columns if rows is None else [take(column, rows) for column in columns]
    return part("it", [f"field{i}" for i in range(len(columns))], role).fit(seen), columns


def dense(encoded: torch.Tensor | Ragged) -> torch.Tensor:
    return encoded.gather(torch.arange(len(encoded)))[0] if isinstance(encoded, Ragged) else encoded


def equal(encoded: torch.Tensor | Ragged, other: torch.Tensor | Ragged) -> bool:
    return torch.equal(dense(encoded), dense(other))


def same(raw: object, back: object) -> bool:
    if isinstance(raw, list) and isinstance(back, list) and raw and isinstance(raw[0], float):
        raw, back = np.array(raw), np.array(back)
    if isinstance(raw, float | np.ndarray):
        return np.allclose(np.asarray(raw, dtype=float), np.asarray(back, dtype=float), rtol=1e-5, atol=1e-5)
    return raw == back


@pytest.mark.parametrize("role", ["input", "target"])
@pytest.mark.parametrize("kind", KINDS)
def test_decoding_gives_back_what_was_encoded(kind: str, role: str):
    encoding, columns = fitted(kind, role)
    encoded = dense(encoding.encode(columns))
    decoded = encoding.decode(encoded)
    for row in range(len(columns[0])):
        back = decoded[row] if len(columns) == 1 else list(decoded[row])
        raw = columns[0][row] if len(columns) == 1 else [column[row] for column in columns]
        assert same(raw, back), (raw, back)


@pytest.mark.parametrize("role", ["input", "target"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_fitted_survives_json(kind: str, role: str):
    encoding, columns = fitted(kind, role)
    [back] = Encodings.from_json(json.loads(json.dumps(Encodings([encoding]).as_json()))).values()
    assert back.state() == encoding.state()
    assert back.port == encoding.port
    assert equal(back.encode(columns), encoding.encode(columns))


@pytest.mark.parametrize("role", ["input", "target"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_port_describes_the_tensor(kind: str, role: str):
    encoding, columns = fitted(kind, role)
    encoded, port = encoding.encode(columns), encoding.port
    assert port.name == "it"
    assert port.masked == isinstance(encoded, Ragged)
    shape = encoding.finish(dense(encoded)).shape[1:]
    assert len(shape) == len(port.shape)
    assert all(known in (None, given) for known, given in zip(port.shape, shape, strict=True))
    if port.size is not None and not encoded_floats(encoded):
        assert int(dense(encoded).max()) < port.size


def encoded_floats(encoded: torch.Tensor | Ragged) -> bool:
    return dense(encoded).is_floating_point()


@pytest.mark.parametrize("kind", KINDS)
def test_models_read_finite_floats_or_codes(kind: str):
    encoding, columns = fitted(kind, "input")
    encoded = dense(encoding.encode(columns))
    finished = encoding.finish(encoded)
    assert finished.dtype in (torch.float32, torch.int64)
    assert torch.isfinite(finished.float()).all()
    assert torch.equal(encoding.finish(encoding.loosen(encoded)), finished)


@pytest.mark.parametrize("kind", KINDS)
def test_extending_keeps_the_codes_given_before(kind: str):
    encoding, columns = fitted(kind, "target", rows=[0, 1])
    first = [take(column, [0, 1]) for column in columns]
    before = dense(encoding.encode(first))
    encoding.extend(columns)
    after = dense(encoding.encode(first))
    assert torch.equal(before, after[tuple(slice(0, size) for size in before.shape)])
    assert len(encoding.encode(columns)) == len(columns[0])


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_is_the_same_twice_and_leaves_its_input_alone(kind: str):
    encoding, columns = fitted(kind, "input")
    copies = [take(column, range(len(column))) for column in columns]
    assert equal(encoding.encode(columns), encoding.encode(columns))
    assert all(
        same(one, two) for column, copy in zip(columns, copies, strict=True) for one, two in zip(column, copy, strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_encoded_one_by_one(kind: str):
    encoding, columns = fitted(kind, "input")
    whole = dense(encoding.encode(columns))
    for row in range(len(columns[0])):
        alone = dense(encoding.encode([take(column, [row]) for column in columns]))
        assert torch.equal(alone[0], whole[row][tuple(slice(0, size) for size in alone.shape[1:])])


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_that_lacks_something_is_refused(kind: str):
    encoding, _ = fitted(kind)
    optional = {"texts", "array", "counts", "crop"}
    for left_out in encoding.state().keys() - optional:
        state = {key: value for key, value in encoding.state().items() if key != left_out}
        with pytest.raises(PackageRefusal):
            registry.load("kind", kind)("it", encoding.fields, "target").restore(state)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_name_for_many(kind: str):
    assert isinstance(registry.facts("kind", kind)["plural"], str)


STRANGE: dict[str, Column] = {
    "numbers": np.array([1.5, 2.5, np.nan]),
    "integers": np.array([1, 2, 3]),
    "table": np.arange(12.0).reshape(3, 4),
    "text": ["a", "b", "c"],
    "gaps": [None, None, None],
    "mixed": [1, "two", None],
    "lists": [["a"], [1, 2], []],
    "ragged": [np.zeros(2), np.zeros((3, 3)), np.zeros(0)],
    "objects": [object(), object(), object()],
    "deep": np.zeros((3, 2, 2, 2, 2)),
    "none at all": np.zeros((3, 0)),
    "dates": np.array(["2024-01-01", "2024-01-02", "NaT"], dtype="datetime64[D]"),
}


@pytest.mark.parametrize("role", ["input", "target"])
@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("kind", KINDS)
def test_values_of_another_kind_are_taken_or_refused_and_never_crash(kind: str, strange: str, role: str):
    encoding = registry.load("kind", kind)("it", ["it"], role)
    try:
        encoding.check([STRANGE[strange]])
        encoding.fit([STRANGE[strange]]).encode([STRANGE[strange]])
    except Refusal as refusal:
        assert refusal.fix  # noqa: PT017 - either way is right


@pytest.mark.parametrize("kind", registry.names("kind"))
def test_rows_that_are_read_as_they_lie_are_scaled_to_what_models_read(kind: str):
    encoding, columns = fitted(kind, "input")
    straight, rows = encoding.straight(columns), len(columns[0])
    if straight is None:
        return
    expected = encoding.finish(dense(encoding.encode(columns))).flatten(1)
    read = torch.cat([straight.read(first, first + 1) for first in range(rows)]).flatten(1)
    assert torch.equal(read, straight.read(0, rows).flatten(1))
    if straight.factor is None or straight.offset is None:
        assert torch.equal(read, expected)
    else:
        scaled = read.double() * torch.from_numpy(straight.factor) + torch.from_numpy(straight.offset)
        torch.testing.assert_close(scaled.float(), expected, rtol=1e-5, atol=1e-6)
