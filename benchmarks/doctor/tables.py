"""The trials as tables: what was named of each fault, and what was alarmed in healthy trainings."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from benchmarks.doctor.trials import Trial


def interval(held: int, tried: int) -> str:
    """Wilson's 95 % interval of a share, in per cent."""
    if not tried:
        return ""
    z, share = 1.96, held / tried
    middle = (share + z * z / (2 * tried)) / (1 + z * z / tried)
    half = z / (1 + z * z / tried) * math.sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried))
    return f"{100 * max(0, middle - half):.0f}-{100 * min(1, middle + half):.0f} %"


def of_faults(trials: Iterable[Trial]) -> str:
    """One row for each fault: plantings that are there, those named first, alone, and what was said instead."""
    groups: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.fault:
            groups[trial.fault].append(trial)
    lines = [
        "| fault | nets | planted | there | hurts | named first | alone | said instead |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for fault in sorted(groups):
        planted = groups[fault]
        there = [trial for trial in planted if trial.there]
        right, alone = sum(trial.right for trial in there), sum(trial.alone for trial in there)
        nets = len({trial.subject for trial in there})
        hurts = sum(bool(trial.evidence) for trial in there)
        lines.append(f"| {fault} | {nets} | {len(planted)} | {len(there)} | {hurts} | {right} | {alone} | {_instead(there)} |")
    there = [trial for trials in groups.values() for trial in trials if trial.there]
    right, alone = sum(trial.right for trial in there), sum(trial.alone for trial in there)
    named = sum(_share(groups[fault]) >= 0.9 for fault in groups)
    lines.append(
        f"| all | | {sum(map(len, groups.values()))} | {len(there)} | | {right} ({interval(right, len(there))}) | {alone} | |"
    )
    return "\n".join([*lines, "", f"Faults of whose plantings nine tenths are named first: {named} of {len(groups)}."])


def _share(planted: Sequence[Trial]) -> float:
    there = [trial for trial in planted if trial.there]
    return sum(trial.right for trial in there) / max(1, len(there))


def _instead(there: Sequence[Trial]) -> str:
    wrong = [f"{trial.named[0] if trial.named else 'nothing'} ({trial.subject})" for trial in there if not trial.right]
    return "; ".join(f"{one} x {wrong.count(one)}" if wrong.count(one) > 1 else one for one in dict.fromkeys(wrong))


def of_health(trials: Iterable[Trial]) -> str:
    """How many healthy trainings were alarmed at, and at what."""
    healthy = [trial for trial in trials if not trial.fault]
    well = [trial for trial in healthy if trial.there]
    alarmed = [trial for trial in well if trial.named]
    kinds = len({trial.subject for trial in well})
    lines = [
        f"Healthy trainings: {len(well)} of {kinds} kinds ({len(healthy) - len(well)} more did not learn and are not counted); "
        f"alarms in {len(alarmed)} ({interval(len(alarmed), len(well))})."
    ]
    lines += [f"- {one.subject}, seed {one.seed}: {', '.join(one.named)} ({one.evidence}): {one.sentences}" for one in alarmed]
    lines += [
        f"- not well: {one.subject}, seed {one.seed}: {one.evidence}; {', '.join(one.named)}"
        for one in healthy
        if not one.there
    ]
    return "\n".join(lines)


def missed(trials: Iterable[Trial]) -> str:
    """Each planting that is there and was not named first."""
    wrong = [one for one in trials if one.fault and one.there and not one.right]
    return "\n".join(
        f"- {one.fault} ({one.way}) on {one.subject}, seed {one.seed}: {', '.join(one.named) or 'nothing'}; {one.evidence}"
        for one in wrong
    )
