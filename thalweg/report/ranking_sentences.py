"""The sentences on how well classes are told apart over all thresholds, and on how sure the model may be."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.evaluation.figures import digits, written
from thalweg.report.sentences import calibrated

Found = Mapping[str, Any]
LEAST_POINTS = 0.05
"""Points below which 0.0 would be written."""


def area_words(area: Found, *, named: str = "") -> str:
    """An area with its interval: `0.911 (0.886 – 0.931)`.

    Args:
        named: stands before it, and its interval is named too.
    """
    value, low, high = area["value"], area.get("low"), area.get("high")
    if value is None:
        return "undefined"
    if low is None or high is None:
        return f"{named} {written(value, 3)}".strip()
    count = max(2, digits((high - low) / 2, percent=False))
    ends = f"{written(low, count)} – {written(high, count)}"
    return f"{named} {written(value, count)}, 95 % interval {ends}" if named else f"{written(value, count)} ({ends})"


def roc_said(classes: Sequence[Found], hardest: Found) -> str:
    """How well examples of a class rank before others."""
    name, area = hardest["class"], hardest["roc"]
    if area["value"] is None:
        return ""
    if len(classes) > 1:
        mean = sum(float(one["roc"]["value"] or 0.0) for one in classes) / len(classes)
        return (
            f"Hardest to tell from the rest is “{name}” ({area_words(area, named='area under ROC')}); "
            f"the mean over {len(classes)} classes is {written(mean, 3)}. Grey: the other classes."
        )
    many = _of_hundred(float(area["value"]))
    first = f"Of one “{name}” and one other it gives “{name}” the higher score in {many} cases"
    decides = hardest["decides"]
    second = (
        f" Where it decides, it finds {_percent(decides['found'])} of “{name}” and calls {_percent(decides['called_wrongly'])} "
        "of the others so."
        if decides["found"] and decides["called_wrongly"]
        else ""
    )
    return f"{first} ({area_words(area, named='area under ROC')}).{second}"


def precision_said(classes: Sequence[Found], hardest: Found) -> str:
    """How far one can rely on what is called a class."""
    name, precision, found = hardest["class"], hardest["decides"]["precision"], hardest["decides"]["found"]
    chance = written(hardest["n"] / hardest["of"], 3)
    area = f"{area_words(hardest['precision_recall'], named='average precision')}; by chance {chance}"
    if precision is None:
        return f"It never calls anything “{name}” ({area})."
    ends = f"{100 * precision['low']:.0f} – {100 * precision['high']:.0f}"
    grey = " Grey: the other classes." if len(classes) > 1 else ""
    right = f"Of those that it calls “{name}”, {_percent(precision)} are ({ends})"
    return f"{right}; so it finds {_percent(found)} of them ({area}).{grey}"


def perfect_said(classes: Sequence[Found]) -> str:
    """Where curves would be straight lines along the edges."""
    least = min(float(one["roc"]["value"]) for one in classes)
    which = f"each of the {len(classes)} classes" if len(classes) > 1 else f"“{classes[0]['class']}”"
    exactly = "1" if least == 1 else f"at least {written(least, 4)}"
    return f"Over all thresholds it tells {which} from the rest (area under ROC {exactly}): there is no curve to draw."


def bins_said(found: Found) -> str:
    """What the dots of the reliability diagram are."""
    what = f"“{found['class']}”" if found.get("class") is not None else "being right"
    return f"Predicted against observed share of {what}, with 95 % intervals; the larger a dot, the more examples."


def calibration_said(found: Found) -> list[str]:
    """Whether its confidence can be taken at its word, and how far off it is on average."""
    first, error = calibrated(found["bins"], found.get("class")), found.get("error") or {}
    if error.get("value") is None:
        return [first]
    apart = _apart(error, ends=True)
    return [first, f"{apart}; {_by_chance(error)}."]


def doubt(found: Found) -> str:
    """A sentence where its confidence cannot be taken at its word, more than chance explains; else empty."""
    error = found.get("error") or {}
    return f"{_apart(error, ends=False)}: {_by_chance(error)}" if _doubted(error) else ""


def _apart(error: Found, *, ends: bool) -> str:
    value, low, high = float(error["value"]), error.get("low"), error.get("high")
    there = ends and low is not None and high is not None and _told(high)
    lie = f", 95 % interval {written(100 * low, 1)} – {written(100 * high, 1)}" if there else ""  # type: ignore[operator]
    points = f"{written(100 * value, 1)} points" if _told(value) else "less than 0.1 points"
    return f"How sure it is and how often it is right lie {points} apart (calibration error{lie})"


def _by_chance(error: Found) -> str:
    chance = error.get("chance")
    if chance is None:
        return "0 would be perfect"
    up_to, points = _told(chance), f"{written(100 * chance, 1)} points"
    if not _doubted(error):
        shows = f"chance alone shows up to {points}" if up_to else "chance alone may show as much"
        return f"{shows} on so many examples, so nothing speaks against its word"
    shows = f"the {points} that chance shows" if up_to else "chance shows"
    return f"more than {shows} on so many examples, so its word is to be taken with care"


def _doubted(error: Found) -> bool:
    """Whether the gap is one that can be told, and more than chance shows."""
    value, chance = error.get("value"), error.get("chance")
    return value is not None and chance is not None and _told(value) and value > chance


def _told(share: float) -> bool:
    """Whether a share is more than nothing in points with one digit."""
    return 100 * share >= LEAST_POINTS


def _of_hundred(share: float) -> str:
    many = round(100 * share)
    return "nearly all" if many >= 100 else f"{many} of 100"


def _percent(found: Mapping[str, float]) -> str:
    return f"{100 * found['value']:.0f} %"
