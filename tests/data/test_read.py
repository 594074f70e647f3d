"""What is given finds its source, and what is wrong with a path is said before anything heavy is imported."""

import gzip
import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from thalweg.core.errors import DataRefusal, UsageRefusal
from thalweg.data import _paths
from thalweg.data.read import identify, read
from thalweg.data.schema import schema_of
from thalweg.data.settings import DataSettings


def refused(given, code: str) -> DataRefusal:
    with pytest.raises(DataRefusal) as caught:
        read(given)
    assert caught.value.code == code
    assert len(str(caught.value).splitlines()) <= 6
    assert caught.value.exit_code == 3
    return caught.value


def archive(path: Path, **arrays) -> Path:
    np.savez(path, **(arrays or {"x": np.zeros((4, 3)), "y": [0, 1, 0, 1]}))
    return path


def test_dat_01_an_absent_file_is_named_with_the_nearest_and_the_folder_looked_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive(tmp_path / "train.npz")
    refusal = refused("trian.npz", "DATA_NOT_FOUND")
    assert "train.npz" in refusal.fix
    assert str(tmp_path) in refusal.where
    assert "trian.npz" in refusal.what


@pytest.mark.parametrize("asked", ["adult", "Adult.csv", "adlut.csv.gz", "adult.txt"])
def test_dat_01_a_file_of_that_name_with_another_ending_is_offered(tmp_path, asked):
    (tmp_path / "adult.csv.gz").touch()
    assert str(tmp_path / "adult.csv.gz") in refused(tmp_path / asked, "DATA_NOT_FOUND").fix


def test_dat_01_a_misspelt_catalogued_name_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "digits" in refused("digist", "DATA_NOT_FOUND").fix
    assert "thalweg list datasets" in refused("xxxxxxxxxxxxxxxx", "DATA_NOT_FOUND").fix


def test_dat_01_the_first_folder_that_is_missing_is_compared(tmp_path):
    (tmp_path / "photos").mkdir()
    assert str(tmp_path / "photos") in refused(tmp_path / "photo" / "cat" / "1.npz", "DATA_NOT_FOUND").fix


def test_dat_02_a_folder_without_examples_lists_what_it_holds_and_what_is_read(tmp_path):
    for name in ("a.docx", "b.docx", "notes"):
        (tmp_path / name).write_text("words")
    refusal = refused(tmp_path, "DATA_NO_TABLE")
    assert ".docx (2)" in refusal.where
    assert ".npz" in refusal.why


def test_the_only_readable_file_of_a_folder_is_read_and_said(tmp_path):
    archive(tmp_path / "data.npz")
    (tmp_path / "LICENSE").write_text("free")
    examples = read(tmp_path)
    assert len(examples) == 4
    assert "data.npz" in examples.notes[0]


def test_several_readable_files_of_a_folder_are_named(tmp_path):
    archive(tmp_path / "a.npz")
    archive(tmp_path / "b.npz")
    assert "a.npz, b.npz" in refused(tmp_path, "DATA_MANY_FILES").where


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "x.npz").touch()
    refused(tmp_path / "x.npz", "DATA_EMPTY_FILE")


def test_dat_39_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = archive(tmp_path / "x.npz")
    before = _paths.snapshot(path)
    os.utime(path, ns=(1, 1))
    with pytest.raises(DataRefusal, match="changed while it was read"):
        _paths.refuse_changed(path, before)


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"PAR1....", "Parquet"), (b"<!DOCTYPE html><p>", "HTML"), (b"SQLite format 3\x00", "SQLite"), (b"1,2\n3,4\n", "not zip")],
)
def test_dat_40_a_misnamed_file_is_called_what_it_is(tmp_path, content, what):
    (tmp_path / "x.npz").write_bytes(content)
    assert what in refused(tmp_path / "x.npz", "DATA_MISNAMED_FILE").what


def test_a_suffix_that_nobody_reads_is_told_with_those_that_are(tmp_path):
    (tmp_path / "x.sav").write_bytes(b"PAR1")
    refusal = refused(tmp_path / "x.sav", "DATA_UNKNOWN_FORMAT")
    assert "Parquet" in refusal.what
    assert ".npz" in refusal.fix


