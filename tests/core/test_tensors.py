"""Tensors as bytes and state trees: the same bits and ties come back; a header that lies is refused before it is believed."""

import json
import math
import struct

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from thalweg.core.errors import PackageRefusal
from thalweg.core.files import write_folder
from thalweg.core.manifest import open_folder
from thalweg.core.tensors import (
    DTYPE_NAMES,
    pack,
    tensors_from_bytes,
    tensors_to_bytes,
    tree_from_files,
    tree_from_folder,
    tree_to_files,
    unpack,
)


def round_trip(tree):
    return tree_from_files(tree_to_files(tree), where="here")


def raw(tensor):
    return tensor.detach().contiguous().view(-1).view(torch.uint8).tolist() if tensor.numel() else []


def same(one, two):
    """Equal in type, structure and bits."""
    if isinstance(one, torch.Tensor):
        return (one.dtype, one.shape) == (two.dtype, two.shape) and raw(one) == raw(two)
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return list(one) == list(two) and all(
            type(a) is type(b) and same(one[a], two[b]) for a, b in zip(one, two, strict=True)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return struct.pack(">d", one) == struct.pack(">d", two) if isinstance(one, float) else one == two


@st.composite
def any_tensor(draw):
    dtype = draw(st.sampled_from((*DTYPE_NAMES, torch.complex128)))
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    count = math.prod(shape) * dtype.itemsize
    data = draw(st.binary(min_size=count, max_size=count))
    if dtype == torch.bool:
        data = bytes(byte % 2 for byte in data)
    flat = torch.frombuffer(bytearray(data), dtype=dtype) if count else torch.empty(0, dtype=dtype)
    tensor = flat.reshape(shape)
    return tensor.transpose(0, -1) if len(shape) > 1 and draw(st.booleans()) else tensor


scalars = st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.text(max_size=8)
keys = (
    st.text(max_size=6) | st.integers(-5, 1 << 40) | st.booleans() | st.none() | st.tuples(st.integers(), st.text(max_size=3))
)
trees = st.recursive(
    scalars | any_tensor(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=6), inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=250)
@given(trees)
def test_any_tree_comes_back_with_the_same_bits(tree):
    assert same(round_trip(tree), tree)


@settings(max_examples=60)
@given(st.data())
def test_any_views_of_one_memory_come_back_tied(data):
    base = torch.arange(24).to(data.draw(st.sampled_from([torch.float32, torch.int16, torch.complex128])))
    views = [base.view(4, 6), base[5:17], base.view(2, 3, 4).permute(2, 0, 1), base[::3], base[23], base[:0]]
    chosen = [0, *data.draw(st.lists(st.sampled_from(range(len(views))), max_size=5))]
    found = round_trip([views[index] for index in chosen])
    for index, tensor in zip(chosen, found, strict=True):
        assert same(tensor, views[index])
    owners = {tensor.untyped_storage().data_ptr() for tensor in found if tensor.numel()}
    assert len(owners) <= 1


def test_tensors_side_by_side_in_one_memory_are_stored_as_if_each_had_its_own():
    base = torch.arange(12.0)
    apart = [base[:4].clone(), base[4:].clone().view(2, 4)]
    assert tree_to_files([base[:4], base[4:].view(2, 4)]) == tree_to_files(apart)


def test_tied_weights_are_stored_once_and_stay_tied():
    weight = torch.randn(3, 4)
    tensors, skeleton = pack({"encoder": weight, "decoder": weight, "view": weight.detach()})
    assert list(tensors) == ["encoder"]
    found = unpack(skeleton, tensors)
    found["encoder"][0, 0] = 7.0
    assert found["decoder"][0, 0] == 7.0
    assert found["view"][0, 0] == 7.0


def test_a_view_with_an_offset_stays_tied():
    base = torch.arange(12.0)
    found = round_trip({"row": base[4:8], "whole": base.view(3, 4)})
    found["row"][0] = -1.0
    assert found["whole"][1, 0] == -1.0


def test_what_is_loaded_has_memory_of_its_own():
    tensor = torch.ones(3)
    tensors, _ = pack([tensor])
    tensor[0] = 5.0
    assert tensors["0"][0] == 1.0


def test_a_slice_does_not_carry_the_whole():
    tensors, _ = pack({"slice": torch.randn(1000, 1000)[3:5, 1:3]})
    assert [tensor.numel() for tensor in tensors.values()] == [4]


def test_channels_last_memory_comes_back_in_its_order():
    image = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    found = round_trip({"image": image})["image"]
    assert found.stride() == image.stride()
    assert same(found, image)


def test_expanded_conjugated_and_negated_tensors_come_back_by_value():
    complex_ = torch.randn(3, dtype=torch.complex64)
    tree = [torch.ones(1, 2).expand(5, 2), complex_.conj(), complex_.conj().imag, complex_]
    found = round_trip(tree)
    assert all(torch.equal(one, two) for one, two in zip(found, tree, strict=True))


def test_generators_continue_where_they_were():
    one, two = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
    torch.rand(5, generator=two)
    found = round_trip({"one": one, "two": two})
    for name, original in (("one", one), ("two", two)):
        assert torch.equal(torch.rand(9, generator=found[name]), torch.rand(9, generator=original))


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.LBFGS, torch.optim.SGD])
def test_pitfall_11_optimizer_state_survives(kind):
    def learner():
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        return model, kind(model.parameters(), lr=0.1)

    def step(model, optimizer):
        def measure():
            optimizer.zero_grad()
            loss = model(torch.linspace(0, 1, 12).view(4, 3)).square().mean()
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(measure)

    model, optimizer = learner()
    step(model, optimizer)
    state = round_trip({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    step(model, optimizer)
    resumed, its_optimizer = learner()
    resumed.load_state_dict(state["model"])
    its_optimizer.load_state_dict(state["optimizer"])
    step(resumed, its_optimizer)
    assert same(dict(resumed.state_dict()), dict(model.state_dict()))


def test_parameters_and_sizes_come_back_plain():
    found = round_trip({"weight": nn.Parameter(torch.ones(2)), "size": torch.Size([2, 3])})
    assert type(found["weight"]) is torch.Tensor
    assert found["size"] == (2, 3)


@pytest.mark.parametrize(
    "leaf",
    [
        object(),
        {1, 2},
        b"bytes",
        1j,
        lambda: 0,
        torch.ones(2).to_sparse(),
        torch.empty(2, device="meta"),
        nn.Linear(1, 1),
        range(3),
    ],
)
def test_anything_else_is_refused_by_its_place(leaf):
    with pytest.raises(ValueError, match=r"rule\.memory\.0"):
        pack({"rule": {"memory": [leaf]}})


def test_a_tree_that_contains_itself_is_refused():
    tree = []
    tree.append(tree)
    with pytest.raises(ValueError, match="levels deep"):
        pack(tree)


@pytest.mark.parametrize("wrap", [lambda tree: {1: tree}, lambda tree: {"a": tree}, lambda tree: (tree,), lambda tree: [tree]])
def test_the_deepest_tree_that_packs_also_loads(wrap):
    tree = torch.ones(2, 3).t()
    for _ in range(20):
        tree = wrap(tree)
    assert same(round_trip(tree), tree)
    with pytest.raises(ValueError, match="levels deep"):
        pack(wrap(tree))


def test_names_in_the_file_tell_the_place_and_never_collide():
    tensors, _ = pack({"a": {"b": torch.ones(1)}, "a.b": torch.ones(1), "__metadata__": torch.ones(1), 5: [torch.ones(1)]})
    assert list(tensors) == ["a.b", "a.b#2", "__metadata__#2", "5.0"]


def test_a_tree_survives_a_folder(tmp_path):
    tree = {"step": 5, "loss": float("nan"), "weights": [torch.randn(3)], 7: (None, True)}
    write_folder(tmp_path / "5", tree_to_files(tree), format="test", version=1)
    assert same(tree_from_folder(open_folder(tmp_path / "5", format="test", newest=1)), tree)


@pytest.mark.parametrize(
    "skeleton",
    [
        {"object": "os.system"},
        {"dict": {}, "tuple": []},
        {},
        {"tensor": "other"},
        {"tensor": ["t"]},
        {"float": "zz"},
        {"float": "00"},
        {"int": 5},
        {"pairs": [[{"dict": {}}, 1]]},
        {"pairs": [[1]]},
        {"dict": []},
        {"generator": ["cpu", {"tensor": "t"}]},
        {"generator": ["nowhere", {"tensor": "t"}]},
        {"view": ["t", "uint8", [1 << 40], [0], 0]},
        {"view": ["t", "float32", [4], [1], 1]},
        {"view": ["t", "uint8", [2], [-1], 1]},
        {"view": ["t", "uint8", [2, 2], [1], 0]},
        {"view": ["t", "uint8", [2.0], [1], 0]},
        {"view": ["t", "object", [1], [1], 0]},
        {"view": ["t"]},
        {"tuple": 5},
        5,
    ],
)
def test_a_skeleton_that_pack_cannot_have_made_is_refused(skeleton):
    with pytest.raises(PackageRefusal, match="does not hold together") as caught:
        unpack(skeleton, {"t": torch.zeros(16, dtype=torch.uint8)})
    assert caught.value.exit_code == 4


def test_tensors_that_share_memory_or_are_strided_become_bytes():
    base = torch.arange(6.0)
    found = tensors_from_bytes(tensors_to_bytes({"a": base, "b": base, "c": base.view(2, 3).t()}), where="here")
    assert torch.equal(found["c"], base.view(2, 3).t())
    assert torch.equal(found["a"], found["b"])


@pytest.mark.parametrize("tensor", [torch.ones(2, dtype=torch.complex128), torch.ones(2).to_sparse()])
def test_tensors_without_a_place_in_the_format_are_refused(tensor):
    with pytest.raises(ValueError, match="'x'"):
        tensors_to_bytes({"x": tensor})


@settings(max_examples=100)
@given(st.dictionaries(st.text(max_size=4), any_tensor().filter(lambda tensor: tensor.dtype in DTYPE_NAMES), max_size=5))
def test_safetensors_itself_reads_what_is_written(tensors):
    data = tensors_to_bytes(tensors)
    assert same(dict(sorted(safetensors.torch.load(data).items())), dict(sorted(tensors.items())))
    assert same(dict(sorted(tensors_from_bytes(data, where="here").items())), dict(sorted(tensors.items())))


def file_of(header, data=b"", *, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


BAD_HEADERS = {
    "empty file": b"",
    "seven bytes": b"1234567",
    "length 2^63": file_of({}, length=1 << 63),
    "length past the end": file_of({}, length=3),
    "not JSON": file_of(b"{'a'"),
    "not UTF-8": file_of(b'{"\xff": 1}'),
    "a list": file_of([]),
    "a name twice": file_of(b'{"a":%s,"a":%s}' % ((json.dumps(entry()).encode(),) * 2), b"1234"),
    "too deep": file_of(b"[" * 100 + b"]" * 100),
    "overlap": file_of({"a": entry(), "b": entry(offsets=(2, 6))}, bytes(6)),
    "the same bytes": file_of({"a": entry(), "b": entry()}, bytes(4)),
    "hole": file_of({"a": entry(), "b": entry(offsets=(6, 10))}, bytes(10)),
    "hole at the start": file_of({"a": entry(offsets=(4, 8))}, bytes(8)),
    "bytes left over": file_of({"a": entry()}, bytes(5)),
    "past the end": file_of({"a": entry()}, bytes(3)),
    "backwards": file_of({"a": entry(shape=(0,), offsets=(4, 0))}, bytes(4)),
    "shape does not fit": file_of({"a": entry(shape=(2,))}, bytes(4)),
    "dtype does not fit": file_of({"a": entry(dtype="F64")}, bytes(4)),
    "unknown dtype": file_of({"a": entry(dtype="object")}, bytes(4)),
    "dtype is a list": file_of({"a": entry(dtype=[])}, bytes(4)),
    "overflow": file_of({"a": entry(shape=(1 << 33, 1 << 33))}, bytes(4)),
    "overflow behind a zero": file_of({"a": entry(shape=(0, 1 << 40, 1 << 40), offsets=(0, 0))}),
    "negative": file_of({"a": entry(shape=(-1, -1))}, bytes(4)),
    "a fraction": file_of({"a": entry(shape=(1.0,))}, bytes(4)),
    "a bool": file_of({"a": entry(shape=(True,))}, bytes(4)),
    "three offsets": file_of({"a": entry(offsets=(0, 4, 4))}, bytes(4)),
    "a key more": file_of({"a": entry() | {"stride": [0]}}, bytes(4)),
    "a key less": file_of({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)),
    "no object": file_of({"a": 5}, bytes(4)),
    "65 axes": file_of({"a": entry(shape=(1,) * 65)}, bytes(4)),
    "metadata that is no text": file_of({"__metadata__": {"a": 1}}),
}


@pytest.mark.parametrize("data", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_pkg_10_a_header_that_lies_is_refused(data):
    with pytest.raises(PackageRefusal) as caught:
        tensors_from_bytes(data, where="weights.safetensors")
    assert caught.value.exit_code == 4
    assert "weights.safetensors" in caught.value.where
    assert len(str(caught.value)) < 600


def test_pkg_10_a_header_over_the_limit_is_refused_before_it_is_parsed():
    size = (16 << 20) + 1
    with pytest.raises(PackageRefusal, match="limit"):
        tensors_from_bytes(file_of(b" " * size), where="weights.safetensors")


def test_pkg_10_valid_empties_and_scalars_load():
    data = file_of(
        {
            "__metadata__": {"format": "pt"},
            "none": entry(shape=(0, 3), offsets=(0, 0)),
            "scalar": entry(shape=(), offsets=(0, 4)),
            "end": entry(dtype="BOOL", shape=(0,), offsets=(4, 4)),
        },
        struct.pack("<f", 2.5),
    )
    found = tensors_from_bytes(data, where="here")
    assert found["none"].shape == (0, 3)
    assert found["scalar"].shape == ()
    assert found["scalar"] == 2.5
    assert found["end"].dtype == torch.bool
    assert tensors_from_bytes(file_of({}), where="here") == {}


def test_pkg_11_a_million_empty_tensors_are_refused_by_their_number():
    one = b':{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    header = b"{" + b",".join(b'"%d"%s' % (number, one) for number in range(200_000)) + b"}"
    assert len(header) < 16 << 20
    with pytest.raises(PackageRefusal, match="more than 100000 tensors"):
        tensors_from_bytes(file_of(header), where="here")
    with pytest.raises(PackageRefusal, match="3 tensors; the limit is 2"):
        tensors_from_bytes(tensors_to_bytes(dict.fromkeys("abc", torch.ones(1))), where="here", limit_tensors=2)


@settings(max_examples=300)
@given(st.data())
def test_r16_mutated_files_load_or_are_refused_and_nothing_else(data):
    whole = bytearray(tensors_to_bytes({"a": torch.arange(3.0), "b": torch.ones(2, 2, dtype=torch.int64), "c": torch.empty(0)}))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        found = tensors_from_bytes(bytes(whole), where="here")
    except PackageRefusal:
        return
    assert sum(tensor.nbytes for tensor in found.values()) <= len(whole)


@settings(max_examples=200)
@given(
    st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["dict", "pairs", "tuple", "tensor", "view", "float", "int", "generator", "x"]),
                inner,
                max_size=2,
            )
        ),
        max_leaves=12,
    )
)
def test_r16_any_skeleton_unpacks_or_is_refused_and_nothing_else(skeleton):
    try:
        found = unpack(skeleton, {"t": torch.zeros(4, dtype=torch.uint8)})
    except PackageRefusal:
        return
    assert '"t"' in json.dumps(skeleton)
    assert not same(found, skeleton)
