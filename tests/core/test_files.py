"""Atomic files and folders: every system call of a save is failed and killed in turn; old or new remains, nothing else."""

import errno
import os
import threading

import pytest

from tests.core.faults import ERRORS, counted, failing_at, killed_at
from tests.refusing import expect_refusal
from thalweg.core.errors import PackageRefusal, ResourceRefusal, UsageRefusal
from thalweg.core.files import (
    append_line,
    cut_to,
    read_lines,
    read_object,
    remove_folder,
    set_aside,
    sweep,
    synced_size,
    understood,
    write_bytes,
    write_folder,
    write_json,
    write_text,
    written_in_parts,
)
from thalweg.core.manifest import open_folder

OLD = {"weights.bin": b"old" * 100, "package.json": b"{}"}
NEW = {"weights.bin": b"new" * 200, "package.json": b'{"a": 1}', "card.md": b"# card"}


def commit(path, files):
    write_folder(path, files, format="test", version=1)


def refused(act):
    try:
        act()
    except ResourceRefusal as refusal:
        return refusal
    return None


def content(path):
    folder = open_folder(path, format="test", newest=1)
    return {name: folder.bytes(name) for name in folder.manifest.files}


def test_a_file_is_replaced_whole(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    write_text(tmp_path / "a.txt", "ünew")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "ünew"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_keys_keep_their_order(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": 2})
    assert (tmp_path / "a.json").read_text() == '{\n  "b": 1,\n  "a": 2\n}\n'


def test_a_link_is_replaced_not_followed(tmp_path):
    (tmp_path / "outside").write_text("mine")
    (tmp_path / "a").symlink_to(tmp_path / "outside")
    write_text(tmp_path / "a", "new")
    assert (tmp_path / "outside").read_text() == "mine"


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("lasting", [False, True])
def test_r02_every_failed_call_of_a_file_leaves_the_old_or_the_new(tmp_path, monkeypatch, error, lasting):
    path = tmp_path / "a.json"
    for number in range(1, 100):
        path.write_bytes(b"old")
        with counted(monkeypatch, failing_at(number, error, lasting=lasting)) as count:
            refusal = refused(lambda: write_bytes(path, b"new" * 1000))
        assert refusal is None or (refusal.exit_code, refusal.where, bool(refusal.fix)) == (6, str(path), True)
        assert path.read_bytes() in (b"old", b"new" * 1000)
        assert os.listdir(tmp_path) == ["a.json"]
        assert (refusal is None) == (count[0] < number)
        if refusal is None:
            return
    pytest.fail("the save never ended")


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("lasting", [False, True])
def test_r02_every_failed_call_of_a_folder_leaves_the_old_or_the_new(tmp_path, monkeypatch, error, lasting):
    path = tmp_path / "model"
    for number in range(1, 200):
        commit(path, OLD)
        with counted(monkeypatch, failing_at(number, error, lasting=lasting)) as count:
            refusal = refused(lambda: commit(path, NEW))
        assert content(path) in (OLD, NEW)
        assert refusal or content(path) == NEW
        assert [name for name in os.listdir(tmp_path) if ".tmp" in name] == []
        if count[0] < number:
            return
    pytest.fail("the save never ended")


def test_r02_a_kill_before_any_call_leaves_the_old_or_the_new(tmp_path, monkeypatch):
    path, seen = tmp_path / "model", set()
    for number in range(1, 200):
        commit(path, OLD)
        killed = killed_at(monkeypatch, number, lambda: commit(path, NEW))
        found = content(path)
        assert found in (OLD, NEW)
        seen.add(found == NEW)
        commit(path, NEW)
        sweep(tmp_path)
        assert content(path) == NEW
        assert os.listdir(tmp_path) == ["model"]
        if not killed:
            break
    assert seen == {True, False}


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    write_bytes(tmp_path / "a", bytes(range(256)))
    assert (tmp_path / "a").read_bytes() == bytes(range(256))


def test_run_03_a_full_disk_says_what_is_needed_and_free(tmp_path, monkeypatch):
    with counted(monkeypatch, failing_at(2, errno.ENOSPC)), pytest.raises(ResourceRefusal) as caught:
        write_bytes(tmp_path / "a", b"x" * 123)
    assert caught.value.code == "DISK_FULL"
    assert "123 bytes needed" in caught.value.fix
    assert "free" in caught.value.fix
    assert len(str(caught.value).splitlines()) <= 6


def test_run_04_a_folder_that_is_gone_is_named(tmp_path):
    with pytest.raises(ResourceRefusal) as caught:
        write_bytes(tmp_path / "gone" / "a", b"x")
    assert caught.value.code == "PATH_MISSING"


def test_run_05_a_file_that_became_a_folder_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ResourceRefusal):
        write_bytes(tmp_path / "a", b"x")
    assert os.listdir(tmp_path) == ["a"]


def test_ctrl_c_in_a_write_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupt(count, name):
        if name == "fsync":
            raise KeyboardInterrupt

    with counted(monkeypatch, interrupt), pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "a", b"x")
    assert os.listdir(tmp_path) == []


