"""Archives that were made to do harm: tables, pictures and arrays in them are read in memory, or refused by their member."""

import io
import os
import stat
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.refusing import expect_refusal
from thalweg.core.archives import LIMIT_DEPTH
from thalweg.data import _archive, _unpacked
from thalweg.data._archive import tar_contents
from thalweg.data._npy import LIMIT_MEMBERS
from thalweg.data.read import read

TABLE = "a,b\n" + "".join(f"{i},{i % 3}\n" for i in range(30))
HEADER, ENTRY = b"PK\x03\x04", b"PK\x01\x02"


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes | str]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # two members of one name
        for name, content in members:
            archive.writestr(name, content)
    return path


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def packed_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size) if member.isreg() else None)
    return path


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 4) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size if kind == tarfile.REGTYPE else 0
    return member


def arrays(count: int = 1) -> dict[str, np.ndarray]:
    return {f"x{i}": np.arange(20.0) for i in range(count)}


def forged(path: Path, field: int, size: int, *, entry: bytes = ENTRY) -> Path:
    """The archive with another size written where its central directory states one."""
    content = bytearray(path.read_bytes())
    start = content.rindex(entry)
    content[start + field : start + field + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)
    return path


def nothing_but(folder: Path, *names: str) -> None:
    """Reading wrote nothing."""
    assert sorted(os.listdir(folder)) == sorted(names)


@pytest.mark.parametrize("name", ["/etc/x.csv", "C:/x.csv", "C:\\x.csv", "\\\\server\\x.csv", "a\\..\\..\\x.csv"])
def test_arc_02_a_member_with_an_absolute_name_is_refused_by_name(tmp_path: Path, name: str):
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3) as caught:
        read(zipped(tmp_path / "table.csv.zip", (name, TABLE)))
    assert "x.csv" in caught.value.what
    nothing_but(tmp_path, "table.csv.zip")


@pytest.mark.parametrize("name", ["../abc/x.csv", "ab/../../abc/x.csv"])
def test_arc_03_a_member_of_a_folder_beside_is_refused(tmp_path: Path, name: str):
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3) as caught:
        read(zipped(tmp_path / "ab.zip", (name, TABLE)))
    assert "it leads out of the archive" in caught.value.what


def test_arc_04_a_link_in_a_zip_is_refused_and_a_file_through_it_too(tmp_path: Path):
    link = with_mode("train", stat.S_IFLNK | 0o777)
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3) as caught:
        read(zipped(tmp_path / "a.zip", (link, "/"), ("train/cat/1.png", b"x")))
    assert "it is a link or device" in caught.value.what


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_arc_04_a_link_in_a_tar_is_refused(tmp_path: Path, kind: bytes):
    path = packed_tar(tmp_path / "a.tar", tar_member("batch", kind, "/etc/passwd"))
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3):
        list(tar_contents(path, ["batch"], largest=100))


def test_arc_05_devices_and_pipes_are_refused_and_bits_of_mode_mean_nothing(tmp_path: Path):
    for kind in (stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK):
        with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3):
            read(zipped(tmp_path / "device.csv.zip", (with_mode("a.csv", kind | 0o666), TABLE)))
    for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
        with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3):
            list(tar_contents(packed_tar(tmp_path / "a.tar", tar_member("batch", kind)), ["batch"], largest=100))
    assert len(read(zipped(tmp_path / "mode.csv.zip", (with_mode("a.csv", stat.S_IFREG | 0o6777), TABLE)))) == 30
    owned = tar_member("batch")
    owned.uid, owned.mode = 0, 0o6777
    assert list(tar_contents(packed_tar(tmp_path / "b.tar", owned), ["batch"], largest=100)) == [("batch", b"xxxx")]
    nothing_but(tmp_path, "device.csv.zip", "a.tar", "mode.csv.zip", "b.tar")


