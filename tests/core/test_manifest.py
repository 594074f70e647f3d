"""Folders with digests: whatever was changed after writing is refused, and the file is named."""

import os
import random
import re
import shutil
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thalweg.core.errors import PackageRefusal
from thalweg.core.files import write_folder
from thalweg.core.manifest import MANIFEST, Manifest, manifest_of, open_folder, read_manifest, render_manifest, verify_folder
from thalweg.core.strict_json import render_json

PAGE = 4096
RANDOM = random.Random(5)
FILES = {
    "weights.safetensors": RANDOM.randbytes(3 * PAGE),
    "optimizer.safetensors": RANDOM.randbytes(3 * PAGE),
    "package.json": b'{"form": "part"}',
    "views/card.md": "# Ein Modell für Täler".encode(),
    "empty": b"",
}


@pytest.fixture
def package(tmp_path):
    write_folder(tmp_path / "model", FILES, format="thalweg.package", version=2, stamp={"step": 900})
    return tmp_path / "model"


def refusal_of(package):
    with pytest.raises(PackageRefusal) as caught:
        open_folder(package, format="thalweg.package", newest=2)
    assert caught.value.exit_code == 4
    assert caught.value.where.startswith(str(package))
    assert len(str(caught.value).splitlines()) <= 6
    return caught.value


def sealed(package, **changed):
    """Rewrites the manifest with a digest that holds, as an attacker would."""
    manifest = manifest_of(FILES, format="thalweg.package", version=2, stamp={})
    (package / MANIFEST).write_bytes(render_manifest(Manifest(**{**vars(manifest), **changed})))


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_what_was_written_is_read(package):
    folder = open_folder(package, format="thalweg.package", newest=2)
    assert {name: folder.bytes(name) for name in folder.manifest.files} == FILES
    assert folder.json("package.json") == {"form": "part"}
    assert (folder.manifest.version, folder.manifest.stamp, folder.manifest.notes) == (2, {"step": 900}, ())
    assert verify_folder(package, format="thalweg.package", newest=3) == folder.manifest


def test_pkg_01_one_flipped_bit_is_refused(package):
    for name in [*FILES, MANIFEST]:
        data = (package / name).read_bytes()
        for _ in range(60 if data else 0):
            (package / name).write_bytes(flipped(data, RANDOM.randrange(8 * len(data))))
            refusal = refusal_of(package)
            assert name in str(refusal)
            assert name == MANIFEST or "expected sha256" in refusal.what
        (package / name).write_bytes(data)
    open_folder(package, format="thalweg.package", newest=2)


def test_pkg_01_any_flipped_bit_of_the_manifest_is_refused(package):
    data = (package / MANIFEST).read_bytes()
    for bit in range(0, 8 * len(data), 5):
        (package / MANIFEST).write_bytes(flipped(data, bit))
        refusal_of(package)


def test_pkg_02_truncation_at_any_byte_is_refused_with_both_sizes(package):
    for name in ("weights.safetensors", "package.json", MANIFEST):
        data = (package / name).read_bytes()
        for size in sorted({0, 1, len(data) - 1, *(RANDOM.randrange(len(data)) for _ in range(60))}):
            (package / name).write_bytes(data[:size])
            refusal = refusal_of(package)
            if name != MANIFEST:
                assert f"{name}: expected {len(data)} bytes, got {size}" in refusal.what
        (package / name).write_bytes(data)


def test_pkg_03_a_page_of_zeros_is_refused(package):
    data = FILES["weights.safetensors"]
    (package / "weights.safetensors").write_bytes(data[:PAGE] + bytes(PAGE) + data[2 * PAGE :])
    assert "weights.safetensors" in refusal_of(package).what


def test_pkg_04_an_extra_file_is_refused(package):
    (package / "run.py").write_text("print()")
    assert "run.py: not in the manifest" in refusal_of(package).what


def test_pkg_04_an_extra_folder_is_refused(package):
    (package / "cache" / "deep").mkdir(parents=True)
    assert "cache/: a folder that is not in the manifest" in refusal_of(package).what


