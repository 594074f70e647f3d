"""The files in which weights come: PyTorch's zip, its older form without one, and safetensors; told by content, not by name.

Nothing of a tensor's bytes is read here, only where they lie.
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from thalweg.core.archives import SharedBytes, listing, nearly_empty, stored_at, twins, unfit
from thalweg.core.foreign.described import Storage
from thalweg.core.foreign.found import LIMIT_TENSORS, Lying
from thalweg.core.foreign.headed import FORM, headed, is_headed
from thalweg.core.foreign.inert import Read, read_inert

LIMIT_PICKLE = 64 << 20
LIMIT_LIST = 16 << 20
"""Bytes of a zip's list of members: a hundred thousand of them with long names."""
LEAST_STORAGE = 64
"""Bytes that a storage and what is told of it take at least in a file of before 1.6."""
OLD_MAGIC, OLD_VERSION = 0x1950A86A20F9469CFC6C, 1001
BESIDE = ("version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id")
"""What torch writes beside the pickle and the storages."""
NATURES = {
    b"\x89HDF": "an HDF5 file, as Keras writes it",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"ustar": "a tar archive",
    b"TFL3": "a TensorFlow Lite graph",
    b"\x93NUMPY": "a NumPy array",
    b"GGUF": "a GGUF file",
    b"\x80": "a plain pickle, not one of torch.save",
}

Place = tuple[int, int, int | None]
"""First and last byte (exclusive), and the sum that is told of what lies there."""


class Unfit(Exception):
    """A file that is not read, and of what sort the trouble is: `damaged`, `other`, `script` or `bomb`."""

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(said)
        self.kind = kind


@dataclass(frozen=True)
class Contents:
    """What a file holds: a tree in which tensors are told, and where storages lie; or tensors themselves."""

    form: str
    tree: Any = None
    place: Callable[[Storage], Place] | None = None
    tensors: tuple[Lying, ...] | None = None


def contents(file: IO[bytes], size: int) -> Contents:
    """What a file of that many bytes holds.

    Raises:
        Unfit: it is no file of weights, damaged, or claims more than it can hold.
        UnknownName: a pickle in it names what no weights need.
        PackageRefusal: a safetensors header that lies.
    """
    file.seek(0)
    head = file.read(512)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(file)
    if head.startswith(b"\x80") and OLD_MAGIC.to_bytes(10, "little") in head[:16]:
        return _old(file, size)
    if is_headed(head):
        return Contents(FORM, tensors=headed(file, size))
    if OLD_MAGIC.to_bytes(10, "little") in head[:32] or f"{OLD_MAGIC}L".encode() in head:
        return _old(file, size)
    found = next((what for magic, what in NATURES.items() if head.startswith(magic) or head[257:262] == magic), "")
    return _refuse("other", found or ("an empty file" if not size else "no form of weights that is known"))


def _zipped(file: IO[bytes]) -> Contents:
    if listing(file)[0] > LIMIT_LIST or nearly_empty(file):
        _refuse("bomb", f"a list of members of {listing(file)[0]:,} bytes")
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            base = _base(archive, infos)
            places = stored_at(file, infos)
            read = _pickle_in(archive, base)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        _refuse("damaged", str(error)[:100])
    except SharedBytes as error:
        _refuse("bomb", str(error))
    except ValueError as error:
        _refuse("damaged", str(error)[:160])
    sums = {info.filename: info.CRC for info in infos}

    def place(storage: Storage) -> Place:
        name = f"{base}data/{storage.key}"
        begin, end = places.get(name, (0, -1))
        if end - begin != storage.bytes:
            held = f"holds {end - begin:,}" if name in places else "is not there"
            _refuse("bomb", f"the storage {storage.key[:20]!a} is said to have {storage.bytes:,} bytes and {held}")
        return begin, end, sums[name]

    return Contents("a PyTorch file (zip)", read.value, place)