def test_arc_06_long_paths_through_links_of_a_tar_lead_nowhere(tmp_path: Path):
    steps = [tar_member("/".join(["d" * 247] * depth), tarfile.DIRTYPE) for depth in (1, 2)]
    links = [
        tar_member("a", tarfile.SYMTYPE, "d" * 247),
        tar_member("a/b", tarfile.SYMTYPE, "../../../.."),
        tar_member("a/b/batch"),
    ]
    path = packed_tar(tmp_path / "a.tar", *steps, *links)
    found = list(tar_contents(path, ["batch"], largest=100))  # its bytes, and nothing of a path
    assert found == [("batch", b"xxxx")]
    nothing_but(tmp_path, "a.tar")
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3):
        list(tar_contents(packed_tar(tmp_path / "a.tar", tar_member("a/../../batch")), ["batch"], largest=100))


def test_arc_08_members_that_overlap_are_refused(tmp_path: Path):
    path = zipped(tmp_path / "a.zip", ("cat/1.png", b"a" * 4000), ("dog/2.png", b"b" * 4000))
    forged(path, 42, 0)  # the last member is said to begin where the first does
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3):
        read(path)


def test_arc_09_an_archive_within_an_archive_is_not_opened(tmp_path: Path):
    inner = zipped(tmp_path / "inner.csv.zip", ("table.csv", TABLE)).read_bytes()
    for _ in range(5):
        inner = zipped(tmp_path / "inner.csv.zip", ("deeper.zip", inner)).read_bytes()
    with expect_refusal("DATA_NESTED_ARCHIVE", exit_code=3) as caught:
        read(tmp_path / "inner.csv.zip")
    assert "deeper.zip" in caught.value.what


@pytest.mark.parametrize("size", [10, 1 << 30])
def test_arc_10_a_size_that_is_not_as_stated_is_refused(tmp_path: Path, size: int):
    path = forged(zipped(tmp_path / "table.csv.zip", ("table.csv", TABLE)), 24, size)
    code = "DATA_DAMAGED_FILE" if size == 10 else "DATA_UNSAFE_ARCHIVE"
    with expect_refusal(code, exit_code=3):
        read(path)


@pytest.mark.parametrize(
    ("first", "second"), [("cat/a.png", "cat/a.png"), ("cat/A.png", "cat/a.png"), ("cat/\u00e9.png", "cat/e\u0301.png")]
)
def test_arc_11_two_members_of_one_name_are_refused(tmp_path: Path, first: str, second: str):
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3) as caught:
        read(zipped(tmp_path / "a.zip", (first, b"x"), (second, b"y")))
    assert "one file where case does not count" in caught.value.why


def test_arc_11_two_arrays_of_one_name_are_refused(tmp_path: Path):
    np.savez(tmp_path / "a.npz", **arrays())
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        content = archive.read("x0.npy")
    with expect_refusal("DATA_MISNAMED_FILE", exit_code=3):
        read(zipped(tmp_path / "twice.npz", ("x.npy", content), ("x.npy", content)))


def test_arc_12_too_many_members_and_names_too_deep_or_long_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with expect_refusal("DATA_NPZ_MEMBERS", exit_code=3):
        np.savez(tmp_path / "many.npz", **arrays(LIMIT_MEMBERS + 1))
        read(tmp_path / "many.npz")
    for name in ("a/" * 300 + "x.csv", "x" * 4092 + ".csv"):
        with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3) as caught:
            read(zipped(tmp_path / "deep.csv.zip", (name, TABLE)))
        assert f"more than {LIMIT_DEPTH} deep or 255 bytes in a part" in caught.value.what
    monkeypatch.setattr(_archive, "LIMIT_MEMBERS", 1000)  # a million, with less of the disk
    with expect_refusal("DATA_BOMB", exit_code=3) as caught:
        read(zipped(tmp_path / "many.zip", *((f"cat/{i}.png", b"") for i in range(1001))))
    assert "1,001 members" in caught.value.what