def test_pkg_04_missing_and_renamed_files_are_listed_together(package):
    (package / "empty").unlink()
    (package / "package.json").rename(package / "Package.json")
    assert refusal_of(package).details["problems"] == [
        "empty: missing",
        "package.json: missing",
        "Package.json: not in the manifest",
    ]


def test_pkg_04_two_swapped_files_are_recognised(package):
    (package / "weights.safetensors").rename(package / "x")
    (package / "optimizer.safetensors").rename(package / "weights.safetensors")
    (package / "x").rename(package / "optimizer.safetensors")
    assert "the content of weights.safetensors" in refusal_of(package).what


def test_pkg_04_a_stale_file_of_the_same_size_is_refused(package, tmp_path):
    older = {**FILES, "weights.safetensors": RANDOM.randbytes(3 * PAGE)}
    write_folder(tmp_path / "older", older, format="thalweg.package", version=2)
    shutil.copy(tmp_path / "older" / "weights.safetensors", package)
    assert "weights.safetensors" in refusal_of(package).what


def test_pkg_05_a_missing_manifest_is_refused(package):
    (package / MANIFEST).unlink()
    assert refusal_of(package).code == "PACKAGE_MANIFEST_MISSING"


def test_pkg_05_a_manifest_that_is_a_folder_is_refused(package):
    (package / MANIFEST).unlink()
    (package / MANIFEST).mkdir()
    assert "no regular file" in refusal_of(package).what


@pytest.mark.parametrize("change", [(b'"step": 900', b'"step": 901'), (b"\n", b"\n\n"), (b'"version": 2', b'"version": 1')])
def test_pkg_05_an_edited_manifest_is_refused(package, change):
    data = (package / MANIFEST).read_bytes()
    assert change[0] in data
    (package / MANIFEST).write_bytes(data.replace(*change, 1))
    assert "edited" in refusal_of(package).what


def test_pkg_05_a_manifest_that_is_no_json_is_named_with_the_place(package):
    data = (package / MANIFEST).read_bytes()
    (package / MANIFEST).write_bytes(data.replace(b'"stamp": {', b'"stamp": [', 1))
    assert re.search(rf"{MANIFEST}:\d+:\d+: not valid JSON", refusal_of(package).what)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b'{"files": 1, "digest": "0"}', b"[" * 100_000, b"\xff" * 100])
def test_pkg_05_a_manifest_that_is_none_is_refused(package, body):
    (package / MANIFEST).write_bytes(body)
    refusal_of(package)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 1),
        ("version", "2"),
        ("version", True),
        ("version", -1),
        ("stamp", []),
        ("files", {"../../etc/passwd": {"bytes": 1, "sha256": "0"}}),
        ("files", {"/etc/passwd": {"bytes": 1, "sha256": "0"}}),
        ("files", {"a": {"bytes": -1, "sha256": "0"}}),
        ("files", {"a": {"bytes": 1}}),
        ("files", {"a": 1}),
        ("files", []),
    ],
)
def test_a_manifest_whose_digest_holds_is_not_trusted_further(package, monkeypatch, field, value):
    import thalweg.core.manifest as room

    body = {"format": "thalweg.package", "version": 2, "stamp": {}, "files": {}, "written_by": "0.1.0", field: value}
    (package / MANIFEST).write_bytes(room._render(body))
    refusal_of(package)


def test_a_huge_manifest_is_not_read(package):
    with (package / MANIFEST).open("r+b") as sparse:
        sparse.truncate(1 << 40)
    assert "limit" in refusal_of(package).what


def test_a_huge_file_is_refused_by_its_size(package):
    with (package / "weights.safetensors").open("r+b") as sparse:
        sparse.truncate(1 << 40)
    assert f"got {1 << 40}" in refusal_of(package).what


