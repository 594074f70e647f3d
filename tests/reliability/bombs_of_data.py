"""Tables, archives and arrays that are made to fill memory, time or disk, or to lead out of their folder.

A maker takes a folder that is its own, and gives the command line that is to refuse what it made there.
"""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import feather, parquet

from tests.reliability.forged import MIB, TABLE, Member, check, makers, zeros, zip_of


def zip_deflate(folder: Path) -> list[str]:
    return check(zip_of(folder / "a.csv.zip", [Member("a.csv", zeros(1024), 8, 1024 * MIB)]))


def zip_deflate_under_the_limit(folder: Path) -> list[str]:
    return check(zip_of(folder / "a.csv.zip", [Member("a.csv", zeros(250), 8, 250 * MIB)]))


def zip_declares_little(folder: Path) -> list[str]:
    return check(zip_of(folder / "a.csv.zip", [Member("a.csv", zeros(1024), 8, 10)]))


def zip_declares_much(folder: Path) -> list[str]:
    return check(zip_of(folder / "a.csv.zip", [Member("a.csv", TABLE, 0, 3 << 30)]))


def zip_overlap(folder: Path) -> list[str]:
    """Many members that are one kernel (CVE-2024-0450)."""
    kernel = Member("cat/0.png", zeros(64), 8, 64 * MIB)
    return check(zip_of(folder / "a.zip", [kernel, *(replace(kernel, name=f"cat/{i}.png", at=0) for i in range(1, 200))]))


def zip_among_honest(folder: Path) -> list[str]:
    honest = [Member(f"{label}/{i}.png", b"\x89PNG" + bytes(40)) for label in ("cat", "dog") for i in range(50)]
    return check(zip_of(folder / "a.zip", [*honest, Member("dog/bomb.png", zeros(300), 8, 300 * MIB)]))


def zip_of_pictures_that_unpack(folder: Path) -> list[str]:
    return check(
        zip_of(folder / "a.zip", [Member(f"{one}/{i}.png", zeros(200), 8, 200 * MIB) for one in "ab" for i in range(9)])
    )


def zip_nested(folder: Path) -> list[str]:
    data = TABLE
    for depth in range(6):
        path = zip_of(folder / "a.csv.zip", [Member(f"{depth}.zip" if depth else "a.csv", data)])
        data = path.read_bytes()
    return check(path)


def zip_many_members(folder: Path) -> list[str]:
    return check(zip_of(folder / "a.zip", (Member(f"a/{i}.png") for i in range(200_000))))


def zip_traversal(folder: Path) -> list[str]:
    return check(zip_of(folder / "a.zip", [Member("../../escaped.png", b"x"), Member("b/c.png", b"x")]))


def zip_absolute(folder: Path) -> list[str]:
    return check(zip_of(folder / "a.csv.zip", [Member("/tmp/escaped.csv", TABLE)]))


def zip_link(folder: Path) -> list[str]:
    link = Member("train", b"/", mode=stat.S_IFLNK | 0o777)
    return check(zip_of(folder / "a.zip", [link, Member("train/escaped.png", b"x")]))


def zip_device(folder: Path) -> list[str]:
    return check(zip_of(folder / "a.csv.zip", [Member("a.csv", TABLE, mode=stat.S_IFCHR | 0o666)]))


def tar_of(folder: Path, name: str, *members: tuple[str, bytes, str]) -> list[str]:
    """An archive of the files of a known set, which holds links and devices."""
    path = folder / name
    with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as archive:
        for called, kind, link in members:
            member = tarfile.TarInfo(called)
            member.type, member.linkname = kind, link
            archive.addfile(member)
    return check(path)


def tar_links(folder: Path) -> list[str]:
    return tar_of(folder, "a.tar.gz", ("a", tarfile.SYMTYPE, "/tmp"), ("a/escaped.csv", tarfile.REGTYPE, ""))


def tar_devices(folder: Path) -> list[str]:
    return tar_of(folder, "a.tar", ("a.csv", tarfile.CHRTYPE, ""), ("b.csv", tarfile.FIFOTYPE, ""))


def tar_traversal(folder: Path) -> list[str]:
    return tar_of(folder, "a.tar", ("../../escaped.csv", tarfile.REGTYPE, ""))


def gzip_of(folder: Path) -> list[str]:
    data = zeros(1024)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    (folder / "a.csv.gz").write_bytes(head + data + struct.pack("<LL", 0, 1024 * MIB))
    return check(folder / "a.csv.gz")