@pytest.mark.parametrize(
    ("name", "field"), [("photos.zip", 10), ("table.csv.zip", 10), ("photos.zip", 16), ("table.csv.zip", 16)]
)
def test_arc_13_an_unknown_way_of_packing_and_a_wrong_sum_are_refused(tmp_path: Path, name: str, field: int):
    members = (
        [(f"{label}/1.png", bytes(range(256)) * 9) for label in ("cat", "dog")] if "photos" in name else [("a.csv", TABLE)]
    )
    path = zipped(tmp_path / name, *members)
    forged(path, field, 99 if field == 10 else 1)  # the method (and what follows it), or the sum of the last member
    with expect_refusal("DATA_DAMAGED_FILE", exit_code=3):
        read(path)


def test_arc_13_sizes_of_64_bits_that_lie_are_refused(tmp_path: Path):
    path = zipped(tmp_path / "table.csv.zip", ("table.csv", TABLE))
    forged(path, 24, 0xFFFFFFFF)  # "see the 64 bits", of which there are none
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3) as caught:
        read(path)
    assert "it is too large" in caught.value.what


@pytest.mark.parametrize("begin", [(200).to_bytes(8, "little") + b'{"w":{"dtype":"U8"}}', b"PK archive"])
def test_arc_14_bytes_before_the_first_member_are_refused_also_another_archive(tmp_path: Path, begin: bytes):
    inner = zipped(tmp_path / "inner.zip", ("table.csv", TABLE)).read_bytes()
    other = zipped(tmp_path / "other.zip", ("table.csv", "a,b\n1,2\n")).read_bytes()
    (tmp_path / "both.csv.zip").write_bytes((other if begin.startswith(b"PK") else begin) + inner)
    expected = "DATA_UNSAFE_ARCHIVE" if begin.startswith(b"PK") else "DATA_MISNAMED_FILE"
    with expect_refusal(expected, exit_code=3):
        read(tmp_path / "both.csv.zip")


def test_arc_14_an_archive_behind_a_picture_is_taken_for_neither(tmp_path: Path):
    picture = b"\x89PNG\r\n\x1a\n" + bytes(100)
    inner = zipped(tmp_path / "inner.zip", ("table.csv", TABLE)).read_bytes()
    for name in ("both.zip", "both.csv.zip", "both.npz"):
        (tmp_path / name).write_bytes(picture + inner)
        with expect_refusal("DATA_UNSAFE_ARCHIVE" if name == "both.zip" else "DATA_MISNAMED_FILE", exit_code=3):
            read(tmp_path / name)


def test_arc_16_nothing_is_unpacked_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    path = zipped(tmp_path / "table.csv.zip", ("table.csv", TABLE))
    tmp_path.chmod(0o500)  # no room for anything
    try:
        assert len(read(path)) == 30
    finally:
        tmp_path.chmod(0o700)
    nothing_but(tmp_path, "table.csv.zip")


def test_arc_07_a_bomb_among_honest_members_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_archive, "LIMIT_MEMBER", 1 << 16)
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3) as caught:
        read(zipped(tmp_path / "a.zip", ("cat/1.png", b"x"), ("dog/2.png", bytes(1 << 17)), ("dog/3.png", b"y")))
    assert "dog/2.png: it is too large" in caught.value.what
    assert _unpacked.MOST_TIMES == 1000


@pytest.mark.parametrize("name", ["book.csv", "book.zip", "book.npz", "book.xls"])
def test_dat_47_a_workbook_of_another_name_is_called_one_with_what_to_do(tmp_path: Path, name: str):
    path = tmp_path / name
    sheets = [("[Content_Types].xml", "<x/>"), ("xl/workbook.xml", "<w/>"), ("xl/vbaProject.bin", b"macro")]
    zipped(path, *sheets) if name != "book.xls" else path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    code = "DATA_UNKNOWN_FORMAT" if name == "book.xls" else "DATA_MISNAMED_FILE"
    with expect_refusal(code, exit_code=3) as caught:
        read(path)
    assert "ffice" in caught.value.what
    assert "save the sheet that is meant as CSV" in caught.value.fix