def test_threads_that_write_one_file_do_not_mix(tmp_path):
    contents = [bytes([65 + thread]) * 100_000 for thread in range(4)]
    threads = [threading.Thread(target=write_bytes, args=(tmp_path / "a", content)) for content in contents for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() in contents
    assert os.listdir(tmp_path) == ["a"]


def test_what_a_killed_process_left_of_a_file_goes_when_it_is_written_again(tmp_path):
    dead, living = 2**22 + 1, os.getppid()  # no process has a number above the largest that Linux gives
    left = [tmp_path / f".{name}.tmp{owner}-1" for name, owner in (("a.bin", dead), ("a.bin", living), ("b.bin", dead))]
    for one in left:
        one.write_bytes(b"half")
    with written_in_parts(tmp_path / "a.bin") as write:
        write(b"whole")
    assert [one.exists() for one in left] == [False, True, True]
    assert (tmp_path / "a.bin").read_bytes() == b"whole"


def test_the_sweep_takes_only_what_dead_processes_left(tmp_path):
    kept = [".a.tmp1-1", "a.tmp99999999-1", ".hidden", ".a.tmp"]
    for name in [*kept, ".a.tmp99999999-1"]:
        (tmp_path / name).touch()
    (tmp_path / ".b.tmp99999999-2").mkdir()
    assert [path.name for path in sweep(tmp_path)] == [".a.tmp99999999-1", ".b.tmp99999999-2"]
    assert sorted(os.listdir(tmp_path)) == sorted(kept)


def test_lines_are_added_and_cut_back(tmp_path):
    path = tmp_path / "metrics.jsonl"
    first = append_line(path, {"step": 1})
    append_line(path, {"step": 2})
    cut_to(path, first)
    assert append_line(path, {"step": 3}) == path.stat().st_size
    assert read_lines(path, where="metrics.jsonl") == [{"step": 1}, {"step": 3}]


def test_a_last_line_cut_short_by_a_crash_is_left_out(tmp_path):
    (tmp_path / "a").write_bytes(b'{"step": 1}\n{"st')
    assert read_lines(tmp_path / "a", where="a") == [{"step": 1}]
    (tmp_path / "a").write_bytes(b'{"st\n{"step": 1}\n')
    with pytest.raises(PackageRefusal, match="a:1"):
        read_lines(tmp_path / "a", where="a")


def test_cutting_a_missing_file_to_nothing_is_nothing(tmp_path):
    cut_to(tmp_path / "a", 0)
    assert not (tmp_path / "a").exists()


def test_a_file_shorter_than_its_checkpoint_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    with pytest.raises(PackageRefusal, match="5 bytes"):
        cut_to(tmp_path / "a", 6)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_line_that_fails_is_taken_back(tmp_path, monkeypatch, error):
    path = tmp_path / "a"
    append_line(path, {"step": 1})
    before = path.read_bytes()
    for number in (1, 2, 3):
        with counted(monkeypatch, failing_at(number, error), calls=("open", "write", "fsync")), pytest.raises(ResourceRefusal):
            append_line(path, {"step": 2})
        assert path.read_bytes() == before


def test_lines_that_can_wait_for_the_disk_are_all_on_it_where_a_checkpoint_counts_them(tmp_path, monkeypatch):
    path, synced = tmp_path / "a", []
    with counted(monkeypatch, lambda _, name: synced.append(name), calls=("fsync",)):
        sizes = [append_line(path, {"step": step}, durable=False) for step in (1, 2)]
        assert synced == ["fsync"], "the folder, in which the file is new"
        assert synced_size(path) == sizes[-1] == path.stat().st_size
        assert synced == ["fsync"] * 2
    assert synced_size(tmp_path / "none") == 0


def test_a_folder_takes_the_place_of_an_empty_one(tmp_path):
    (tmp_path / "model").mkdir()
    commit(tmp_path / "model", NEW)
    assert content(tmp_path / "model") == NEW


@pytest.mark.parametrize("spoil", ["notes.txt", "inner/notes.txt", "link"])
def test_a_folder_with_foreign_files_is_neither_replaced_nor_removed(tmp_path, spoil):
    path = tmp_path / "model"
    commit(path, OLD)
    if spoil == "link":
        (path / "link").symlink_to(tmp_path)
    else:
        (path / spoil).parent.mkdir(exist_ok=True)
        (path / spoil).write_text("mine")
    for act in (lambda: commit(path, NEW), lambda: remove_folder(path)):
        with pytest.raises(UsageRefusal, match=spoil.split("/")[0]):
            act()
    assert (path / "weights.bin").read_bytes() == OLD["weights.bin"]
    assert os.path.lexists(path / spoil)
    assert os.listdir(tmp_path) == ["model"]


def test_a_folder_of_the_user_is_not_replaced(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.tex").write_text("mine")
    with pytest.raises(UsageRefusal, match=r"thesis\.tex"):
        commit(tmp_path / "model", NEW)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageRefusal):
        commit(tmp_path / "file", NEW)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_crash_between_the_two_renames_loses_nothing(tmp_path):
    commit(tmp_path / "model", OLD)
    os.rename(tmp_path / "model", tmp_path / ".model.replaced")
    assert content(tmp_path / "model") == OLD
    assert os.listdir(tmp_path) == [".model.replaced"], "reading writes nothing"
    commit(tmp_path / "model", NEW)
    assert content(tmp_path / "model") == NEW
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "/a",
        "a/../b",
        "a//b",
        "",
        ".",
        "a/",
        "a\\b",
        "c:a",
        "a\0b",
        "a\nb",
        "manifest.json",
        "MANIFEST.JSON",
        "a.",
        "a ",
        "e\u0301",
    ],
)
def test_names_that_could_leave_the_folder_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="cannot name"):
        commit(tmp_path / "model", {name: b""})
    assert os.listdir(tmp_path) == []


