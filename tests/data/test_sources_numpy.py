"""NumPy archives: names, splits, kinds by shape, and what is refused before anything is allocated."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from thalweg.core.errors import DataRefusal
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

PICTURES = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 8, 8)


def saved(path: Path, **arrays) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def with_header(path: Path, header: bytes, data: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header + data)
    return path


def header(**facts) -> bytes:
    written = io.BytesIO()
    npy.write_array_header_1_0(written, {"descr": "<f8", "fortran_order": False, **facts})
    return written.getvalue()


@pytest.mark.parametrize(
    ("inputs", "target"), [("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "target"), ("features", "label")]
)
def test_inputs_and_target_are_found_by_the_names_that_people_use(tmp_path, inputs, target):
    examples = read(saved(tmp_path / "a.npz", **{inputs: PICTURES, target: np.arange(6)}))
    assert list(examples.columns) == [inputs.casefold(), target.casefold()]
    assert examples.roles == {target.casefold(): "target"}
    assert examples.kinds == {inputs.casefold(): "image"}


@pytest.mark.parametrize("pattern", ["{0}_{1}", "{1}_{0}"])
def test_a_split_in_the_names_is_kept(tmp_path, pattern):
    parts = {"train": slice(0, 3), "val": slice(3, 4), "test": slice(4, 6)}
    arrays = {pattern.format("x", part): PICTURES[rows] for part, rows in parts.items()}
    arrays |= {pattern.format("y", part): np.arange(6)[rows] for part, rows in parts.items()}
    examples = read(saved(tmp_path / "a.npz", **arrays))
    assert {part: rows.tolist() for part, rows in examples.given.items()} == {
        "train": [0, 1, 2],
        "validation": [3],
        "test": [4, 5],
    }
    assert np.array_equal(examples.columns["x"], PICTURES)
    assert examples.columns["y"].tolist() == list(range(6))


def test_classes_name_the_numbers(tmp_path):
    examples = read(saved(tmp_path / "a.npz", x=PICTURES, y=[0, 1, 2, 2, 1, 0], classes=["cat", "dog", "owl"]))
    assert examples.columns["y"].tolist() == ["cat", "dog", "owl", "owl", "dog", "cat"]
    assert examples.facts["classes"] == ["cat", "dog", "owl"]


def test_rows_of_floats_are_series_unless_the_user_says_numbers(tmp_path):
    path = saved(tmp_path / "a.npz", x=np.random.rand(5, 9), y=[0, 1, 0, 1, 0])
    assert read(path).kinds == {"x": "series"}
    assert "--field x=number" in read(path).notes[0]
    assert set(read(path, DataSettings(fields={"x": "number"})).columns) == {"y", *(f"x{i}" for i in range(9))}


def test_the_longer_axis_of_series_is_time_and_series_of_two_lengths_keep_theirs(tmp_path):
    short, long = np.random.rand(2, 3, 7), np.random.rand(2, 3, 9)
    examples = read(saved(tmp_path / "a.npz", x_train=short, y_train=[0, 1], x_test=long, y_test=[0, 1]))
    assert [row.shape for row in examples.columns["x"]] == [(7, 3), (7, 3), (9, 3), (9, 3)]
    assert np.array_equal(examples.columns["x"][0], short[0].T)


def test_one_hot_targets_become_classes(tmp_path):
    examples = read(saved(tmp_path / "a.npz", x=PICTURES, y=np.eye(3)[[0, 1, 2, 2, 1, 0]]))
    assert examples.columns["y"].tolist() == [0, 1, 2, 2, 1, 0]


def test_names_of_features_name_the_columns(tmp_path):
    examples = read(saved(tmp_path / "a.npz", data=np.zeros((3, 2)), target=[1, 2, 3], feature_names=["height", "weight"]))
    assert list(examples.columns) == ["height", "weight", "target"]


def test_lengths_that_differ_and_parts_that_lack_a_target_are_refused(tmp_path):
    with pytest.raises(DataRefusal, match="x has 6, y has 5"):
        read(saved(tmp_path / "a.npz", x=PICTURES, y=np.arange(5)))
    with pytest.raises(DataRefusal, match="lacks y of test"):
        read(saved(tmp_path / "b.npz", x_train=PICTURES, y_train=np.arange(6), x_test=PICTURES))


def test_names_that_fit_no_pattern_are_listed(tmp_path):
    with pytest.raises(DataRefusal) as caught:
        read(saved(tmp_path / "a.npz", edges=np.zeros((9, 2)), nodes=np.zeros((4, 3))))
    assert caught.value.code == "DATA_NPZ_NAMES"
    assert "edges (9, 2)" in caught.value.where


@pytest.mark.parametrize("factor", [1 / 255, 1.0])
def test_squares_of_brightness_are_pictures_unless_the_user_says_series(tmp_path, factor):
    path = saved(tmp_path / "a.npz", x=np.random.default_rng(0).integers(0, 256, (20, 9, 9)) * factor, y=np.arange(20) % 2)
    examples = read(path)
    assert examples.kinds["x"] == "image"
    assert "x: squares of 9 × 9 are read as pictures (--field x=series)" in examples.notes
    assert read(path, DataSettings(fields={"x": "series"})).kinds["x"] == "series"
    signed = np.random.default_rng(0).normal(size=(20, 9, 9))
    assert read(saved(tmp_path / "b.npz", x=signed, y=np.arange(20) % 2)).kinds["x"] == "series"


def test_volumes_are_refused_with_what_can_be_done(tmp_path):
    with pytest.raises(DataRefusal) as caught:
        read(saved(tmp_path / "a.npz", x=np.zeros((4, 20, 20, 20), dtype=np.uint8), y=np.arange(4) % 2))
    assert caught.value.code == "DATA_VOLUMES"
    assert "20 × 20 × 20" in caught.value.what


def test_dat_48_python_objects_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object), y=[1])
    np.save(tmp_path / "a.npy", np.array([print], dtype=object), allow_pickle=True)
    for given in (path, tmp_path / "a.npy"):
        with pytest.raises(DataRefusal, match="contains Python objects; refused"):
            read(given)


def test_dat_49_a_bomb_is_refused_before_anything_is_allocated(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        member.write(header(shape=(1 << 26,)))
        for _ in range(512):
            member.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(DataRefusal) as caught:
        read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.code == "DATA_BOMB"
    assert peak < 64 << 20


@pytest.mark.parametrize("shape", [(1 << 50,), (1 << 40, 1 << 40), (-1,), (3,)])
def test_dat_49_a_header_that_claims_more_than_there_is_is_refused(tmp_path, shape):
    with pytest.raises(DataRefusal) as caught:
        read(with_header(tmp_path / "a.npz", header(shape=shape), bytes(8)))
    assert caught.value.code == "DATA_FALSE_HEADER"


@pytest.mark.parametrize("cut", [30, 100, 200])
def test_a_file_that_is_cut_off_is_refused(tmp_path, cut):
    path = saved(tmp_path / "a.npz", x=PICTURES, y=np.arange(6))
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataRefusal):
        read(path)


@pytest.mark.parametrize("place", [60, 150, 300])
def test_a_byte_that_changed_is_seen(tmp_path, place):
    path = saved(tmp_path / "a.npz", x=np.random.rand(50, 4), y=np.arange(50))
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataRefusal):
        read(path)


def test_a_workbook_in_disguise_is_called_one(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(DataRefusal, match="Excel"):
        read(tmp_path / "a.npz")


def test_what_is_said_of_an_array_is_said_of_each_field_that_it_became(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    path = saved(tmp_path / "a.npz", x=rows, z=rows[:, :2], y=np.arange(60) % 2)
    told = DataSettings(fields={"x": "number", "z": "number"}, ignore=("z",))
    dataset = encode(read(path, told), told, seed=0)
    assert dataset.encodings["numbers"].fields == ("x0", "x1", "x2")
    assert not any("series" in note for note in dataset.notes)


def test_an_array_is_a_table_where_something_is_said_of_its_first_column(tmp_path):
    path = saved(tmp_path / "a.npz", x=np.arange(12.0).reshape(6, 2), y=np.arange(6))
    assert list(read(path, DataSettings(fields={"x0": "number"})).columns) == ["x0", "x1", "y"]
    assert list(read(path).columns) == ["x", "y"]


def test_several_targets_in_one_array_are_named_by_it(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    told = DataSettings(target="y", fields={"x": "number"})
    dataset = encode(read(saved(tmp_path / "a.npz", x=rows, y=rows[:, :2]), told), told, seed=0)
    assert [one.name for one in dataset.encodings.of_role("target")] == ["y0", "y1"]


def test_a_structured_array_is_a_table(tmp_path):
    np.save(tmp_path / "a.npy", np.array([(1, 2.5), (2, 3.5)], dtype=[("n", "i4"), ("v", "f8")]))
    examples = read(tmp_path / "a.npy")
    assert {name: list(values) for name, values in examples.columns.items()} == {"n": [1, 2], "v": [2.5, 3.5]}


def test_medmnist_and_the_series_archive_are_read_as_they_come(shared_data):
    examples = read(shared_data / "pneumoniamnist_variant" / "pneumoniamnist_variant.npz")
    assert {part: len(rows) for part, rows in examples.given.items()} == {"train": 3882, "validation": 524, "test": 624}
    assert examples.kinds == {"images": "image"}
    motions = read(shared_data / "ucr_uea_small" / "BasicMotions.npz")
    assert motions.columns["x"].shape == (80, 100, 6)
    vowels = read(shared_data / "ucr_uea_small" / "JapaneseVowels.npz").columns["x"]
    assert {row.shape[1] for row in vowels} == {12}
    assert (min(map(len, vowels)), max(map(len, vowels))) == (7, 29)
