"""Where a run may stand: paths that can hold one, with room for it, and the next name that is free."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from thalweg.core.disk import discard, make_folder, refusing, temporary_beside, write_new
from thalweg.core.errors import Refusal, ResourceRefusal, UsageRefusal
from thalweg.core.manifest import shown

PROBE_BYTES = 1 << 16


def refuse_path(path: Path, inputs: Path | None, *, may_exist: bool = False) -> None:
    """Return if a path can be that of a run.

    Args:
        inputs: the data's folder, which the run may not lie in.
        may_exist: another name is looked for where it does.

    Raises:
        UsageRefusal: it is a file, lies inside the data, or has a name that is easily lost.
    """
    if "\0" in str(path):
        raise unfit("RUN_PATH_INVALID", path, "the path holds a zero byte", "no system can hold it", "leave it out")
    if path.name != path.name.strip():
        what = f"the name {path.name!a} begins or ends with a space"
        raise unfit("RUN_PATH_INVALID", path, what, "it is easily lost", "leave the space out")
    if not may_exist and os.path.lexists(path) and not path.is_dir():
        fix = f"choose another: --out {next_free(path)}"
        raise unfit("RUN_PATH_IS_FILE", path, f"{shown(path.name)} is a file", "a run needs a folder", fix)
    if inputs is not None and inputs.is_dir() and path.resolve().is_relative_to(inputs.resolve()):
        why = "its files would be taken for data by the next run"
        raise unfit(
            "RUN_PATH_INSIDE_DATA",
            path,
            f"{shown(str(path))} lies inside the data {shown(str(inputs))}",
            why,
            "choose an --out elsewhere",
        )


def refuse_unwritable(path: Path) -> None:
    """Writes and removes a small file, before hours are spent on a run that cannot be saved.

    Raises:
        ResourceRefusal: the system refused; a folder that was made for it is gone again.
    """
    missing, tried = not os.path.lexists(path), temporary_beside(path / "probe")
    try:
        with refusing(path, needed=PROBE_BYTES):
            make_folder(path)
            discard(tried)  # of a killed process that had our number
            try:
                write_new(tried, bytes(PROBE_BYTES))
            finally:
                discard(tried)
    except Refusal:
        if missing:
            remove_empty(path)
        raise


def refuse_little_room(path: Path, needed: int, *, going: Iterable[Path] = ()) -> None:
    """Return where the disk under a run's folder has room for what the run will write.

    Args:
        needed: bytes, as far as known.
        going: files and folders of a former run, which give way before anything is written.

    Raises:
        ResourceRefusal: it has not; both figures are told.
    """
    with refusing(path):
        free = shutil.disk_usage(path).free
        if free < needed:
            free += sum(one.lstat().st_size for entry in going for one in (entry, *entry.rglob("*")))
    if free < needed:
        raise _too_little_room(path, needed, free)


def _too_little_room(path: Path, needed: int, free: int) -> ResourceRefusal:
    what = f"the run needs about {needed / 1e6:,.1f} MB, {free / 1e6:,.1f} MB are free"
    fix = "free space, choose another --out, or keep fewer checkpoints: --set checkpoints_kept=1"
    why = "training would be lost where it fills up"
    details = {"needed_bytes": needed, "free_bytes": free}
    return ResourceRefusal("DISK_FULL", what, where=str(path), why=why, fix=fix, details=details)


def remove_empty(path: Path) -> None:
    """Remove a folder in which nothing is."""
    try:
        path.rmdir()
    except OSError:
        return


def next_free(path: Path) -> Path:
    """The first of `<name>-2`, `<name>-3`, ... that is free."""
    number = 2
    while os.path.lexists(free := path.with_name(f"{path.name}-{number}")):
        number += 1
    return free


def gone(path: Path, now: Path | None, command: str = "thalweg train --resume --out {}") -> ResourceRefusal:
    """The refusal to write on in a folder that is no longer the run's.

    Args:
        now: where the run stands now, if that is known.
        command: what goes on there; `{}` stands for the folder.
    """
    stands = f"what stands there as {shown(path.name)} is not it" if os.path.lexists(path) else "nothing stands there now"
    what = f"the folder of this run was renamed, removed or replaced while it was written; {stands}"
    again = command.replace("{}", str(now or "NEW-PATH"), 1)
    moved = f"it stands in {shown(str(now))}: {again}" if now else f"if it was renamed: {again}"
    why = "what is written apart from its run could not be gone on with; what was saved there is whole"
    return ResourceRefusal("RUN_FOLDER_GONE", what, where=str(path), why=why, fix=f"{moved}; else repeat the command")


def unfit(code: str, path: Path, what: str, why: str, fix: str) -> UsageRefusal:
    """A refusal of a path."""
    return UsageRefusal(code, what, where=str(path), why=why, fix=fix)