def test_pkg_18_a_newer_version_names_the_release_that_is_needed(package):
    sealed(package, version=3, written_by="0.9.1")
    refusal = refusal_of(package)
    assert refusal.code == "PACKAGE_TOO_NEW"
    assert "version 3" in refusal.what
    assert "0.9.1" in refusal.fix


def test_pkg_18_the_release_that_is_named_cannot_speak_to_the_terminal(package):
    sealed(package, version=3, written_by="1.0; rm -rf \x1b[2J")
    assert "rm -rf" not in str(refusal_of(package))


def test_another_format_is_refused(package):
    with pytest.raises(PackageRefusal, match=r"not a thalweg\.checkpoint"):
        open_folder(package, format="thalweg.checkpoint", newest=2)


def test_what_is_no_folder_is_refused(tmp_path):
    assert "does not exist" in refusal_of(tmp_path / "gone").what
    (tmp_path / "file").touch()
    assert "is no folder" in refusal_of(tmp_path / "file").what


def test_pkg_20_a_package_that_is_a_link_is_refused(package, tmp_path):
    (tmp_path / "alias").symlink_to(package)
    assert refusal_of(tmp_path / "alias").code == "PACKAGE_HAS_LINKS"


@pytest.mark.parametrize("back", [False, True], ids=["left a link", "put back"])
def test_pkg_21_a_folder_whose_name_becomes_a_link_as_its_manifest_is_opened_is_refused(package, tmp_path, monkeypatch, back):
    write_folder(tmp_path / "other", {**FILES, "empty": b"0"}, format="thalweg.package", version=2, stamp={"step": 1})
    opened = os.open

    def swapped(path, *arguments, **named):
        if path != package / MANIFEST:
            return opened(path, *arguments, **named)
        package.rename(tmp_path / "aside")
        package.symlink_to(tmp_path / "other")
        descriptor = opened(path, *arguments, **named)
        if back:
            package.unlink()
            (tmp_path / "aside").rename(package)
        return descriptor

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(PackageRefusal):
        read_manifest(package)


@pytest.mark.parametrize("name", ["package.json", MANIFEST, "views"])
def test_pkg_20_a_link_inside_is_refused(package, tmp_path, name):
    (package / name).rename(tmp_path / "moved")
    (package / name).symlink_to(tmp_path / "moved")
    assert "link" in refusal_of(package).what


@pytest.mark.parametrize("name", ["package.json", MANIFEST])
def test_pkg_20_a_hard_link_is_refused(package, tmp_path, name):
    os.link(package / name, tmp_path / "other")
    assert "hard link" in refusal_of(package).what


def test_pkg_20_a_pipe_in_the_place_of_a_file_is_refused_at_once(package):
    folder = open_folder(package, format="thalweg.package", newest=2)
    (package / "package.json").unlink()
    os.mkfifo(package / "package.json")
    refusal_of(package)
    with pytest.raises(PackageRefusal, match="no regular file"):
        folder.bytes("package.json")


def test_pkg_20_a_file_that_everybody_may_write_is_noted(package):
    (package / "package.json").chmod(0o666)
    (note,) = open_folder(package, format="thalweg.package", newest=2).manifest.notes
    assert "package.json" in note


def test_pkg_21_a_file_changed_after_opening_is_refused(package):
    folder = open_folder(package, format="thalweg.package", newest=2)
    (package / "package.json").write_bytes(b'{"form": "evil"}')
    with pytest.raises(PackageRefusal, match="expected sha256"):
        folder.json("package.json")


def test_pkg_21_a_race_never_yields_other_bytes(package):
    good, evil = FILES["weights.safetensors"], bytes(3 * PAGE)
    folder, stop = open_folder(package, format="thalweg.package", newest=2), threading.Event()

    def swap():
        while not stop.is_set():
            for content in (evil, good):
                (package / ".x").write_bytes(content)
                os.replace(package / ".x", package / "weights.safetensors")

    thread = threading.Thread(target=swap)
    thread.start()
    outcomes = set()
    try:
        for _ in range(1000):
            try:
                outcomes.add(folder.bytes("weights.safetensors") == good)
            except PackageRefusal:
                outcomes.add(None)
    finally:
        stop.set()
        thread.join()
    assert outcomes == {True, None}


