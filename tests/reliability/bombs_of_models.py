"""Pictures, settings, weights and packages that are made to fill memory or time.

A maker takes a folder that is its own, and gives the command line that is to refuse what it made there.
"""

import json
import pickle
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.reliability.forged import MIB, Member, imported, makers, packed_zeros, zeros, zip_of


def pictures(folder: Path, name: str, data: bytes) -> list[str]:
    """Two classes of pictures, in which one is not what it seems."""
    from PIL import Image

    for label in ("cat", "dog"):
        (folder / "p" / label).mkdir(parents=True)
        for number in range(6):
            Image.fromarray(np.full((8, 8), 20 * number, np.uint8)).save(folder / "p" / label / f"{number}.png")
    (folder / "p" / "dog" / name).write_bytes(data)
    return ["train", str(folder / "p"), "--on-bad-file", "refuse", "--out", str(folder / "run"), "--epochs", "1"]


def png(width: int, height: int, rows: bytes, *before: tuple[bytes, bytes]) -> bytes:
    """A PNG of bits whose rows are given packed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0))
    inner = b"".join(chunk(*one) for one in before)
    return b"\x89PNG\r\n\x1a\n" + head + inner + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def png_large(folder: Path) -> list[str]:
    return pictures(folder, "bomb.png", png(20_000, 20_000, packed_zeros(382)))


def png_under_the_limit_of_pillow(folder: Path) -> list[str]:
    return pictures(folder, "bomb.png", png(10_000, 10_000, packed_zeros(96)))


def png_forged_size(folder: Path) -> list[str]:
    return pictures(folder, "bomb.png", png((1 << 31) - 1, (1 << 31) - 1, packed_zeros(1)))


def png_text(folder: Path) -> list[str]:
    return pictures(folder, "bomb.png", png(8, 8, packed_zeros(1), (b"zTXt", b"a\0\0" + packed_zeros(1024))))


def png_profile(folder: Path) -> list[str]:
    return pictures(folder, "bomb.png", png(8, 8, packed_zeros(1), (b"iCCP", b"a\0\0" + packed_zeros(1024))))


def gif_large(folder: Path) -> list[str]:
    head = b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0) + b"\x02\x02\x44\x01\x00"
    return pictures(folder, "bomb.gif", head + frame * 50 + b";")


def webp_large(folder: Path) -> list[str]:
    size = struct.pack("<L", 16_382)[:3]
    body = (
        b"WEBPVP8X" + struct.pack("<L", 10) + bytes(4) + size + size + b"VP8L" + struct.pack("<L", 5) + b"\x2f\xff\xff\xff\x0f"
    )
    return pictures(folder, "bomb.webp", b"RIFF" + struct.pack("<L", len(body)) + body)


def bmp_large(folder: Path) -> list[str]:
    info = struct.pack("<LllHHLLllLL", 40, 30_000, 30_000, 1, 8, 1, 0, 0, 0, 256, 0)
    return pictures(folder, "bomb.bmp", b"BM" + struct.pack("<LLL", 2000, 0, 54 + 1024) + info + bytes(1024 + 100))


def tiff_large(folder: Path) -> list[str]:
    tags = [
        (256, 4, 40_000),
        (257, 4, 40_000),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, 40_000),
    ]
    tags.append((279, 4, 1_600_000_000))
    listing = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", tag, kind, 1, value) for tag, kind, value in tags)
    return pictures(folder, "bomb.tif", b"II*\0" + struct.pack("<L", 8) + listing + bytes(4))


def ico_large(folder: Path) -> list[str]:
    inner = png(20_000, 20_000, packed_zeros(382))
    head = struct.pack("<HHHBBBBHHLL", 0, 1, 1, 0, 0, 0, 0, 1, 8, len(inner), 22)
    return pictures(folder, "bomb.png", head + inner)


def pgm_large(folder: Path) -> list[str]:
    return pictures(folder, "bomb.pgm", b"P5\n60000 60000\n255\n" + bytes(100))


def settings(folder: Path, name: str, text: bytes) -> list[str]:
    (folder / name).write_bytes(text)
    return ["train", "iris", "--settings", str(folder / name), "--out", str(folder / "run")]


def yaml_aliases(folder: Path) -> list[str]:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    return settings(folder, "a.yaml", "\n".join(lines).encode())


def yaml_deep(folder: Path) -> list[str]:
    return settings(folder, "a.yaml", b"a: " + b"[" * 60_000)


def yaml_digits(folder: Path) -> list[str]:
    return settings(folder, "a.yaml", b"seed: " + b"9" * 120_000)


def settings_deep(folder: Path) -> list[str]:
    return settings(folder, "a.json", b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}")


def safetensors_of(folder: Path, header: bytes, data: bytes = b"", *, length: int | None = None) -> list[str]:
    told = struct.pack("<Q", len(header) if length is None else length)
    (folder / "a.safetensors").write_bytes(told + header + data)
    return imported(folder / "a.safetensors")


def safetensors_header(folder: Path) -> list[str]:
    return safetensors_of(folder, b"{}", length=1 << 62)


def safetensors_shape(folder: Path) -> list[str]:
    one = {"dtype": "F64", "shape": [1 << 40], "data_offsets": [0, 1 << 43]}
    return safetensors_of(folder, json.dumps({"a": one}).encode())


def safetensors_many(folder: Path) -> list[str]:
    entry = b'"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    return safetensors_of(folder, b"{" + b",".join(entry % i for i in range(120_000)) + b"}")


def safetensors_overflow(folder: Path) -> list[str]:
    one = {"dtype": "F64", "shape": [1 << 61, 0, 1 << 61], "data_offsets": [0, 0]}
    return safetensors_of(folder, json.dumps({"a": one}).encode())


def torch_zip(folder: Path, pickled: bytes, *further: Member, name: str = "a/data.pkl") -> list[str]:
    rest = [Member("a/byteorder", b"little"), Member("a/version", b"3\n")]
    return imported(zip_of(folder / "a.pt", [Member(name, pickled), *rest, *further]))


def told_tensor(count: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> bytes:
    """The pickle of a dict of one tensor, as torch.save writes it."""

    def number(value: int) -> bytes:
        return b"\x8a\x08" + struct.pack("<q", value)

    def several(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" + b"0X\x03\0\0\0cpu" + number(count) + b"tQ"
    arguments = b"(" + storage + number(0) + several(shape) + several(stride) + b"\x89ccollections\nOrderedDict\n)Rt"
    return b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rs."


def torch_deflate(folder: Path) -> list[str]:
    storage = Member("a/data/0", zeros(1024), 8, 1024 * MIB)
    return torch_zip(folder, told_tensor(268_435_456, (268_435_456,), (1,)), storage)


def torch_pickle_deflate(folder: Path) -> list[str]:
    rest = [Member("a/byteorder", b"little"), Member("a/version", b"3\n")]
    return imported(zip_of(folder / "a.pt", [Member("a/data.pkl", zeros(512), 8, 512 * MIB), *rest]))


def torch_strides_of_zero(folder: Path) -> list[str]:
    return torch_zip(folder, told_tensor(1, (1 << 20, 1 << 20), (0, 0)), Member("a/data/0", bytes(4)))


def torch_storage(folder: Path) -> list[str]:
    return torch_zip(folder, told_tensor(1 << 40, (1 << 40,), (1,)), Member("a/data/0", bytes(4)))


def torch_overlap(folder: Path) -> list[str]:
    kernel = Member("a/data/0", bytes(4 * MIB))
    copies = (replace(kernel, name=f"a/data/{i}", at=0) for i in range(1, 99))
    return torch_zip(folder, told_tensor(MIB, (MIB,), (1,)), kernel, *copies)


def torch_many_members(folder: Path) -> list[str]:
    return imported(zip_of(folder / "a.pt", (Member(f"a/data/{i}") for i in range(60_000))))


def torch_laughs(folder: Path) -> list[str]:
    """A list of ten times the list before, forty times over: a pickle of some hundred bytes."""
    steps = b"".join(b"](" + b"h%c" % i * 10 + b"eq%c" % (i + 1) + b"0" for i in range(40))
    return torch_zip(folder, b"\x80\x02}X\x01\0\0\0o]q\x00" + steps + b"h\x28s.")


def torch_steps(folder: Path) -> list[str]:
    """Millions of steps that come to nothing."""
    return torch_zip(folder, b"\x80\x02" + b"]0" * (3 * MIB) + b"}.")


def torch_containers(folder: Path) -> list[str]:
    """A dict of its own for each byte."""
    return torch_zip(folder, b"\x80\x02(" + b"}" * (3 * MIB) + b"t.")


def torch_deep(folder: Path) -> list[str]:
    return torch_zip(folder, b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".")


def torch_key(folder: Path) -> list[str]:
    """A key that is a pair of pairs of pairs, each twice the one before: its hash takes 2**40 steps."""
    steps = b"".join(b"h%c" % i + b"\x86".join([b"h%c" % i, b"q%c" % (i + 1)]) + b"0" for i in range(40))
    return torch_zip(folder, b"\x80\x02}K\x01q\x000" + steps + b"h\x28K\x01s.")


def torch_digits(folder: Path) -> list[str]:
    return torch_zip(folder, b"\x80\x02}X\x01\0\0\0wL" + b"9" * (4 * MIB) + b"L\ns.")


def torch_text(folder: Path) -> list[str]:
    """A text that is said to have four gigabytes."""
    return torch_zip(folder, b"\x80\x02X\xff\xff\xff\xffabc.")


def torch_old_storage(folder: Path) -> list[str]:
    """A file of before 1.6 whose storage goes on behind its end."""
    heads = [pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    told = told_tensor(1 << 40, (1 << 40,), (1,))
    (folder / "a.pt").write_bytes(b"".join([*heads, told, pickle.dumps(["0"], 2), struct.pack("<q", 1 << 40), bytes(16)]))
    return imported(folder / "a.pt")


def torch_old_text(folder: Path) -> list[str]:
    heads = [pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    (folder / "a.pt").write_bytes(b"".join(heads) + b"\x80\x02X\xff\xff\xff\x7fabc." + bytes(MIB))
    return imported(folder / "a.pt")


def package_manifest(folder: Path) -> list[str]:
    """A package whose manifest is a gigabyte of nothing."""
    (folder / "m").mkdir()
    with (folder / "m" / "manifest.json").open("wb") as file:
        file.truncate(1 << 30)
    return ["predict", str(folder / "m"), "iris"]


def package_many_files(folder: Path) -> list[str]:
    (folder / "m").mkdir()
    (folder / "m" / "manifest.json").write_bytes(b'{"files": {' + b",".join(b'"%d": {}' % i for i in range(300_000)) + b"}}")
    return ["predict", str(folder / "m"), "iris"]


MAKERS = makers(globals(), __name__)
