"""The text of a `.ts` file of the UCR and UEA archives: a header of @-lines, then a series a line, channels between colons.

```
# a comment
@problemName Waves
@classLabel true up down
@data
1.0,2.0,?:0.5,0.4,0.3:up
```

Reference: Löning et al. 2019, arXiv:1909.07872; the format of timeseriesclassification.com.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown

MISSING = ("?", "nan", "")
YES, NO = "true", "false"


@dataclass
class SeriesText:
    """What a file holds.

    Attributes:
        rows: series (T, C); where a value was missing it lies on the line between its neighbours.
        labels: one for each row; empty where the header says that there are none.
        numeric: labels are numbers to predict.
        filled: rows in which values were missing.
    """

    rows: list[np.ndarray] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    numeric: bool = False
    filled: list[int] = field(default_factory=list)


def read_series_text(text: str, path: Path) -> SeriesText:
    """The series and labels of a file's text.

    Raises:
        DataRefusal: there is no @data line, times stand beside the values, or lines are no series; all of those at once.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line and line[0] not in "#%"]
    begun = next((place for place, (_, line) in enumerate(lines) if line.casefold() == "@data"), None)
    if begun is None:
        raise _not_a_series(path, "it has no line @data", "its series stand after that line")
    header = _header(lines[:begun])
    _refuse_times(header, path)
    found = SeriesText(numeric=header.get("targetlabel", [NO])[0] == YES)
    wrong: dict[int, str] = {}
    for number, line in lines[begun + 1 :]:
        try:
            _take(line, header, found)
        except ValueError as error:
            wrong[number] = str(error)
    if wrong:
        raise _bad_lines(path, wrong)
    if not found.rows:
        raise _not_a_series(path, "no line stands after @data", "there is nothing to learn from")
    return found


def _header(lines: list[tuple[int, str]]) -> dict[str, list[str]]:
    """The words after each @-name, both in small letters but for the labels."""
    named = [line[1:].split() for _, line in lines if line.startswith("@")]
    return {words[0].casefold(): [_plain(word) for word in words[1:]] for words in named if words}


def _plain(word: str) -> str:
    return word.casefold() if word.casefold() in (YES, NO) else word


def _refuse_times(header: Mapping[str, list[str]], path: Path) -> None:
    if header.get("timestamps", [NO])[:1] == [YES]:
        raise _not_a_series(path, "its values come with time stamps", "steps are taken to be evenly apart")


def _take(line: str, header: Mapping[str, list[str]], found: SeriesText) -> None:
    """Add a line's series and label to what was found.

    Raises:
        ValueError: what is wrong with the line.
    """
    parts = line.split(":")
    classes = header.get("classlabel", [NO])
    labelled = classes[:1] == [YES] or found.numeric
    label = parts.pop().strip() if labelled else ""
    if labelled and not label:
        raise ValueError("it has no label after its last colon")
    if classes[1:] and label not in classes[1:]:
        raise ValueError(f"its label {shown(label)} is none of those in @classLabel")
    if found.numeric:
        _number(label)
    channels = [_channel(part) for part in parts if part.strip()]
    usual = found.rows[0].shape[1] if found.rows else _stated(header, len(channels))
    if len(channels) != usual:
        raise ValueError(f"it has {len(channels)} channels, {usual} are usual")
    if len({len(channel) for channel in channels}) != 1:
        raise ValueError("its channels differ in length: " + ", ".join(str(len(channel)) for channel in channels[:6]))
    series = np.stack(channels, axis=1) if channels else np.zeros((0, 0))
    if not series.size:
        raise ValueError("it has no values")
    if np.isnan(series).any():
        found.filled.append(len(found.rows))
    found.rows.append(_filled(series))
    found.labels += [label] if labelled else []


def _stated(header: Mapping[str, list[str]], there: int) -> int:
    """How many channels a row has by the header, else as many as the first one has."""
    if header.get("univariate", [NO])[:1] == [YES]:
        return 1
    stated = header.get("dimensions", header.get("dimension", []))[:1]
    return int(stated[0]) if stated and stated[0].isdigit() else there


def _channel(part: str) -> np.ndarray:
    return np.asarray([_number(word.strip()) for word in part.split(",")], dtype=np.float64)


def _number(word: str) -> float:
    if word.casefold() in MISSING:
        return math.nan
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{shown(word)} is no number") from None
    if math.isinf(value):
        raise ValueError(f"{shown(word)} is not finite")
    return value


def _filled(series: np.ndarray) -> np.ndarray:
    """The series (T, C) with straight lines over its gaps, and its ends held.

    Raises:
        ValueError: a channel holds no value at all.
    """
    steps = np.arange(len(series))
    answer = series.copy()
    for index, channel in enumerate(series.T):
        there = ~np.isnan(channel)
        if not there.any():
            raise ValueError(f"channel {index + 1} holds no value")
        answer[:, index] = np.interp(steps, steps[there], channel[there])
    return answer


def _bad_lines(path: Path, wrong: Mapping[int, str]) -> DataRefusal:
    listed = "; ".join(f"line {number:,}: {why}" for number, why in list(wrong.items())[:5])
    more = f"; and {len(wrong) - 5:,} more" if len(wrong) > 5 else ""
    return DataRefusal(
        "DATA_BAD_LINES",
        f"{len(wrong):,} line{'' if len(wrong) == 1 else 's'} of {shown(path.name)} cannot be read: {listed}{more}",
        where=shown(path),
        why="each must be channels of numbers between colons, and the label last",
        fix="correct or leave out these lines",
        details={"lines": dict(list(wrong.items())[:1000])},
    )


def _not_a_series(path: Path, what: str, why: str) -> DataRefusal:
    return DataRefusal(
        "DATA_NOT_A_SERIES_FILE",
        f"{shown(path.name)} cannot be read as series: {what}",
        where=shown(path),
        why=why,
        fix="give a .ts file as the UCR and UEA archives have them, or a table or .npz of series",
    )