def test_names_that_differ_in_case_only_are_refused(tmp_path):
    with pytest.raises(ValueError, match="case"):
        commit(tmp_path / "model", {"a": b"", "A": b""})


def test_setting_aside_never_writes_over(tmp_path):
    for number in (1, 2):
        (tmp_path / "5").mkdir()
        assert set_aside(tmp_path / "5").name == f"5.damaged-{number}"


@pytest.mark.parametrize("torn", [b'{"st', b"\0" * 20, b"x" * 2_500_000])
def test_a_line_that_a_crash_cut_short_does_not_spoil_the_next(tmp_path, torn):
    path = tmp_path / "looks.jsonl"
    append_line(path, {"step": 1})
    path.write_bytes(path.read_bytes() + torn)
    assert append_line(path, {"step": 2}) == path.stat().st_size
    assert read_lines(path, where="looks.jsonl") == [{"step": 1}, {"step": 2}]
    path.write_bytes(torn)
    append_line(path, {"step": 3})
    assert read_lines(path, where="looks.jsonl") == [{"step": 3}]


@pytest.mark.parametrize("content", [b"null", b"[]", b"3", b'"x"', b'[{"a": 1}]'])
def test_what_is_no_object_is_refused_by_the_files_name(tmp_path, content):
    (tmp_path / "results.json").write_bytes(content)
    with expect_refusal("JSON_NOT_AN_OBJECT", exit_code=4) as caught:
        read_object(tmp_path / "results.json", where="results.json")
    assert "results.json" in caught.value.what


def test_a_line_that_is_no_object_is_refused_by_its_number(tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1}\n[2]\n')
    with expect_refusal("JSON_NOT_AN_OBJECT", exit_code=4) as caught:
        read_lines(tmp_path / "metrics.jsonl", where="metrics.jsonl")
    assert caught.value.where == "metrics.jsonl:2"


@pytest.mark.parametrize(
    "look", [lambda told: told["b"], lambda told: told["a"] + 1, lambda told: told["a"].items(), lambda told: 1 / 0]
)
def test_a_value_of_another_kind_is_refused_by_the_files_name(tmp_path, look):
    with expect_refusal("FILE_NOT_UNDERSTOOD", exit_code=4) as caught, understood(tmp_path / "data.json"):
        look({"a": "x"})
    assert "data.json" in caught.value.what
    assert caught.value.__cause__ is not None


def test_a_refusal_stays_what_it_is_and_an_interrupt_is_none(tmp_path):
    with expect_refusal("FILE_TOO_SHORT", exit_code=4), understood(tmp_path / "data.json"):
        cut_to(tmp_path / "absent", 3)
    with pytest.raises(KeyboardInterrupt), understood(tmp_path / "data.json"):
        raise KeyboardInterrupt
