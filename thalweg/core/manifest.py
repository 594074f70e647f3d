"""Folders with a manifest of digests: what was written is what is read, or nothing is read.

`manifest.json` is written last and names every file with its size and SHA-256, and carries a digest of itself. Opening a folder
checks all of it; each later read checks the digest of the very bytes it returns, so a file swapped in between is refused too.
"""

import builtins
import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thalweg import __version__
from thalweg.core.disk import digest_of, read_limited, read_within, refusing
from thalweg.core.errors import PackageRefusal, Refusal
from thalweg.core.printable import printable
from thalweg.core.strict_json import parse_json, render_json

if TYPE_CHECKING:
    from torch import Tensor

MANIFEST = "manifest.json"
LIMIT_MANIFEST_BYTES = 4 << 20
LIMIT_FILES = 10_000
LIMIT_NAME_BYTES, LIMIT_DEPTH = 200, 10

TOO_NEW = "PACKAGE_TOO_NEW"
_WRITER = re.compile(r"[0-9][0-9A-Za-z.+-]{0,40}")
_COPY_AGAIN = "copy it again from where it came, or use an older one"


@dataclass(frozen=True)
class Entry:
    """What the manifest says of one file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The verified list of a folder's files.

    Attributes:
        format: what kind of folder this is, such as `thalweg.package`.
        version: of that format, from 1.
        stamp: facts that belong to the whole (the step, the hash of the architecture).
        files: each file's relative name and entry.
        written_by: the release of thalweg that wrote it.
        notes: warnings for the user, such as a file that everybody may write.
    """

    format: str
    version: int
    stamp: Mapping[str, Any]
    files: Mapping[str, Entry]
    written_by: str = __version__
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Folder:
    """A folder that was verified; what is read from it is checked again, on the bytes that are returned."""

    path: Path
    manifest: Manifest

    def bytes(self, name: str) -> builtins.bytes:
        """The content of a listed file, its digest checked on these very bytes.

        Raises:
            PackageRefusal: the file is not listed, or changed since the folder was opened.
        """
        entry = self.manifest.files.get(name)
        if entry is None:
            listed = ", ".join(sorted(self.manifest.files)[:12])
            raise _damaged(
                self.path, [f"{shown(name)}: not in the manifest, which lists {listed}"], code="PACKAGE_FILE_MISSING"
            )
        data = read_limited(self.path / name, limit=entry.bytes)
        problem = _difference(name, entry, len(data), hashlib.sha256(data).hexdigest())
        if problem:
            raise _damaged(self.path, [problem])
        return data

    def json(self, name: str) -> Any:
        """The value of a listed JSON file, read strictly."""
        return parse_json(self.bytes(name), where=str(self.path / name))

    def tensors(self, name: str) -> "dict[str, Tensor]":
        """The tensors of a listed safetensors file, on the CPU; its header is checked before anything is allocated."""
        from thalweg.core.tensors import tensors_from_bytes  # torch is imported only where tensors are read

        return tensors_from_bytes(self.bytes(name), where=str(self.path / name))


