"""Catalogued data: what is shipped, what lies here, and what is fetched only when asked."""

import hashlib
import io
import socket
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from thalweg.core.errors import DataRefusal, ResourceRefusal, UsageRefusal
from thalweg.data import catalogue
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.data.sources import cifar10

SHIPPED = {"digits": (1797, 10), "iris": (150, 3), "wine": (178, 3), "breast-cancer": (569, 2), "diabetes": (442, 0)}
FETCHED = ("mnist", "fashion-mnist", "cifar10")


@pytest.fixture
def nothing_here(tmp_path, monkeypatch) -> Path:
    """No real data, an empty cache, and no network: whatever opens a connection fails."""
    monkeypatch.delenv("THALWEG_DATA", raising=False)
    monkeypatch.setenv("THALWEG_HOME", str(tmp_path))

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "create_connection", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    return tmp_path


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_data_need_no_network_and_are_named(nothing_here, name):
    examples = read(name)
    rows, classes = SHIPPED[name]
    target = next(iter(examples.roles))
    assert len(examples) == rows
    assert len(set(examples.columns[target])) == classes or not classes
    assert len(examples.facts.get("classes", [])) == classes
    assert examples.facts["licence"]
    assert examples.notes


def test_digits_are_bytes_from_0_to_255(nothing_here):
    pictures = read("digits").columns["image"]
    assert (pictures.shape, pictures.dtype) == ((1797, 8, 8), np.uint8)
    assert sorted(set(pictures.ravel().tolist())) == [round(i * 255 / 16) for i in range(17)]


@pytest.mark.parametrize("name", FETCHED)
def test_nothing_is_fetched_unless_asked(nothing_here, name):
    with pytest.raises(DataRefusal) as caught:
        read(name)
    refusal, entry = caught.value, catalogue.entry(name)
    assert refusal.code == "DATA_NOT_HERE"
    assert f"{entry.size / 1e6:,.1f} MB" in refusal.what
    assert entry.licence in refusal.what
    assert refusal.where == entry.address
    assert f"thalweg train {name} --download" in refusal.fix
    assert list(nothing_here.iterdir()) == []


def test_data_that_nobody_offers_are_said_to_be_given_by_hand(nothing_here):
    with pytest.raises(DataRefusal) as caught:
        read("cifar10-subset", DataSettings(download=True))
    assert "THALWEG_DATA" in caught.value.fix
    assert "--download" not in caught.value.fix


@pytest.mark.parametrize("name", FETCHED)
def test_every_file_has_an_address_over_https_a_size_and_a_digest(name):
    entry = catalogue.entry(name)
    assert entry.address.startswith("https://")
    assert all(file.size > 1000 and file.digest.partition(":")[0] in ("md5", "sha256") for file in entry.files)
    assert len({file.digest for file in entry.files}) == len(entry.files)


def test_what_was_asked_for_is_fetched_into_the_cache_once(nothing_here, monkeypatch):
    fetched = []

    def fetch(address: str, path: Path, *, size: int, digest: str, told: object) -> None:
        fetched.append(address)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")

    monkeypatch.setattr(catalogue, "fetch", fetch)
    folder = catalogue.obtain("mnist", download=True)
    assert folder == nothing_here / "datasets" / "mnist"
    assert fetched == [catalogue.entry("mnist").address + file.name for file in catalogue.entry("mnist").files]
    assert catalogue.obtain("mnist", download=False) == folder
    assert len(fetched) == 4


def test_where_nothing_can_be_kept_the_variable_that_mends_it_is_named(nothing_here, monkeypatch):
    (nothing_here / "file").touch()
    monkeypatch.setenv("THALWEG_HOME", str(nothing_here / "file"))
    with pytest.raises(ResourceRefusal, match="no folder for fetched data"):
        read("mnist", DataSettings(download=True))
    for name in ("THALWEG_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", str)
    with pytest.raises(UsageRefusal, match="no home folder"):
        catalogue.cache()