def _base(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> str:
    """The folder in which a zip of torch.save keeps all, after its members were judged."""
    names = [info.filename for info in infos]
    first = next((name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")), "")
    base = first.removesuffix("data.pkl")
    if base and (f"{base}constants.pkl" in names or any(name.startswith(f"{base}code/") for name in names)):
        _refuse("script", "a TorchScript archive, which holds programs")
    if not first:
        _refuse("other", "an archive, but none of torch.save" if infos else "an archive of nothing")
    for info in infos:
        reason = unfit(info, limit=1 << 62)
        if reason:
            _refuse("damaged", f"it holds {info.filename[:60]!a}: {reason}")
        if info.compress_type != zipfile.ZIP_STORED:
            _refuse("bomb", f"{info.filename[:60]!a} is packed ({info.file_size:,} bytes in {info.compress_size:,})")
        inner = info.filename.removeprefix(base)
        if inner not in (*BESIDE, "data.pkl") and not (inner.startswith("data/") and inner.count("/") == 1):
            _refuse("other", f"an archive with {info.filename[:60]!a}, which torch.save does not write")
    if twins(names) or archive.comment:
        _refuse("damaged", "it holds two members of one name, or a comment")
    if min(info.header_offset for info in infos):
        _refuse("damaged", "it begins with something else than its first member")
    return base


def _pickle_in(archive: zipfile.ZipFile, base: str) -> Read:
    told = archive.getinfo(f"{base}data.pkl")
    if told.file_size > LIMIT_PICKLE:
        _refuse("bomb", f"its list of tensors has {told.file_size:,} bytes; the limit is {LIMIT_PICKLE:,}")
    order = f"{base}byteorder"
    if order in archive.namelist() and archive.getinfo(order).file_size < 10 and archive.read(order) != b"little":
        _refuse("other", "written with the bytes of numbers in the other order (big-endian)")
    file = io.BytesIO(archive.read(told))
    read = read_inert(file, size=told.file_size, storages=len(archive.namelist()))
    if file.read(1):
        _refuse("damaged", "there is more behind the end of its list of tensors")
    return read


def _old(file: IO[bytes], size: int) -> Contents:
    """torch.save before 1.6: three pickles of what it is, one of what it holds, one of the storages' order, then those."""
    file.seek(0)
    magic, version, system = (read_inert(file, size=0).value for _ in range(3))
    if magic != OLD_MAGIC or version != OLD_VERSION or not isinstance(system, dict):
        _refuse("damaged", "its beginning is not what torch.save writes")
    if system.get("little_endian") is not True:
        _refuse("other", "written with the bytes of numbers in the other order (big-endian)")
    read = read_inert(file, size=min(size, LIMIT_PICKLE), storages=min(size // LEAST_STORAGE, LIMIT_TENSORS))
    order = read_inert(file, size=0, storages=len(read.storages)).value
    places = _one_after_the_other(file, order, {one.key: one for one in read.storages}, size)

    def place(storage: Storage) -> Place:
        begin, end = places.get(storage.key, (0, -1))
        if end - begin != storage.bytes:
            _refuse("bomb", f"the storage {storage.key[:20]!a} is said to be of two sizes, or is not there")
        return begin, end, None

    return Contents("a PyTorch file (of before 1.6)", read.value, place)


def _one_after_the_other(file: IO[bytes], order: Any, known: Mapping[str, Storage], size: int) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    if not isinstance(order, list) or len(order) > LIMIT_TENSORS:
        _refuse("damaged", "the list of its storages is none")
    for key in order:
        head = file.read(8)
        count, begin = int.from_bytes(head, "little"), file.tell()
        if len(head) < 8:  # a storage of nothing may be the last one, and what is left of its 0 would count as one
            _refuse("damaged", "it ends within what is told of a storage")
        if not isinstance(key, str) or key not in known or key in found or count != known[key].count:
            _refuse("damaged", "a storage is not the one that was told, or not as long")
        end = begin + known[key].bytes
        if end > size:
            _refuse("bomb", f"its storages would come to more than {end - size:,} bytes beyond its end")
        found[key] = (begin, end)
        file.seek(end)
    if file.tell() != size:
        _refuse("damaged", "there is more behind its last storage")
    return found


def _refuse(kind: str, said: str) -> NoReturn:
    raise Unfit(kind, said)
