"""Safe files: after a crash at any moment, the old content stands or the new, never a mixture, and nothing is left behind.

A file is written under a temporary name in the same folder, synced, renamed over the old one, and the folder synced. A folder
is written the same way, its manifest last; an old folder is moved aside, and removed when the new one is durable.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from thalweg.core.disk import (
    BLOCK_BYTES,
    discard,
    made,
    make_folder,
    read_limited,
    refusing,
    sync_folder,
    temporary_beside,
    temporary_owner,
    write_all,
    write_new,
)
from thalweg.core.errors import PackageRefusal, Refusal, UsageRefusal
from thalweg.core.manifest import MANIFEST, Manifest, aside_of, manifest_of, render_manifest, shown, strangers
from thalweg.core.strict_json import parse_json, render_json

LIMIT_JSON_BYTES = 64 << 20


def write_bytes(path: Path, data: bytes) -> None:
    """Writes or replaces a file, durably when this returns.

    Raises:
        ResourceRefusal: the system refused; the old file is kept and the temporary one removed.
    """
    path = Path(path)
    temporary = temporary_beside(path)
    with refusing(path, needed=len(data)):
        try:
            discard(temporary)  # of a killed process that had our number
            write_new(temporary, data)
            os.replace(temporary, path)
        except BaseException:
            discard(temporary)
            raise
        sync_folder(path.parent)


@contextlib.contextmanager
def written_in_parts(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Writes or replaces a file part by part: gives what adds bytes; the file stands once all was well, durably.

    Raises:
        ResourceRefusal: the system refused; the old file is kept and the temporary one removed, as after any other error.
    """
    path = Path(path)
    temporary = temporary_beside(path)
    with refusing(path.parent):
        make_folder(path.parent)
    discard(temporary)  # of a killed process that had our number
    _sweep_beside(path)
    with refusing(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)

    def write(data: bytes) -> None:
        with refusing(path, needed=len(data)):
            write_all(descriptor, data)

    try:
        try:
            yield write
            with refusing(path):
                os.fsync(descriptor)
        finally:
            with refusing(path):
                os.close(descriptor)
        with refusing(path):
            os.replace(temporary, path)
    except BaseException:
        discard(temporary)
        raise
    with refusing(path):
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Writes or replaces a UTF-8 text file; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Writes or replaces an indented JSON file that keeps the order of keys; see `write_bytes`.

    Raises:
        ValueError: a NaN or infinite number.
    """
    write_bytes(path, render_json(value, indent=2) + b"\n")


def read_json(path: Path, *, where: str, refusal: type[Refusal] = PackageRefusal, limit: int = LIMIT_JSON_BYTES) -> Any:
    """The value in a JSON file, read strictly (see `parse_json`).

    Args:
        where: how the user knows the file.
        refusal: the class to refuse with.
        limit: the size in bytes above which the file is not read.
    """
    return parse_json(read_limited(Path(path), limit=limit, refusal=refusal), where=where, refusal=refusal)


def read_object(path: Path, *, where: str) -> dict[str, Any]:
    """The names with values that a JSON file holds, read strictly.

    Raises:
        PackageRefusal: it cannot be read, is not JSON, or is a list or a single value.
    """
    return _object(read_json(path, where=where), where)


def _object(value: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return value
    raise PackageRefusal(
        "JSON_NOT_AN_OBJECT",
        f"{where} holds {'a list' if isinstance(value, list) else 'a single value'}, not names with values",
        where=where,
        why="it is not what was written there",
        fix="restore the file from a good copy",
    )


@contextlib.contextmanager
def understood(path: Path, *others: Path) -> Iterator[None]:
    """Looks into what files without digests told: where a value is not of the kind that was written there, that is refused.

    Raises:
        PackageRefusal: in place of every error that comes of a missing name or of a value of another kind.
    """
    try:
        yield
    except Refusal:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        names = " or ".join(one.name for one in (path, *others))
        raise PackageRefusal(
            "FILE_NOT_UNDERSTOOD",
            f"{names} does not hold what was written there ({type(error).__name__}: {str(error)[:120]!a})",
            where=str(path.parent),
            why="a name is missing, or a value is of another kind",
            fix="restore the file from a good copy; if nobody changed it, this is a defect of thalweg: please report it",
        ) from error


def append_line(path: Path, value: Any, *, durable: bool = True) -> int:
    """Adds one JSON line and returns the size of the file: what a checkpoint keeps for `cut_to`.

    A last line that a crash cut short, which readers leave out, goes first.

    Args:
        durable: it is on the disk then; else only `synced_size` makes sure of that, and a crash of the machine may take it.

    Raises:
        ResourceRefusal: the system refused; the line is taken back whole.
    """
    path, line = Path(path), render_json(value) + b"\n"
    with refusing(path, needed=len(line)):
        known = os.path.lexists(path)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            if not known:
                sync_folder(path.parent)
            whole = _whole_lines(descriptor)
            if whole < os.fstat(descriptor).st_size:
                os.ftruncate(descriptor, whole)
            return _appended(descriptor, line, durable=durable)
        finally:
            os.close(descriptor)


def _whole_lines(descriptor: int) -> int:
    """The size of an open file without a last line that has no end."""
    size = os.fstat(descriptor).st_size
    if not size or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    while size:
        start = max(0, size - BLOCK_BYTES)
        end = os.pread(descriptor, size - start, start).rfind(b"\n")
        if end >= 0:
            return start + end + 1
        size = start
    return 0


def synced_size(path: Path) -> int:
    """The size of a file once all of it is on the disk; 0 where there is none.

    Raises:
        ResourceRefusal: the system refused.
    """
    if not path.exists():
        return 0
    with refusing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.fsync(descriptor)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)


def append_text(path: Path, text: str) -> None:
    """Adds whole lines of text, durably; a last line that a crash cut short is ended first, so that none is run together.

    Raises:
        ResourceRefusal: the system refused; what was written of it is taken back.
    """
    data = text.encode("utf-8", "backslashreplace")
    with refusing(Path(path), needed=len(data)):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            _appended(descriptor, b"\n" + data if cut else data)
        finally:
            os.close(descriptor)


def _appended(descriptor: int, line: bytes, *, durable: bool = True) -> int:
    before = os.fstat(descriptor).st_size
    try:
        write_all(descriptor, line)
        if durable:
            os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, before)
        raise
    return before + len(line)


def read_lines(path: Path, *, where: str) -> list[dict[str, Any]]:
    """The objects in a file of JSON lines; a last line that a crash cut short is left out.

    Raises:
        PackageRefusal: a whole line that is no JSON object.
    """
    whole = read_limited(Path(path), limit=LIMIT_JSON_BYTES).split(b"\n")[:-1]
    places = [(line, f"{where}:{number}") for number, line in enumerate(whole, 1)]
    return [_object(parse_json(line, where=place), place) for line, place in places]


def cut_to(path: Path, byte_offset: int) -> None:
    """Drops what was appended after a checkpoint was taken; a missing file has offset 0.

    Raises:
        PackageRefusal: the file is shorter than the checkpoint says: lines were lost.
    """
    path = Path(path)
    size = path.stat().st_size if path.exists() else 0
    if size < byte_offset:
        raise PackageRefusal(
            "FILE_TOO_SHORT",
            f"{path.name} has {size} bytes; the checkpoint was taken at {byte_offset}",
            where=str(path),
            why="lines that were written are lost",
            fix="restore the file, or start afresh under a new name",
        )
    if size > byte_offset:
        with refusing(path):
            _truncate(path, byte_offset)


def _truncate(path: Path, size: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_folder(
    path: Path,
    files: Mapping[str, bytes],
    *,
    format: str,  # noqa: A002 - the manifest's own word
    version: int,
    stamp: Mapping[str, Any] | None = None,
    parents: bool = True,
) -> Manifest:
    """Commits a folder of files with a manifest of their digests, whole or not at all.

    Args:
        files: relative names, `/` between parts, and contents.
        format: what kind of folder it is, such as `thalweg.package`.
        version: of that format; a reader that knows only lower ones refuses.
        stamp: facts that belong to the whole, JSON-able.
        parents: folders above the one that holds it are made where they are missing; else that is refused.

    Raises:
        ResourceRefusal: the system refused; the old folder stands where it stood.
        UsageRefusal: something at the path was not written by thalweg; it is not touched.
        ValueError: a name that could leave the folder, or a stamp that JSON cannot hold.
    """
    path = Path(path)
    manifest = manifest_of(files, format=format, version=version, stamp=stamp)
    rendered = render_manifest(manifest)
    temporary = temporary_beside(path)
    with refusing(path, needed=sum(map(len, files.values())) + len(rendered)):
        if parents:
            make_folder(path.parent)
        elif not path.parent.is_dir():
            made(path.parent)
        end_replacement(path)
        _check_ours(path)
        try:
            discard(temporary)
            _fill(temporary, files, rendered)
            _swap(temporary, path)
        except BaseException:
            discard(temporary)
            raise
        sync_folder(path.parent)
        _drop(aside_of(path))
    return manifest


def _fill(folder: Path, files: Mapping[str, bytes], manifest: bytes) -> None:
    folder.mkdir()
    for name, data in files.items():
        if (folder / name).parent != folder:  # which may be moved away meanwhile, and is not made again
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_new(folder / name, data)
    inner = {parent for name in files for parent in (folder / name).parents if parent.is_relative_to(folder)}
    for one in sorted(inner | {folder}, reverse=True):
        sync_folder(one)
    write_new(folder / MANIFEST, manifest)
    sync_folder(folder)


def _swap(temporary: Path, path: Path) -> None:
    replaced = os.path.lexists(path)
    if replaced:
        os.rename(path, aside_of(path))
    try:
        os.rename(temporary, path)
    except BaseException:
        if replaced:
            with contextlib.suppress(OSError):  # readers find it aside, and the next write brings it back
                os.rename(aside_of(path), path)
        raise


def end_replacement(path: Path) -> None:
    """Ends a replacement that a crash cut short: the old folder comes back, or goes where the new one stands.

    Raises:
        ResourceRefusal: the system refused.
    """
    aside = aside_of(path)
    if not os.path.lexists(aside):
        return
    if os.path.lexists(path):
        _drop(aside)
        return
    with refusing(path):
        os.rename(aside, path)


def _drop(aside: Path) -> None:
    """Removes what was replaced."""
    with contextlib.suppress(Refusal, OSError):  # a failure harms nothing: the new folder stands, the next write tries again
        if os.path.lexists(aside) and not strangers(aside):
            _remove(aside)


def remove_folder(path: Path) -> None:
    """Removes a folder that thalweg wrote.

    Raises:
        UsageRefusal: it holds what thalweg did not write; nothing is removed.
        ResourceRefusal: the system refused.
    """
    path = Path(path)
    _check_ours(path)
    with refusing(path):
        _remove(path)


def _remove(path: Path) -> None:
    """Removes a folder, which first takes a temporary name, durably: so no half of it is ever found under its own."""
    temporary = temporary_beside(path)
    discard(temporary)
    os.rename(path, temporary)
    try:
        sync_folder(path.parent)
    finally:
        discard(temporary)


def set_aside(path: Path) -> Path:
    """Renames a damaged folder or file out of the way, to the first free `<name>.damaged-<n>`, and returns that path."""
    path = Path(path)
    number = 1
    while os.path.lexists(kept := path.with_name(f"{path.name}.damaged-{number}")):
        number += 1
    with refusing(path):
        os.rename(path, kept)
        sync_folder(path.parent)
    return kept


def _check_ours(path: Path) -> None:
    if not os.path.lexists(path):
        return
    foreign = [path.name] if path.is_symlink() or not path.is_dir() else strangers(path)
    if foreign:
        more = f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
        raise UsageRefusal(
            "FOLDER_FOREIGN",
            f"{shown(path.name)} holds what thalweg did not write: {', '.join(foreign[:5])}{more}",
            where=str(path),
            why="replacing it would lose those files",
            fix="choose another name, or move them away",
            details={"foreign": foreign},
        )


def _sweep_beside(path: Path) -> None:
    """Removes what killed processes of this machine left of the same file: nobody sweeps a folder of the user's whole."""
    begin = temporary_beside(path).name.rpartition(".tmp")[0]
    with contextlib.suppress(PermissionError):  # a folder that may be written into, and not listed
        for entry in list(path.parent.iterdir()):
            owner = temporary_owner(entry.name)
            if owner is not None and entry.name.rpartition(".tmp")[0] == begin and not is_alive(owner):
                discard(entry)


def sweep(folder: Path) -> list[Path]:
    """Removes temporary files and folders that dead processes of this machine, or an earlier life of this one, left behind."""
    swept = []
    for entry in sorted(Path(folder).iterdir()):
        owner = temporary_owner(entry.name)
        if owner is not None and (owner == os.getpid() or not is_alive(owner)):
            discard(entry)
            swept.append(entry)
    return swept


def is_alive(process: int) -> bool:
    """Whether a process of that number runs on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
