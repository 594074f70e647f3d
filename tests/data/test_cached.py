import dataclasses
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from thalweg.core.errors import DataRefusal, ResourceRefusal
from thalweg.core.position import Position
from thalweg.core.run_lock import one_at_a_time
from thalweg.data import _cached, _npy, catalogue
from thalweg.data._mapped import Mapped, _runs, in_file
from thalweg.data._raw_digest import raw_digest
from thalweg.data.dataset import Examples, StoredDataset
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.vector import Vector

PHOTOS, SIDE = 60, 12


@pytest.fixture
def photos(tmp_path: Path) -> Examples:
    """Sixty photos of two classes in files."""
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.png" for i in range(PHOTOS)]
    for path in paths:
        Pillow.fromarray(random.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)).save(path)
    classes = [("ant", "bee")[i % 2] for i in range(PHOTOS)]
    return Examples("photos", {"photo": paths, "class": classes}, roles={"class": "target"})


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten photos of 12 x 12 to a block."""
    monkeypatch.setattr(_cached, "BLOCK_BYTES", 10 * 3 * SIDE * SIDE)


def encoded(examples: Examples, cache: str, *, seed: int = 0) -> StoredDataset:
    return encode(examples, DataSettings(cache=cache), seed=seed)


def folders(kind: str) -> list[Path]:
    return sorted(catalogue.cache("encoded").glob(f"{kind}-*"))


def first_batches(dataset: StoredDataset) -> list[dict[str, torch.Tensor]]:
    batches = dataset.batches("train", size=8, training=True)
    position, found = Position(seed=3), []
    for _ in range(2 * batches.length):
        found.append(dict(batches.at(position)))
        position = position.advanced(batches.length)
    return found + [dict(batch) for batch in dataset.batches("test", size=5)]


def test_data_in_files_are_the_same_bits_as_data_in_memory(photos: Examples):
    here, there = encoded(photos, "never"), encoded(photos, "always")
    assert [type(field) for field in there.store.fields.values()] == [Mapped, Mapped]
    assert here.digest == there.digest
    for one, other in zip(first_batches(here), first_batches(there), strict=True):
        assert all(torch.equal(one[name], other[name]) for name in ("photo", "class"))
    assert there.notes[-1].startswith("0.0 MB encoded lie in ")
    assert here.notes == there.notes[:-1]


def test_what_was_encoded_once_is_read_whatever_the_seed_and_not_where_a_file_changed(photos: Examples):
    encoded(photos, "always")
    values = folders("image")[0] / "values"
    written = values.stat().st_mtime_ns
    encoded(photos, "always", seed=1)
    assert len(folders("image")) == 1
    assert values.stat().st_mtime_ns == written
    Pillow.new("RGB", (SIDE, SIDE)).save(photos.columns["photo"][0])
    assert (encoded(photos, "always").store.fields["photo"].values[0] == 0).all()
    assert len(folders("image")) == 2


@pytest.mark.parametrize("byte", [0, 4321, PHOTOS * 3 * SIDE * SIDE - 1])
def test_one_changed_byte_is_noticed_and_only_its_block_made_again(photos: Examples, byte: int):
    whole = encoded(photos, "always").digest
    (folder,) = folders("image")
    with (folder / "values").open("r+b") as file:
        file.seek(byte)
        wrong = bytes([file.read(1)[0] ^ 1])
        file.seek(byte)
        file.write(wrong)
    assert encoded(photos, "always").digest == whole
    lines = (folder / "blocks.jsonl").read_text().splitlines()
    assert len(lines) == 7
    assert lines[-1] == lines[byte // (10 * 3 * SIDE * SIDE)]


@pytest.mark.parametrize("damaged", ["about.json", "blocks.jsonl", "values"])
def test_files_that_cannot_be_read_are_made_anew(photos: Examples, damaged: str):
    whole = encoded(photos, "always").digest
    (folders("image")[0] / damaged).write_bytes(b"{")
    assert encoded(photos, "always").digest == whole


class Killed(Vector):
    """Vectors whose encoding takes the process down at a row."""

    at = -1

    def encode(self, columns):
        if self.at in columns[0][:, 0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(columns)


def vectors() -> tuple[Killed, np.ndarray]:
    values = np.arange(300.0).reshape(100, 3)
    return Killed("x", ["x"]).fit([values]), values


def make_vectors(at: int) -> Mapped:
    one, values = vectors()
    one.at = at
    return _cached.on_disk(one, [values], torch.zeros(0, 3))


def test_a_making_that_was_killed_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_cached, "BLOCK_BYTES", 10 * 12)
    killed = multiprocessing.get_context("fork").Process(target=make_vectors, args=(225,))
    killed.start()
    killed.join(20)
    assert killed.exitcode == -signal.SIGKILL
    mapped = make_vectors(at=0)  # the block of row 0 is there, so it is not encoded again, which would kill this process
    one, values = vectors()
    assert torch.equal(mapped.values, one.encode([values]))


def test_rows_that_cannot_be_read_are_left_out_alike_and_looked_for_once(photos: Examples, tmp_path: Path):
    for row in (3, 41):
        photos.columns["photo"][row].write_bytes(b"\x89PNG and nothing else")
    here, there, again = (encoded(photos, cache) for cache in ("never", "always", "always"))
    assert here.facts["bad_files"] == there.facts["bad_files"] == again.facts["bad_files"]
    assert len(here.facts["bad_files"]) == 2
    assert here.digest == there.digest == again.digest
    assert sorted((folder / "bad.json").exists() for folder in folders("image")) == [False, True]


def test_files_are_taken_where_all_would_fill_half_of_the_free_memory_and_only_for_what_is_large():
    one = Vector("x", ["x"]).fit([np.ones((2, 8)) * [[1.0], [2.0]]])
    small = Vector("z", ["z"]).fit([np.ones((2, 1)) * [[1.0], [2.0]]])
    both = Encodings([one, small])
    few, many = ({"x": np.broadcast_to(np.ones(8), (n, 8)), "z": np.broadcast_to(np.ones(1), (n, 1))} for n in (10, 10**11))
    assert _cached.for_disk(both, few, "auto") == {}
    assert _cached.for_disk(both, many, "never") == {}
    chosen = _cached.for_disk(both, many, "auto")
    assert {name: tuple(form.shape) for name, form in chosen.items()} == {"x": (0, 8), "z": (0, 1)}
    del many["z"]
    assert list(_cached.for_disk(Encodings([one]), few, "always")) == ["x"]


def test_what_was_opened_longest_ago_goes_first_where_room_is_needed(photos: Examples, monkeypatch: pytest.MonkeyPatch):
    encoded(photos, "always")
    (folder,) = folders("image")
    os.utime(folder / "about.json", (1, 1))
    monkeypatch.setattr(_cached, "MOST_BYTES", 60_000)
    few = dataclasses.replace(photos, columns={name: column[:-1] for name, column in photos.columns.items()})
    encoded(few, "always")
    assert not folder.exists()
    monkeypatch.setattr(_cached, "MOST_BYTES", 10_000)
    with pytest.raises(ResourceRefusal, match="CACHE_NO_ROOM"):
        encoded(dataclasses.replace(photos, columns={name: column[1:] for name, column in photos.columns.items()}), "always")


def test_what_another_process_is_making_is_not_removed_for_room(photos: Examples, monkeypatch: pytest.MonkeyPatch):
    encoded(photos, "always")
    monkeypatch.setattr(_cached, "MOST_BYTES", 60_000)
    fewer = [dataclasses.replace(photos, columns={name: one[:n] for name, one in photos.columns.items()}) for n in (59, 58)]
    (folder,) = folders("image")
    with one_at_a_time(folder):
        encoded(fewer[0], "always")
        assert folder.exists()
    encoded(fewer[1], "always")
    assert not folder.exists()


def test_who_reads_what_is_removed_meanwhile_keeps_it(photos: Examples):
    data = encoded(photos, "always")
    shutil.rmtree(folders("image")[0])
    mapped = data.store.fields["photo"]
    assert isinstance(mapped, Mapped)
    again = encoded(photos, "never")
    assert torch.equal(mapped[torch.tensor([3, 1])], again.store.fields["photo"][torch.tensor([3, 1])])
    assert b"".join(mapped.blocks()) == again.store.fields["photo"].numpy().tobytes()
    assert "encoded lie in" in _cached.told([mapped])[0]


def test_the_digest_of_raw_values_tells_what_they_are(tmp_path: Path):
    image = Pillow.new("L", (2, 2))
    columns = [["1"], [1], [1.0], [None], [tmp_path], [image], [image.rotate(90).convert("RGB")]]
    arrays = [np.zeros(3), np.zeros((3, 1)), np.zeros(3, np.float32), [np.zeros(3)], np.ones(3)]
    assert len({raw_digest(column) for column in [*columns, *arrays]}) == len(columns) + len(arrays)
    assert raw_digest(np.zeros((4, 3))[::2]) == raw_digest(np.zeros((2, 3)))


def test_pictures_of_other_palettes_and_long_values_within_lists_are_others():
    red, green = (Pillow.new("P", (2, 2)) for _ in range(2))
    red.putpalette([255, 0, 0])
    green.putpalette([0, 255, 0])
    assert raw_digest([red]) != raw_digest([green])
    flat, bump = np.zeros(5000), np.zeros(5000)
    bump[2500] = 1  # the text of a long array leaves out its middle
    assert raw_digest([[flat]]) != raw_digest([[bump]])
    assert raw_digest([torch.from_numpy(flat)]) != raw_digest([torch.from_numpy(bump)])


def test_large_arrays_stay_in_their_files_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(0)
    parts = {
        f"x_{part}": random.integers(0, 255, (n, SIDE, SIDE, 3), dtype=np.uint8) for part, n in (("train", 50), ("test", 9))
    }
    parts |= {f"y_{part}": np.arange(n) % 2 for part, n in (("train", 50), ("test", 9))}
    np.savez(tmp_path / "parts.npz", **parts)
    np.save(tmp_path / "one.npy", np.asfortranarray(parts["x_train"]))
    held = [read(tmp_path / name) for name in ("parts.npz", "one.npy")]
    monkeypatch.setattr(_npy, "MAPPED_FROM", 1)
    there = [read(tmp_path / name) for name in ("parts.npz", "one.npy")]
    for one, other in zip(held, there, strict=True):
        assert in_file(other.columns["x"])
        assert not in_file(one.columns["x"])
        assert one.facts == other.facts
        assert len({encoded(examples, cache).digest for examples in (one, other) for cache in ("never", "always")}) == 1


def test_a_packed_or_damaged_array_is_not_taken_for_one_that_lies_in_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_npy, "MAPPED_FROM", 1)
    np.savez_compressed(tmp_path / "packed.npz", x=np.ones((40, 9, 9), np.uint8), y=np.arange(40) % 2)
    assert not in_file(read(tmp_path / "packed.npz").columns["x"])
    np.save(tmp_path / "cut.npy", np.ones((40, 9, 9), np.uint8))
    os.truncate(tmp_path / "cut.npy", 1000)
    with pytest.raises(DataRefusal, match="DATA_FALSE_HEADER"):
        read(tmp_path / "cut.npy")


def test_rows_are_asked_for_in_the_order_in_which_they_lie_neighbours_at_once():
    assert _runs(torch.tensor([7, 3, 4, 12, 5, 7])) == [(3, 6), (7, 8), (12, 13)]
    assert _runs(torch.tensor([], dtype=torch.int64)) == []