def manifest_of(files: Mapping[str, bytes], *, format: str, version: int, stamp: Mapping[str, Any] | None) -> Manifest:  # noqa: A002 - the manifest's own word
    """The manifest of files that are about to be written.

    Raises:
        ValueError: a name that could leave the folder, or that some system cannot hold.
    """
    _check_names(files)
    entries = {name: Entry(len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()}
    return Manifest(format, version, dict(stamp or {}), entries)


def render_manifest(manifest: Manifest) -> bytes:
    """The one spelling of a manifest: sorted, indented, with the digest of the rest."""
    return _render({key: value for key, value in asdict(manifest).items() if key != "notes"})


def _render(body: Mapping[str, Any]) -> bytes:
    digest = hashlib.sha256(render_json(body, sort_keys=True)).hexdigest()
    return render_json({**body, "digest": digest}, indent=1, sort_keys=True) + b"\n"


def open_folder(path: Path, *, format: str, newest: int) -> Folder:  # noqa: A002 - the manifest's own word
    """A verified folder to read from. See `verify_folder` for what is refused; nothing is written beside it."""
    path = settled(Path(path))
    return Folder(path, verify_folder(path, format=format, newest=newest))


def verify_folder(path: Path, *, format: str, newest: int) -> Manifest:  # noqa: A002 - the manifest's own word
    """Checks every byte of a folder against its manifest.

    Args:
        format: the kind of folder that is wanted.
        newest: the highest version of that format that this release reads.

    Raises:
        PackageRefusal: a changed, missing, extra, swapped or renamed file; a link of any sort; a folder that nothing is
            listed in; the manifest missing or edited; another format; a newer version. All problems are named together.
    """
    path = settled(Path(path))
    manifest = read_manifest(path)
    _check_kind(path, manifest, format, newest)
    found = survey(path)
    problems = found.problems + _listing_problems(manifest, found)
    for name in sorted(manifest.files.keys() & found.files.keys()):
        entry = manifest.files[name]
        size, digest = (
            digest_of(path / name, limit=entry.bytes) if found.files[name] == entry.bytes else (found.files[name], "")
        )
        problem = _difference(name, entry, size, digest)
        if problem:
            problems.append(problem + _belongs_to(digest, manifest))
    if problems:
        raise _damaged(path, problems)
    return replace(manifest, notes=tuple(found.notes))


def settled(path: Path) -> Path:
    """The folder itself, or the one moved aside when a crash fell between the two renames of a replacement."""
    aside = aside_of(path)
    return aside if not os.path.lexists(path) and aside.is_dir() else path


def aside_of(path: Path) -> Path:
    """Where an existing folder waits while its replacement takes its name."""
    return path.with_name(f".{path.name}.replaced")


def read_manifest(path: Path) -> Manifest:
    """The manifest of a folder, checked against its own digest and spelling; the files are not looked at.

    Raises:
        PackageRefusal: the folder or the manifest is missing, a link, or was edited.
    """
    if path.is_symlink():
        raise _refused("PACKAGE_HAS_LINKS", f"{path.name} is a link", path, "links are not followed", "give the folder itself")
    if not path.is_dir():
        what = f"{path.name} is no folder" if path.exists() else f"{path.name} does not exist"
        raise _refused("PACKAGE_MISSING", what, path, "a package is a folder with a manifest", "check the path")
    if not os.path.lexists(path / MANIFEST):
        what = f"{MANIFEST} is missing: the folder is incomplete or was not written by thalweg"
        raise _refused("PACKAGE_MANIFEST_MISSING", what, path, "without it no file can be checked", _COPY_AGAIN)
    data = read_within(path, MANIFEST, limit=LIMIT_MANIFEST_BYTES)
    if data.count(b"{") + data.count(b"[") > 2 * LIMIT_FILES + 1000:  # counted before parsing: it would fill the memory
        raise _damaged(path, [f"{MANIFEST}: it lists more than the {LIMIT_FILES} files that a package may hold"])
    try:
        body = parse_json(data, where=MANIFEST)
    except PackageRefusal as refusal:
        raise _damaged(path, [f"{refusal.where}: {refusal.what}"]) from None
    if not isinstance(body, dict) or _render({key: value for key, value in body.items() if key != "digest"}) != data:
        raise _damaged(path, [f"{MANIFEST}: it was edited or damaged (its digest or spelling does not hold)"])
    return _manifest_from(body, path)


def _manifest_from(body: Mapping[str, Any], path: Path) -> Manifest:
    try:
        _check_types(body)
        files = {name: Entry(facts["bytes"], facts["sha256"]) for name, facts in body["files"].items()}
        _check_names(files)
    except KeyError as error:
        raise _damaged(path, [f"{MANIFEST}: {error} is missing"]) from None
    except ValueError as error:
        raise _damaged(path, [f"{MANIFEST}: {error}"]) from None
    return Manifest(body["format"], body["version"], body["stamp"], files, str(body["written_by"]))


def _check_types(body: Mapping[str, Any]) -> None:
    if not (isinstance(body["format"], str) and _is_count(body["version"]) and isinstance(body["stamp"], dict)):
        raise ValueError("the format, version or stamp has the wrong type")
    if not (isinstance(body["files"], dict) and all(isinstance(facts, dict) for facts in body["files"].values())):
        raise ValueError("the files have the wrong type")
    if not all(_is_count(facts["bytes"]) and isinstance(facts["sha256"], str) for facts in body["files"].values()):
        raise ValueError("the size or digest of a file has the wrong type")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _check_kind(path: Path, manifest: Manifest, wanted: str, newest: int) -> None:
    if manifest.format != wanted:
        what = f"this is a {shown(manifest.format)}, not a {wanted}"
        raise _refused("PACKAGE_WRONG_FORMAT", what, path, "each kind of folder is read by its own verb", f"give a {wanted}")
    if manifest.version > newest:
        raise too_new(wanted, manifest.version, newest=newest, writer=manifest.written_by, where=path)


def too_new(what: str, version: int, *, newest: int, writer: object, where: Path) -> PackageRefusal:
    """The refusal, ready to raise, of what a later release wrote.

    Args:
        newest: the version that this release knows.
        writer: the release, as what is read says it.
    """
    release = writer if isinstance(writer, str) and _WRITER.fullmatch(writer) else "the release that wrote it"
    told = f"{what} of version {version}; thalweg {__version__} reads up to version {newest}"
    fix = f"install thalweg {release} or newer: pip install --upgrade thalweg"
    return _refused(TOO_NEW, told, where, "a guess at unknown parts would misread it", fix)


@dataclass
class Survey:
    """What stands in a folder: sizes of its regular files, its inner folders, and what should not be there."""

    files: dict[str, int] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def survey(path: Path) -> Survey:
    """Lists a folder without following any link; the manifest itself is not among the files.

    Raises:
        PackageRefusal: the folder cannot be listed, or holds more than a package may.
    """
    found, waiting = Survey(), [""]
    try:
        while waiting:
            inside = waiting.pop()
            with os.scandir(path / inside) as entries:
                for entry in entries:
                    _note(found, waiting, f"{inside}{entry.name}", entry.stat(follow_symlinks=False))
    except OSError as error:
        raise _damaged(path, [f"the folder cannot be listed: {error.strerror}"]) from error
    return found


def _note(found: Survey, waiting: list[str], name: str, facts: os.stat_result) -> None:
    if stat.S_ISDIR(facts.st_mode):
        found.folders.append(name)
        if name.count("/") < LIMIT_DEPTH and len(found.folders) < LIMIT_FILES:
            waiting.append(f"{name}/")
    elif not stat.S_ISREG(facts.st_mode):
        found.problems.append(f"{shown(name)}: {'a link' if stat.S_ISLNK(facts.st_mode) else 'no regular file'}")
    elif facts.st_nlink > 1:
        found.problems.append(f"{shown(name)}: a hard link, so it can be changed from outside; copy the folder")
    elif name != MANIFEST:
        found.files[name] = facts.st_size
    if facts.st_mode & stat.S_IWOTH and not stat.S_ISLNK(facts.st_mode):
        found.notes.append(f"{shown(name)} may be written by everybody on this machine (chmod o-w)")


def _listing_problems(manifest: Manifest, found: Survey) -> list[str]:
    listed = manifest.files.keys()
    problems = [f"{shown(name)}: missing" for name in sorted(listed - found.files.keys())]
    problems += [f"{shown(name)}: not in the manifest" for name in sorted(found.files.keys() - listed)]
    wanted = {str(parent) for name in listed for parent in Path(name).parents}
    return problems + [f"{shown(name)}/: a folder that is not in the manifest" for name in sorted(set(found.folders) - wanted)]


def strangers(path: Path) -> list[str]:
    """What in a folder its manifest does not name; a damaged manifest makes everything a stranger.

    Raises:
        ResourceRefusal: the system does not let us look, which says nothing of whose the files are.
    """
    with refusing(path):
        try:
            found = survey(path)
            manifest = read_manifest(path) if os.path.lexists(path / MANIFEST) else None
        except Refusal as refusal:
            if isinstance(refusal.__cause__, OSError) and refusal.__cause__.errno != errno.ELOOP:
                raise refusal.__cause__ from None
            return sorted(entry.name for entry in path.iterdir())
    listed = manifest.files.keys() if manifest else ()
    wanted = {str(parent) for name in listed for parent in Path(name).parents}
    unknown = (found.files.keys() - listed) | (set(found.folders) - wanted)
    return sorted([*unknown, *(problem.split(":")[0] for problem in found.problems)])


def _difference(name: str, entry: Entry, size: int, digest: str) -> str:
    if size != entry.bytes:
        return f"{shown(name)}: expected {entry.bytes} bytes, got {size}"
    if digest != entry.sha256:
        return f"{shown(name)}: expected sha256 {entry.sha256[:16]}, got {digest[:16]}"
    return ""


def _belongs_to(digest: str, manifest: Manifest) -> str:
    owner = next((name for name, entry in manifest.files.items() if entry.sha256 == digest), None)
    return f" (the content of {owner})" if owner else ""


def _check_names(names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        reason = _unfit(name)
        if reason:
            raise ValueError(f"{shown(name)} cannot name a file of a package: {reason}")
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise ValueError(f"{shown(name)} and {shown(other)} are one file where case does not count")
    if len(seen) > LIMIT_FILES:
        raise ValueError(f"{len(seen)} files; a package holds at most {LIMIT_FILES}")


def _unfit(name: str) -> str:
    parts = name.split("/")
    if any(part in ("", ".", "..") or part != part.strip() or part.endswith(".") for part in parts):
        return "a part of it is empty, made of dots, or ends in a dot or space"
    if any(character in '\\:*?"<>|' or not character.isprintable() for character in name):
        return 'it has one of \\ : * ? " < > | or an unprintable character'
    if name.casefold() == MANIFEST or unicodedata.normalize("NFC", name) != name:
        return "the name is taken, or its accents are not composed (NFC)"
    if len(parts) > LIMIT_DEPTH or any(len(part.encode()) > LIMIT_NAME_BYTES for part in parts):
        return f"more than {LIMIT_DEPTH} deep or {LIMIT_NAME_BYTES} bytes in a part"
    return ""


def shown(name: str) -> str:
    """A name out of a file, made harmless for a terminal."""
    return printable(name, most=200)


def _damaged(path: Path, problems: list[str], *, code: str = "PACKAGE_DAMAGED") -> PackageRefusal:
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    return PackageRefusal(
        code,
        "; ".join(problems[:5]) + more,
        where=str(path),
        why="a damaged or altered file is never loaded",
        fix=_COPY_AGAIN,
        details={"problems": problems},
    )


def _refused(code: str, what: str, path: Path, why: str, fix: str) -> PackageRefusal:
    return PackageRefusal(code, what, where=str(path), why=why, fix=fix)
