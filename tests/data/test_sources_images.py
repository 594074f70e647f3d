"""Folders and archives of pictures: classes, parts, junk, and layouts that are refused."""

import os
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thalweg.core.errors import DataRefusal
from thalweg.data.read import read
from thalweg.data.settings import DataSettings


def picture(path: Path, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (shade, 0, 0)).save(path)


def photos(top: Path, *names: str) -> Path:
    for shade, name in enumerate(names):
        picture(top / name, shade)
    return top


def zipped(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def refused(given: Path, code: str) -> DataRefusal:
    with pytest.raises(DataRefusal) as caught:
        read(given)
    assert caught.value.code == code
    assert len(str(caught.value).splitlines()) <= 6
    return caught.value


def test_folders_name_the_classes(tmp_path):
    examples = read(photos(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png"))
    assert examples.columns["class"] == ["cat", "cat", "dog"]
    assert [path.name for path in examples.columns["image"]] == ["1.png", "2.png", "1.png"]
    assert examples.facts["classes"] == ["cat", "dog"]
    assert examples.facts["digest"].startswith("sha256:")


def test_train_and_test_folders_are_kept_as_the_split(tmp_path):
    examples = read(photos(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/cat/2.png", "test/cat/3.png", "test/dog/3.png"))
    labels = {part: [examples.columns["class"][i] for i in rows] for part, rows in examples.given.items()}
    assert labels == {"train": ["cat", "dog"], "validation": ["cat"], "test": ["cat", "dog"]}
    assert any("validation has no pictures of dog" in note for note in examples.notes)


def test_a_folder_around_everything_is_seen_through(tmp_path):
    assert read(photos(tmp_path, "pets/cat/1.png", "pets/dog/1.png")).columns["class"] == ["cat", "dog"]


def test_pictures_without_classes_have_no_target(tmp_path):
    examples = read(photos(tmp_path, "1.png", "2.png"))
    assert list(examples.columns) == ["image"]
    assert not examples.roles


def test_img_11_empty_folders_of_classes_are_named(tmp_path):
    photos(tmp_path, "cat/1.png", "dog/1.png")
    (tmp_path / "owl").mkdir()
    assert refused(tmp_path, "DATA_EMPTY_CLASS").where == "owl"


def test_a_folder_of_other_things_is_no_folder_of_classes(tmp_path):
    photos(tmp_path, "cat/1.png")
    for name in ("tables", "texts"):
        (tmp_path / name).mkdir()
    assert "2 of 3 folders hold no pictures" in refused(tmp_path, "DATA_FOLDER_LAYOUT").what


def test_img_11_a_class_that_is_only_held_out_is_named(tmp_path):
    photos(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/owl/1.png")
    assert refused(tmp_path, "DATA_CLASS_NOT_TRAINED").where == "owl"


@pytest.mark.parametrize("names", [("cat/1.png", "cat/2.png"), ("cat/young/1.png", "dog/old/1.png", "dog/2.png")])
def test_img_12_one_class_and_folders_within_classes_are_refused_with_a_drawing(tmp_path, names):
    refusal = refused(photos(tmp_path, *names), "DATA_FOLDER_LAYOUT")
    assert "photos/cat/1.jpg" in refusal.fix
    assert "photos/train/cat/1.jpg" in refusal.fix


def test_img_13_a_picture_under_two_classes_is_told(tmp_path):
    photos(tmp_path, "cat/1.png", "dog/2.png")
    picture(tmp_path / "dog/same.png", shade=0)
    assert any("cat/1.png = dog/same.png" in note for note in read(tmp_path).notes)


def test_img_14_what_systems_leave_behind_is_ignored_and_counted(tmp_path):
    photos(tmp_path, "cat/1.png", "dog/1.png", "__MACOSX/cat/1.png")
    for name in ("Thumbs.db", ".DS_Store", "cat/.DS_Store", "cat/notes.txt"):
        (tmp_path / name).write_text("junk")
    examples = read(tmp_path)
    assert len(examples) == 2
    assert any(note.startswith("4 files that systems leave behind") for note in examples.notes)
    assert any("notes.txt" in note for note in examples.notes)


def test_img_15_strange_names_are_read_and_printable(tmp_path):
    names = ["cat/new\nline.png", 'cat/"quoted".png', "cat/-rf.png", "dog/🐕.png", "dog/‮gnp.png", f"dog/{'x' * 250}.png"]
    photos(tmp_path, *names)
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/b\xffd")
    picture(tmp_path / "plain.png")
    os.mkdir(odd)
    os.rename(tmp_path / "plain.png", f"{odd}/1.png")
    examples = read(tmp_path)
    assert len(examples) == 7
    assert set(examples.columns["class"]) == {"cat", "dog", "b\\udcffd"}
    assert all(path.is_file() for path in examples.columns["image"])
    assert all(note.isprintable() for note in examples.notes)


def test_links_in_a_circle_end(tmp_path):
    photos(tmp_path, "cat/1.png", "dog/1.png")
    (tmp_path / "cat" / "again").symlink_to(tmp_path)
    assert len(read(tmp_path)) == 2


def test_pipes_among_pictures_are_left_out(tmp_path):
    photos(tmp_path, "cat/1.png", "dog/1.png")
    os.mkfifo(tmp_path / "cat" / "2.png")
    assert any("not regular files" in note for note in read(tmp_path).notes)


def test_the_digest_is_that_of_names_and_contents(tmp_path):
    first = read(photos(tmp_path / "a", "cat/1.png", "dog/1.png")).facts["digest"]
    assert read(photos(tmp_path / "b", "cat/1.png", "dog/1.png")).facts["digest"] == first
    assert read(photos(tmp_path / "c", "cat/1.png", "dog/2.png")).facts["digest"] != first


def test_a_zip_is_read_in_memory_like_the_folder(tmp_path):
    folder = photos(tmp_path / "photos", "train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png")
    examples = read(zipped(tmp_path / "photos.zip", folder))
    assert examples.columns["image"].shape == (4, 4, 4, 3)
    assert examples.columns["class"] == ["cat", "dog", "cat", "dog"]
    assert {part: len(rows) for part, rows in examples.given.items()} == {"train": 2, "test": 2}
    assert sorted(os.listdir(tmp_path)) == ["photos", "photos.zip"]


def test_a_zip_of_portable_greymaps_is_read(tmp_path):
    for label in ("s1", "s2"):
        (tmp_path / "faces" / label).mkdir(parents=True)
        Image.new("L", (4, 5), 9).save(tmp_path / "faces" / label / "1.pgm")
    assert read(zipped(tmp_path / "faces.zip", tmp_path / "faces")).columns["image"].shape == (2, 5, 4)


@pytest.mark.parametrize(
    "name", ["../cat/1.png", "/cat/1.png", "C:/cat/1.png", "cat\\..\\1.png", "a/" * 11 + "1.png", "cat//1.png"]
)
def test_unsafe_names_in_a_zip_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"x")
    refused(tmp_path / "a.zip", "DATA_UNSAFE_ARCHIVE")


def test_links_and_twins_in_a_zip_are_refused(tmp_path):
    link = zipfile.ZipInfo("cat/1.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(tmp_path / "link.zip", "DATA_UNSAFE_ARCHIVE")
    with zipfile.ZipFile(tmp_path / "twins.zip", "w") as archive:
        archive.writestr("cat/A.png", b"x")
        archive.writestr("cat/a.png", b"x")
    assert "one file where case" in refused(tmp_path / "twins.zip", "DATA_UNSAFE_ARCHIVE").why
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "same.zip", "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("cat/a.png", b"x")
        archive.writestr("cat/a.png", b"y")
    refused(tmp_path / "same.zip", "DATA_UNSAFE_ARCHIVE")


def test_a_zip_that_claims_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("thalweg.data._archive.LIMIT_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/1.png", bytes(2 << 20))
    refused(tmp_path / "a.zip", "DATA_BOMB")


def test_broken_pictures_in_a_zip_are_left_out_while_few(tmp_path):
    folder = photos(tmp_path / "photos", *(f"{label}/{i}.png" for label in ("cat", "dog") for i in range(5)))
    (folder / "cat" / "0.png").write_bytes(b"no picture")
    path = zipped(tmp_path / "photos.zip", folder)
    examples = read(path)
    assert len(examples) == 9
    assert any("cat/0.png" in note for note in examples.notes)
    with pytest.raises(DataRefusal, match="1 of 10 pictures"):
        read(path, DataSettings(on_bad_file="refuse"))
    for i in range(3):
        (folder / "dog" / f"{i}.png").write_bytes(b"")
    refused(zipped(tmp_path / "more.zip", folder), "DATA_BAD_PICTURES")


def test_a_damaged_zip_is_refused(tmp_path):
    folder = photos(tmp_path / "photos", "cat/1.png", "dog/1.png")
    content = bytearray(zipped(tmp_path / "a.zip", folder).read_bytes())
    content[60] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", "DATA_DAMAGED_FILE")


def test_photos_that_came_in_a_zip_are_equal_to_those_of_the_folder(shared_data, tmp_path):
    examples = read(shared_data / "hymenoptera" / "hymenoptera.zip")
    with zipfile.ZipFile(shared_data / "hymenoptera" / "hymenoptera.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".jpg"))
        archive.extract(name, tmp_path)
    assert (len(examples), len(examples.given["train"])) == (397, 244)
    assert np.array_equal(examples.columns["image"][0], np.asarray(Image.open(tmp_path / name)))