def gzip_of_text(folder: Path) -> list[str]:
    """A table whose last column goes on for a gigabyte."""
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packing.compress(b"a,b\n1,") + packing.flush(zlib.Z_FULL_FLUSH)
    piece = packing.compress(b"7" * MIB) + packing.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    (folder / "a.csv.gz").write_bytes(head + first + piece * 1024 + b"\x03\x00" + struct.pack("<LL", 0, 1024 * MIB))
    return check(folder / "a.csv.gz")


def bzip2_of(folder: Path) -> list[str]:
    (folder / "a.csv.bz2").write_bytes(bz2.compress(bytes(32 * MIB)) * 32)
    return check(folder / "a.csv.bz2")


def xz_of(folder: Path) -> list[str]:
    (folder / "a.csv.xz").write_bytes(lzma.compress(bytes(64 * MIB), preset=0) * 16)
    return check(folder / "a.csv.xz")


def zstandard_of(folder: Path) -> list[str]:
    file = io.BytesIO()
    with pyarrow.CompressedOutputStream(pyarrow.PythonFile(file), "zstd") as packed:
        for _ in range(1024):
            packed.write(bytes(MIB))
        packed.flush()
        data = file.getvalue()
    (folder / "a.csv.zst").write_bytes(data or file.getvalue())
    return check(folder / "a.csv.zst")


def npy_head(shape: str, kind: str = "<f8") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def npz_deflate(folder: Path) -> list[str]:
    data = npy_head("(134217728,)")
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packing.compress(data) + packing.flush(zlib.Z_FULL_FLUSH)
    return check(zip_of(folder / "a.npz", [Member("x.npy", first + zeros(1024), 8, 1024 * MIB + len(data))]))


def npz_shape(folder: Path) -> list[str]:
    return check(
        zip_of(folder / "a.npz", [Member("x.npy", npy_head("(1 << 40,)".replace("1 << 40", str(1 << 40))) + bytes(64))])
    )


def npz_overlap(folder: Path) -> list[str]:
    head = npy_head("(8388608,)")
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packing.compress(head) + packing.flush(zlib.Z_FULL_FLUSH) + zeros(64)
    kernel = Member("x0.npy", data, 8, 64 * MIB + len(head))
    return check(zip_of(folder / "a.npz", [kernel, *(replace(kernel, name=f"x{i}.npy", at=0) for i in range(1, 200))]))


def npz_many_members(folder: Path) -> list[str]:
    return check(zip_of(folder / "a.npz", (Member(f"x{i}.npy") for i in range(200_000))))


def npy_shape(folder: Path) -> list[str]:
    (folder / "a.npy").write_bytes(npy_head(f"({1 << 40}, 4)") + bytes(64))
    return check(folder / "a.npy")


def npy_header(folder: Path) -> list[str]:
    """A header of megabytes, which Python's own parser would take apart."""
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': " + b"(" * (4 * MIB) + b", }\n"
    (folder / "a.npy").write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<L", len(text)) + text)
    return check(folder / "a.npy")


def varint(number: int) -> bytes:
    """A whole number as Thrift's compact protocol writes it."""
    number, found = number << 1, b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def parquet_page(folder: Path) -> list[str]:
    """A page whose header says that it unpacks to almost 2 GiB."""
    path = folder / "a.parquet"
    table = pyarrow.table({"a": np.zeros(100_000), "class": np.arange(100_000) % 2})
    parquet.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)
    data = path.read_bytes()
    begin = parquet.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    size = data.index(b"\x15", begin + 2)  # of the header's fields, the second: its type byte, then a number
    end = next(at for at in range(size + 1, size + 6) if data[at] < 128) + 1
    forged = varint(2_000_000_000)
    path.write_bytes(data[: size + 1] + forged[: end - size - 1 - 1] + b"\x7f" + data[end:])
    return check(path)


def parquet_one_value(folder: Path) -> list[str]:
    """25 million rows of one value, in some kilobytes."""
    path = folder / "a.parquet"
    value = np.zeros(1 << 20)
    with parquet.ParquetWriter(path, pyarrow.schema([("a", "f8")]), compression="zstd") as writer:
        for _ in range(24):
            writer.write_table(pyarrow.table({"a": value}))
    return check(path)