def test_files_that_are_not_read_yet_are_told_with_what_can_be_done(tmp_path):
    (tmp_path / "train.conll.gz").write_bytes(gzip.compress(b"Anna\tB-PER\n\nsleeps\tO\n"))
    refusal = refused(tmp_path / "train.conll.gz", "DATA_UNKNOWN_FORMAT")
    assert "files that end in .conll.gz are not read; such files hold labels for each word" in refusal.what
    assert "whole texts with one label each" in refusal.fix
    clips = tmp_path / "clips"
    clips.mkdir()
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as packed:
        for name in ("1.wav", "2.wav", "labels.csv"):
            (clips / name).write_bytes(b"RIFF")
            packed.writestr(name, b"RIFF")
    (clips / "labels.csv").unlink()
    for path in (clips, tmp_path / "clips.zip"):
        refusal = refused(path, "DATA_NO_TABLE")
        assert "sound, which is not read yet" in refusal.what
        assert "spectrograms" in refusal.fix


@pytest.mark.parametrize("name", ["kdd.data_10_percent.gz", "adult.names2", "rows.log"])
def test_lines_like_those_of_a_table_are_read_as_one_whatever_their_name(tmp_path, name):
    lines = "".join(f"{i},{i % 7 / 2},{'ab'[i % 2]}\n" for i in range(60)).encode()
    (tmp_path / name).write_bytes(gzip.compress(b"n,x,y\n" + lines) if name.endswith(".gz") else b"n,x,y\n" + lines)
    examples = read(tmp_path / name)
    assert list(examples.columns) == ["n", "x", "y"]
    assert examples.notes[0] == f"{name} is read as a table, by its lines"
    assert len(read(tmp_path)) == 60


def test_dat_51_pipes_sockets_devices_and_circles_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "a.npz").symlink_to(tmp_path / "b.npz")
    (tmp_path / "b.npz").symlink_to(tmp_path / "a.npz")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "s.npz"))
        for path, word in ((tmp_path / "pipe.npz", "pipe"), (tmp_path / "s.npz", "socket"), ("/dev/zero", "device")):
            assert word in refused(path, "DATA_NOT_A_FILE").what
    refused(tmp_path / "a.npz", "DATA_NOT_A_FILE")


def test_dat_52_what_may_not_be_read_is_told_with_user_and_mode(tmp_path, monkeypatch):
    path = archive(tmp_path / "x.npz")
    path.chmod(0o000)
    monkeypatch.setattr(os, "access", lambda *_: False)  # tests may run as a user who may read everything
    refusal = refused(path, "DATA_FORBIDDEN")
    assert f"uid {os.getuid()}" in refusal.where
    assert "----------" in refusal.where


def test_a_catalogued_name_is_meant_before_a_folder_of_that_name_and_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert read("Digits").name == "digits"
    assert "./digits" in read("digits").notes[0]
    assert (
        identify("./digits" if (tmp_path / "digits" / "x.npz").exists() else archive(tmp_path / "digits" / "x.npz"))[0] == "npz"
    )


def test_settings_that_a_source_does_not_have_are_refused():
    with pytest.raises(UsageRefusal, match="colour"):
        read("digits", own={"colour": "red"})


@pytest.mark.parametrize("given", [None, 3, "", object(), (1, 2, 3)])
def test_what_no_source_understands_is_refused(given):
    refused(given, "DATA_NOT_UNDERSTOOD")


def test_a_name_of_several_lines_is_told_in_one():
    with pytest.raises(DataRefusal) as caught:
        schema_of(read({"to be\nor not": ["a", "a", "a"], "target": [0, 1, 0]}), DataSettings())
    assert len(str(caught.value).splitlines()) == 4
    assert "to be\\nor not left out" in caught.value.fix


def test_escaped_names_hold_no_control_characters():
    assert _paths.shown("a\nb\x1b[31m‮\udcff") == "a\\nb\\x1b[31m\\u202e\\udcff"


def test_a_wrong_path_is_refused_without_torch():
    code = (
        "import sys\nfrom thalweg.core.errors import Refusal\nfrom thalweg.data.read import read\n"
        "for given in ('no/such/file.csv', 'digist', 'cifar10'):\n"
        "    try:\n        read(given)\n    except Refusal as error:\n        print(error.code)\n"
        "print('torch' in sys.modules, 'sklearn' in sys.modules, 'numpy' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "THALWEG_DATA"} | {
        "THALWEG_HOME": "/nonexistent"
    }
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.split() == ["DATA_NOT_FOUND", "DATA_NOT_FOUND", "DATA_NOT_HERE", "False", "False", "False"]
