"""Unfinished runs: which of them a repeated command goes on with, and what makes a command another one.

Two commands are the same where they ask for the same settings, however these are written down. What no weight depends on may
differ, and how steps are run is decided once, when a run begins.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from thalweg import __version__
from thalweg.core import files
from thalweg.core.errors import Refusal, UsageRefusal
from thalweg.core.redaction import redacted
from thalweg.core.run_folder import RunFolder
from thalweg.core.run_lock import Holding, holding
from thalweg.core.run_names import runs_of
from thalweg.training.own_code import digests_of_code
from thalweg.training.own_parts import OWN, own_of
from thalweg.training.requested import CHOSEN, PARTS, asked_before, run_settings
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Own

FREE = ("checkpoint_seconds", "checkpoint_steps", "checkpoints_kept", "compare", "doctor", "profile", "deterministic")
"""Settings that no weight depends on: they may be others when a run is resumed."""
HELD = ("speed",)
"""Settings of which holds what was decided when the run began."""
TOLD = ("threads", "device", "code")
"""What may be another where a run is named, and is told: settings that only rounding depends on, and code of the user's own."""
NAMED = 6
"""Differences that are told, at most."""


def unfinished_of(name: str, asked: RunSettings, own: Own, *, root: Path = Path("runs")) -> RunFolder | None:
    """The newest unfinished run of a name that was asked for in the same way and is in nobody's hands.

    None where there is none, or where a newer run that was asked for so has finished.

    Args:
        own: parts that were given as objects.
    """
    runs = [RunFolder(path) for path in runs_of(name, root)]
    states = {run.path: _state(run) for run in runs}
    if "unfinished" not in states.values():
        return None
    for run in runs:
        state = states[run.path]
        if state not in ("finished", "unfinished") or not _asked_alike(run, asked, own):
            continue
        if state == "finished":
            return None
        held = holding(run.path)
        if held is Holding.LEFT or (held is Holding.FREE and run.settings.is_file()):
            return run
    return None


def _state(run: RunFolder) -> str:
    try:
        return run.state()
    except Refusal:  # of a newer thalweg: not ours to go on with
        return "unknown"


def _asked_alike(run: RunFolder, asked: RunSettings, own: Own) -> bool:
    try:
        return not differences(run, asked, own)
    except Refusal:  # what it was asked for cannot be read
        return False


def differences(run: RunFolder, asked: RunSettings, own: Own, *, but: tuple[str, ...] = ()) -> list[str]:
    """What is asked for otherwise than when a run began, as `rule.epochs: 3 there, 9 now`; nothing before it began.

    Args:
        but: settings that may differ besides those that no weight depends on.

    Raises:
        Refusal: its settings cannot be read.
    """
    if not run.settings.is_file():
        return []
    written = asked_before(run.path)
    before = _flat(run_settings({key: value for key, value in written.items() if key != OWN}), but)
    now = _flat(asked, but)
    before |= {f"{sort}.own": name for sort, name in own_of(written).items()}
    now |= {f"{sort}.own": name for sort, name in own.names.items()}
    if "code" not in but:
        with files.understood(run.environment):
            before |= {f"{sort}.code": digest for sort, digest in _facts(run).get("code", {}).items()}
        now |= {f"{sort}.code": digest for sort, digest in digests_of_code(own).items()}
    return _told(before, now)


def refuse_other(run: RunFolder, asked: RunSettings, own: Own) -> None:
    """Raise where a run that is to be gone on with was asked for otherwise; threads and device may be others."""
    differing = differences(run, asked, own, but=TOLD)
    if differing:
        raise changed(run, "settings", differing)


def changed(run: RunFolder, what: str, differing: list[str], *, by: str = "") -> UsageRefusal:
    """That a run cannot be gone on with, since settings or data are others now.

    Args:
        what: "settings" or "data".
        differing: what of them, as far as that is known.
        by: the release of thalweg that wrote the checkpoint, where one was read.
    """
    more = f"; and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
    told = f": {'; '.join(differing[:NAMED])}{more}" if differing else ""
    again = f"go on as it was asked for: thalweg train --resume --out {run.path}"
    back = again if what == "settings" and differing else f"give back the {what} of {run.settings}"
    other = f"; or install thalweg {by}, which began it" if by not in ("", __version__) else ""
    return UsageRefusal(
        "RESUME_CHANGED",
        f"the {what} are not those of the run that is to be resumed{told}",
        where=str(run.path),
        why="the result would be neither the old run's nor the new one's",
        fix=f"{back}{other}; or start afresh under another --out, or in its place: --force",
        details={"differing": differing},
    )


def other_data(run: RunFolder, now: Mapping[str, Any]) -> list[str]:
    """In what data differ from those that a run began with, as far as its folder tells."""
    try:
        before = files.read_json(run.data, where=run.data.name)["fingerprint"]
    except (Refusal, KeyError, TypeError):
        return []
    sides = ({key: one for key, one in _leaves(facts) if key != "digest"} for facts in (before, now))
    return _told(*sides) or ["their values"]


def _facts(run: RunFolder) -> dict[str, Any]:
    """What a run began under."""
    return files.read_object(run.environment, where=run.environment.name) if run.environment.is_file() else {}


def _flat(settings: RunSettings, but: tuple[str, ...]) -> dict[str, Any]:
    """The settings that count, by their names as flags and files have them."""
    free = dict.fromkeys((*FREE, *HELD, *but, *CHOSEN), True) | {"data": {"cache": True}}
    return dict(_leaves(redacted(settings.model_dump(mode="json", exclude=free))))


def _leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON value
    """Each value that is no mapping, by its place; settings of a part stand beside its name, what is not said nowhere."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            inner = place if len(place) == 1 and place[0] in PARTS and key == "settings" else (*place, str(key))
            yield from _leaves(one, inner)
    elif value not in (None, "", [], {}):
        yield ".".join(place), value


def _told(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Each value that is another now."""
    return [
        f"{key}: {_short(before.get(key, 'not said'))} there, {_short(now.get(key, 'not said'))} now"
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key)
    ]


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