def parquet_long_text(folder: Path) -> list[str]:
    """A text of 1 MiB for each of 1,000 rows, once in the file."""
    path = folder / "a.parquet"
    parquet.write_table(pyarrow.table({"a": ["x" * MIB] * 1000, "b": np.arange(1000)}), path, compression="zstd")
    return check(path)


def parquet_longest_text(folder: Path) -> list[str]:
    """A text of 32 MiB for each of 100 rows, once in the file."""
    path = folder / "a.parquet"
    parquet.write_table(pyarrow.table({"a": ["x" * (32 * MIB)] * 10, "b": np.arange(10)}), path, compression="zstd")
    return check(path)


def parquet_coded_text(folder: Path) -> list[str]:
    """The same as categories, which are read as they lie and unpacked later."""
    path = folder / "a.parquet"
    long = pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(1000, dtype=np.int32)), pyarrow.array(["x" * MIB]))
    parquet.write_table(pyarrow.table({"a": long, "b": np.arange(1000)}), path, compression="zstd")
    return check(path)


def arrow_coded_text(folder: Path) -> list[str]:
    path = folder / "a.arrow"
    long = pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(1000, dtype=np.int32)), pyarrow.array(["x" * MIB]))
    feather.write_feather(pyarrow.table({"a": long, "b": np.arange(1000)}), path, compression="zstd")
    return check(path)


def arrow_zeros(folder: Path) -> list[str]:
    """A gigabyte of zeros, in some kilobytes."""
    path = folder / "a.arrow"
    feather.write_feather(pyarrow.table({"a": np.zeros(1 << 24)}), path, compression="zstd")
    return check(path)


def arrow_buffer(folder: Path) -> list[str]:
    """A packed buffer that is said to unpack to 4 GiB."""
    path = folder / "a.arrow"
    feather.write_feather(pyarrow.table({"a": np.zeros(60_000), "class": np.arange(60_000) % 2}), path, compression="zstd")
    data = path.read_bytes()
    assert struct.pack("<q", 480_000) in data, "each buffer begins with the size that it unpacks to"
    path.write_bytes(data.replace(struct.pack("<q", 480_000), struct.pack("<q", 1 << 32)))
    return check(path)


def json_deep(folder: Path) -> list[str]:
    (folder / "a.json").write_bytes(b'[{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}]")
    return check(folder / "a.json")


def json_lines_deep(folder: Path) -> list[str]:
    (folder / "a.jsonl").write_bytes(b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n")
    return check(folder / "a.jsonl")


def json_digits(folder: Path) -> list[str]:
    (folder / "a.json").write_bytes(b'[{"a": ' + b"9" * (4 * MIB) + b"}]")
    return check(folder / "a.json")


def idx_shape(folder: Path) -> list[str]:
    head = b"\0\0\x08\x03" + struct.pack(">LLL", 4_000_000_000, 1000, 1000)
    (folder / "train-images-idx3-ubyte").write_bytes(head + bytes(100))
    (folder / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + struct.pack(">L", 4_000_000_000) + bytes(100))
    return check(folder)


def idx_packed(folder: Path) -> list[str]:
    head = b"\0\0\x08\x03" + struct.pack(">LLL", 1 << 20, 32, 32)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + bytes(64 * MIB)))
    (folder / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + struct.pack(">L", 1 << 20) + bytes(1 << 20))
    return check(folder)


KINDS = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def workbook(folder: Path) -> list[str]:
    inside = [Member("[Content_Types].xml", KINDS), Member("xl/workbook.xml", zeros(1024), 8, 1 << 30)]
    return check(zip_of(folder / "a.xlsx", inside))


def workbook_under_the_limit(folder: Path) -> list[str]:
    """Sheets of 250 MiB each."""
    sheets = [Member(f"xl/worksheets/sheet{i}.xml", zeros(250), 8, 250 * MIB) for i in range(8)]
    inside = [Member("[Content_Types].xml", KINDS), Member("xl/workbook.xml", b"<w/>"), *sheets]
    return check(zip_of(folder / "a.xlsx", inside))


def one_line(folder: Path) -> list[str]:
    """A table of one line that never ends, of a file that takes no room."""
    with (folder / "a.csv").open("wb") as file:
        file.write(b"a,b\n1,")
        file.truncate(1 << 30)
    return check(folder / "a.csv")


MAKERS = makers(globals(), __name__)