def test_a_set_of_which_a_file_is_missing_is_not_here(nothing_here):
    folder = nothing_here / "datasets" / "mnist"
    folder.mkdir(parents=True)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"x")
    assert catalogue.local("mnist") is None


@pytest.mark.parametrize("spelled", ["fashion-mnist", "fashion_mnist"])
def test_a_local_folder_is_read_before_the_network(nothing_here, monkeypatch, spelled):
    folder = nothing_here / "here" / spelled
    folder.mkdir(parents=True)
    (folder / "any").write_bytes(b"x")
    monkeypatch.setenv("THALWEG_DATA", str(nothing_here / "here"))
    assert catalogue.local("fashion-mnist") == folder


def batches(path: Path, *, last: tuple[str, bytes | None] = ("test_batch.bin", None)) -> Path:
    """A small CIFAR-10 archive: two records in each batch, each of its own shade."""
    path.mkdir(parents=True)
    with tarfile.open(path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for i, name in enumerate([*cifar10.TRAIN, last[0]]):
            records = b"".join(bytes([i + j]) + bytes([i]) * 1024 + bytes([10]) * 1024 + bytes([20]) * 1024 for j in range(2))
            content = records if last[1] is None or name != last[0] else last[1]
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path / "cifar-10-binary.tar.gz"


def test_cifar10_is_read_from_its_binary_archive(nothing_here, monkeypatch):
    archive = batches(nothing_here / "cifar10")
    monkeypatch.setenv("THALWEG_DATA", str(nothing_here))
    examples = read("cifar10")
    assert examples.columns["image"].shape == (12, 32, 32, 3)
    assert examples.columns["image"][2, 5, 7].tolist() == [1, 10, 20]
    assert examples.columns["class"][:4].tolist() == ["airplane", "automobile", "automobile", "bird"]
    assert {part: len(rows) for part, rows in examples.given.items()} == {"train": 10, "test": 2}
    assert examples.facts["digest"] == f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("last", [("other.bin", None), ("test_batch.bin", b"cut"), ("test_batch.bin", bytes([99]) * 3073)])
def test_a_cifar10_archive_that_is_not_whole_is_refused(nothing_here, monkeypatch, last):
    batches(nothing_here / "cifar10", last=last)
    monkeypatch.setenv("THALWEG_DATA", str(nothing_here))
    with pytest.raises(DataRefusal) as caught:
        read("cifar10")
    assert caught.value.code == "DATA_DAMAGED_FILE"


def test_a_link_in_the_place_of_a_batch_is_refused(nothing_here, monkeypatch):
    path = batches(nothing_here / "cifar10", last=("other.bin", None))
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    monkeypatch.setenv("THALWEG_DATA", str(nothing_here))
    with pytest.raises(DataRefusal) as caught:
        read("cifar10")
    assert caught.value.code == "DATA_UNSAFE_ARCHIVE"


def test_real_mnist_is_whole(shared_data):
    examples = read("mnist")
    assert examples.columns["image"].shape == (70_000, 28, 28)
    assert {part: len(rows) for part, rows in examples.given.items()} == {"train": 60_000, "test": 10_000}
    assert examples.columns["class"][:5].tolist() == ["5", "0", "4", "1", "9"]
    raw = struct.pack(">4I", 0x0803, 60_000, 28, 28) + examples.columns["image"][:60_000].tobytes()
    assert hashlib.md5(raw, usedforsecurity=False).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"  # as published, unzipped
    assert not examples.notes


def test_a_part_of_fashion_mnist_says_how_much_of_the_whole_it_is(shared_data):
    examples = read("fashion-mnist")
    assert len(set(examples.columns["class"])) == 10
    assert "10,000 of 60,000 training images" in examples.notes[0]


def test_the_subset_of_cifar10_says_so(shared_data):
    examples = read("cifar10-subset")
    assert examples.columns["image"].shape == (6250, 32, 32, 3)
    assert "5,000 of 50,000 training images" in examples.notes[-1]
