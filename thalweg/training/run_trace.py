"""The trace of a run as its folder keeps it, and what the doctor finds in it."""

from collections.abc import Mapping
from typing import Any

from thalweg.core import files
from thalweg.core.run_folder import RunFolder
from thalweg.doctor.judge import judged
from thalweg.doctor.lines import AnyLine, Waiting
from thalweg.doctor.trace import Trace, read_trace
from thalweg.training.profile_clock import AUGMENT, INPUT


def lines_of(folder: RunFolder, stage: int) -> list[AnyLine]:
    """The lines of a stage.

    Raises:
        PackageRefusal: they are none of a trace.
    """
    where = str(folder.trace)
    values = files.read_lines(folder.trace, where=where) if folder.trace.exists() else []
    return read_trace([one for one in values if one.get("stage") == stage], where=where)


def findings_of(folder: RunFolder, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the doctor finds in a run's trace, stage by stage, the gravest first.

    Args:
        results: of the run; its profile says how long steps waited for their batches.

    Raises:
        PackageRefusal: the trace is damaged.
    """
    values = files.read_lines(folder.trace, where=str(folder.trace)) if folder.trace.exists() else []
    numbers = [one.get("stage") for one in values]
    stages = sorted({number for number in numbers if isinstance(number, int)})
    found = []
    for number in stages:
        lines = [*lines_of(folder, number), *_waiting(results.get("profile"), number)]
        several = f"stage {number + 1} of {len(stages)}, " if len(stages) > 1 else ""
        found += [one | {"where": several + one["where"]} for one in judged(Trace.of(lines), ours=True)]
    return found


def _waiting(profile: Any, stage: int) -> list[AnyLine]:  # noqa: ANN401 - any JSON value
    if not isinstance(profile, Mapping) or profile.get("stage") != stage:
        return []
    parts = [one for one in profile.get("parts") or () if isinstance(one, Mapping) and one.get("name") in (INPUT, AUGMENT)]
    share, milliseconds = (sum(float(one.get(key) or 0) for one in parts) for key in ("share", "milliseconds"))
    return [Waiting(share=share, seconds=milliseconds / 1000)]