def test_a_file_that_is_not_listed_is_not_read(package):
    folder = open_folder(package, format="thalweg.package", newest=2)
    for name in ("../secret", "/etc/passwd", MANIFEST, "weights"):
        with pytest.raises(PackageRefusal, match="not in the manifest"):
            folder.bytes(name)


def test_pkg_22_reading_writes_nothing(package, monkeypatch):
    flags, real = [], os.open
    monkeypatch.setattr(
        os, "open", lambda path, flag, *rest, **options: flags.append(flag) or real(path, flag, *rest, **options)
    )
    folder = open_folder(package, format="thalweg.package", newest=2)
    folder.bytes("package.json")
    assert flags
    assert not any(flag & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) for flag in flags)


def test_the_manifest_has_one_spelling(package):
    again = open_folder(package, format="thalweg.package", newest=2).manifest
    assert render_manifest(again) == (package / MANIFEST).read_bytes()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.text("abcdeü0", min_size=1, max_size=5), st.binary(max_size=50), max_size=4).filter(
        lambda files: len({name.casefold() for name in files}) == len(files)
    ),
    st.dictionaries(
        st.text(max_size=5), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), max_size=3
    ),
)
def test_any_files_and_stamp_come_back(tmp_path, files, stamp):
    write_folder(tmp_path / "any", files, format="any", version=1, stamp=stamp)
    folder = open_folder(tmp_path / "any", format="any", newest=1)
    assert {name: folder.bytes(name) for name in folder.manifest.files} == files
    assert folder.manifest.stamp == stamp


def zeros(data, at, chance):
    end = min(len(data), at + 1 + chance.randrange(PAGE))
    return data[:at] + bytes(end - at) + data[end:]


EDITS = {
    "flip": lambda data, at, chance: flipped(data, 8 * at + chance.randrange(8)),
    "cut": lambda data, at, chance: data[:at],
    "zeros": zeros,
    "append": lambda data, at, chance: data + chance.randbytes(1 + chance.randrange(5)),
    "insert": lambda data, at, chance: data[:at] + chance.randbytes(1 + chance.randrange(5)) + data[at:],
}
MOVES = {
    "swap": lambda name, other: exchange(name, other),
    "rename": lambda name, other: name.rename(f"{name}2"),
    "remove": lambda name, other: name.unlink(),
    "copy": lambda name, other: shutil.copy(name, f"{name}2"),
}


def exchange(name, other):
    content = name.read_bytes()
    name.write_bytes(other.read_bytes())
    other.write_bytes(content)


def mutate(package, chance):
    """One random accident; returns its name."""
    name, other = chance.sample([package / name for name in [*FILES, MANIFEST] if (package / name).stat().st_size], 2)
    kind = chance.choice([*EDITS, *MOVES])
    if kind in MOVES:
        MOVES[kind](name, other)
    else:
        data = name.read_bytes()
        name.write_bytes(EDITS[kind](data, chance.randrange(len(data)), chance))
    return kind


def test_r03_random_accidents_are_all_refused(package, tmp_path):
    chance, kinds = random.Random(17), set()
    for number in range(300):
        damaged = tmp_path / f"damaged-{number}"
        shutil.copytree(package, damaged)
        before = {path: path.read_bytes() for path in damaged.rglob("*") if path.is_file()}
        kind = mutate(damaged, chance)
        if before != {path: path.read_bytes() for path in damaged.rglob("*") if path.is_file()}:
            assert refusal_of(damaged), kind
            kinds.add(kind)
        shutil.rmtree(damaged)
    assert kinds == {*EDITS, *MOVES}


def test_render_json_of_a_stamp_that_json_cannot_hold_fails_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_folder(tmp_path / "model", {}, format="any", version=1, stamp={"loss": float("inf")})
    assert list(tmp_path.iterdir()) == []
    assert render_json({}) == b"{}"
