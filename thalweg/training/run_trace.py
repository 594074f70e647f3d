"""The trace of a run as its folder keeps it, and what the doctor finds in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thalweg.core import files
from thalweg.core.run_folder import RunFolder
from thalweg.doctor.judge import judged
from thalweg.doctor.lines import AnyLine, Waiting
from thalweg.doctor.trace import Trace, read_trace
from thalweg.training.profile_clock import AUGMENT, INPUT


@dataclass(frozen=True)
class Traced:
    """What a run's trace came to.

    Attributes:
        looked_into: steps whose layers were read; where there are none, little can be found.
        findings: of the doctor, stage by stage, the gravest first.
    """

    looked_into: int
    findings: Sequence[dict[str, Any]]


def lines_of(folder: RunFolder, stage: int) -> list[AnyLine]:
    """The lines of a stage.

    Raises:
        PackageRefusal: they are none of a trace.
    """
    return _of_stage(_values(folder), stage, folder)


def traced(folder: RunFolder, results: Mapping[str, Any]) -> Traced:
    """What the doctor finds in a run's trace.

    Args:
        results: of the run; its profile says how long steps waited for their batches.

    Raises:
        PackageRefusal: the trace is damaged.
    """
    values = _values(folder)
    numbers = [one.get("stage") for one in values]
    stages = sorted({number for number in numbers if isinstance(number, int)})
    looked_into, found = 0, list[dict[str, Any]]()
    for number in stages:
        trace = Trace.of([*_of_stage(values, number, folder), *_waiting(results.get("profile"), number)])
        looked_into += sum(bool(one.layers) for one in trace.samples)
        several = f"stage {number + 1} of {len(stages)}, " if len(stages) > 1 else ""
        found += [one | {"where": several + one["where"]} for one in judged(trace, ours=True)]
    return Traced(looked_into, found)


def _values(folder: RunFolder) -> list[dict[str, Any]]:
    return files.read_lines(folder.trace, where=str(folder.trace)) if folder.trace.exists() else []


def _of_stage(values: Sequence[Mapping[str, Any]], stage: int, folder: RunFolder) -> list[AnyLine]:
    return read_trace([one for one in values if one.get("stage") == stage], where=str(folder.trace))


def _waiting(profile: Any, stage: int) -> list[AnyLine]:  # noqa: ANN401 - any JSON value
    if not isinstance(profile, Mapping) or profile.get("stage") != stage:
        return []
    parts = [one for one in profile.get("parts") or () if isinstance(one, Mapping) and one.get("name") in (INPUT, AUGMENT)]
    share, milliseconds = (sum(float(one.get(key) or 0) for one in parts) for key in ("share", "milliseconds"))
    return [Waiting(share=share, seconds=milliseconds / 1000)]
