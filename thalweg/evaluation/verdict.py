"""The verdict: better, equivalent, worse, or not enough data and how much would do; from one interval and one margin."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from thalweg.evaluation.figures import Unit
from thalweg.evaluation.looks import looked
from thalweg.evaluation.paired import EXAMPLES, Difference

TRIVIAL = "trivial"
"""The name of the baseline that needs no data but the answers: the majority, the mean, random play."""
BETTER, EQUIVALENT, WORSE, UNKNOWN = "better", "equivalent", "worse", "not enough data"
MILLION = 1_000_000


@dataclass(frozen=True)
class Verdict:
    """What the comparison comes to.

    Attributes:
        word: better, equivalent, worse or not enough data; None where nothing could be compared.
        opponent: name of the baseline that promised most before the test part was read.
        difference: net − opponent, positive where the net is ahead, whatever the metric.
        margin: difference that counts as none.
        ahead: net, opponent or neither, by the interval alone.
        needed: test examples that would settle it; None where it is settled, or none would.
        needed_if_real: the same if the difference is as large as it looks; None where that is not less.
        look: how often this test part has been looked at.
        reason: why the word was forced, or why there is none.
    """

    word: str | None
    sentence: str
    opponent: str | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    ahead: str | None = None
    p: float | None = None
    mid_p: float | None = None
    needed: int | None = None
    needed_if_real: int | None = None
    look: int = 1
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """The verdict as JSON values."""
        return {key: _finite(value) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Contest:
    """Two models on one test part, for the sentence.

    Attributes:
        unit: what both are judged by.
        net: the net's value.
        opponent: the opponent's value.
        name: the opponent's name as a part.
        title: the opponent as people call it.
        margin: difference that counts as none.
        chosen: how it came to be the opponent, in words; empty where there was no choice.
        ours: the net as people call it.
        simpler: the opponent is known to be the simpler of both.
        whole: all examples were judged, so that there is no test part.
        robust: what is said where a few examples decide: both models by a metric that these move less.
    """

    unit: Unit
    net: float
    opponent: float
    name: str
    title: str
    margin: float
    chosen: str = ""
    ours: str = "the net"
    simpler: bool = True
    whole: bool = False
    robust: str = ""

    @property
    def introduced(self) -> str:
        """The opponent where it is first spoken of."""
        return f"{self.title} ({self.chosen})" if self.chosen else self.title


def word_of(low: float, high: float, margin: float) -> str:
    """The word for an interval of net − opponent; the first that fits."""
    if -margin < low and high < margin:
        return EQUIVALENT
    if low > 0:
        return BETTER
    return WORSE if high < 0 else UNKNOWN


def ahead_of(low: float, high: float) -> str:
    """Who is ahead, by the interval alone."""
    if low > 0:
        return "net"
    return "opponent" if high < 0 else "neither"


def needed(low: float, high: float, *, margin: float, n: int) -> int | None:
    """Test examples that settle it with probability .8, whatever the true difference; None where no number would."""
    half = (high - low) / 2
    if margin <= 0 or not math.isfinite(half):
        return None
    return math.ceil(3 * n * (half / margin) ** 2)


def needed_if_real(found: Difference, margin: float, count: int | None) -> int | None:
    """Test examples that settle it if the difference is as large as it looks; None where that says no more than `count`."""
    if count is None or abs(found.value) <= margin:
        return None
    fewer = math.ceil(2.04 * found.n * (found.half / abs(found.value)) ** 2)
    return fewer if found.n < fewer < count else None


def verdict(contest: Contest, found: Difference, *, look: int = 1) -> Verdict:
    """The word, with the sentence that says it."""
    word = UNKNOWN if found.reason else word_of(found.low, found.high, contest.margin)
    count = needed(found.low, found.high, margin=contest.margin, n=found.n) if word == UNKNOWN else None
    sentence = sentence_of(word, contest, found, count, look=look)
    return Verdict(
        word,
        sentence,
        contest.name,
        found.value,
        found.low,
        found.high,
        contest.margin,
        ahead_of(found.low, found.high),
        found.p,
        found.mid_p,
        count,
        needed_if_real(found, contest.margin, count),
        look,
        found.reason,
    )


def sentence_of(word: str, contest: Contest, found: Difference, count: int | None, *, look: int = 1) -> str:
    """The verdict in words that need no statistics."""
    said = {BETTER: _better, WORSE: _worse, EQUIVALENT: _equivalent}.get(word)
    text = said(contest, found) if said else _unknown(contest, found, count)
    if found.concentrated:
        text += f" A few examples decide this{contest.robust and f'; {contest.robust}'}."
    return text + looked(look)


def _values(contest: Contest, found: Difference) -> str:
    unit = contest.unit
    ours, theirs = (unit.value(one, found.half) for one in (contest.net, contest.opponent))
    if unit.says:
        return f"on these {found.n:,} {found.units} {contest.ours} {unit.says} {ours}, {contest.introduced} in {theirs}"
    whose = f"{contest.ours}'s {unit.title}" if contest.ours == "the net" else f"the {unit.title} of {contest.ours}"
    return f"on these {found.n:,} {found.units} {whose} is {ours}, that of {contest.introduced} {theirs}"


def _better(contest: Contest, found: Difference) -> str:
    return f"Better: {_values(contest, found)}: ahead by {_gap(contest, found, 1)}, plausibly {_between(contest, found, 1)}."


def _worse(contest: Contest, found: Difference) -> str:
    gap = f"behind by {_gap(contest, found, -1)} ({_between(contest, found, -1)})"
    return f"Worse: {_values(contest, found)}: {gap}. {_advice(WORSE, contest)}"


def _equivalent(contest: Contest, found: Difference) -> str:
    most = contest.unit.gap(max(abs(found.low), abs(found.high)), found.half)
    counts = contest.unit.margin(contest.margin)
    values = _values(contest, found)
    todo = _advice(EQUIVALENT, contest)
    return f"Equivalent: {values}. They differ by at most {most}, less than the {counts} that counts. {todo}"


def advice(word: str, name: str, title: str) -> str:
    """What to do about a net that is not better than an opponent."""
    if name == TRIVIAL:
        return "It has learned nothing of use yet."
    return f"Use {title}, it is simpler." if word == EQUIVALENT else f"Use {title}."


def _advice(word: str, contest: Contest) -> str:
    if word == EQUIVALENT and not contest.simpler:
        return "Use whichever is simpler."
    return advice(word, contest.name, contest.title)


def spoken(name: str, title: str) -> str:
    """An opponent within a sentence; the trivial one is titled by what it says."""
    return "the trivial answer" if name == TRIVIAL else title


def _unknown(contest: Contest, found: Difference, count: int | None) -> str:
    if found.reason:
        return f"Not enough data: {found.reason}."
    worse = contest.unit.gap(-found.low, found.half)
    better = contest.unit.gap(found.high, found.half, named=False)
    text = f"Not enough data: against {contest.introduced} the truth may lie between {worse} worse and {better} better."
    units = found.units if contest.whole else f"test {found.units}"
    settled = settling(found.n, count, needed_if_real(found, contest.margin, count), units=units)
    return " ".join(filter(None, [text, _counting(contest) if found.alike and settled else "", settled]))


def _counting(contest: Contest) -> str:
    """What makes it many examples where both did the same: how small a difference counts."""
    counts = contest.unit.margin(contest.margin)
    return f"Neither is ahead in a single one of these; a difference counts as none below {counts} (other: --margin)."


def settling(n: int, count: int | None, fewer: int | None, *, units: str = f"test {EXAMPLES}") -> str:
    """How many examples would settle it, in words; nothing where none would, or where there are as many.

    Args:
        n: how many there are.
        count: how many settle it whatever the true difference.
        fewer: how many do if the difference is as large as it looks.
    """
    if count is None or count <= n:
        return ""
    perhaps = f", or {about(fewer)} if the difference is as large as it looks" if fewer is not None else ""
    said = f"{about(count)} {units} would settle it{perhaps}"
    return f"{said[:1].upper()}{said[1:]}; you have {n:,}."


def about(count: int) -> str:
    """A number that is an estimate, in two figures: `about 7,200`."""
    if count > MILLION:
        return "over a million"
    return f"about {round(count, 2 - len(str(count))):,}" if count >= 100 else f"about {count}"


def _gap(contest: Contest, found: Difference, side: int) -> str:
    return contest.unit.gap(side * found.value, found.half)


def _between(contest: Contest, found: Difference, side: int) -> str:
    low, high = sorted((side * found.low, side * found.high))
    ends = [contest.unit.gap(max(0.0, end), found.half, named=False) for end in (low, high)]
    return f"{ends[0]} to {ends[1]}"


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return None if isinstance(value, float) and not math.isfinite(value) else value
