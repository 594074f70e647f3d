"""The sentences of the report: what the figures say, for somebody who reads only that."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.core.printable import printable
from thalweg.evaluation.figures import Unit, digits, written
from thalweg.evaluation.verdict import EQUIVALENT, WORSE, advice, settling, spoken

OPENINGS = {
    "better": ("Better", "than {title}: {values}."),
    "equivalent": ("Equivalent", "to {title}: {values}, within {most} either way."),
    "worse": ("Worse", "than {title}: {values}."),
    "not enough data": ("Not enough data", "to tell it from {title}: {values}."),
}
KNOWN = {
    "none": "that neither has seen",
    "some": "kept out of training",
    "all": "of which each has its like in training",
}
"""How many of the test examples stand in the training part too, in words."""
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def heading(results: Mapping[str, Any], unit: Unit) -> tuple[str, str]:
    """The result as one sentence: the word that decides, and the rest."""
    metric, verdict = results.get("metric") or {}, results.get("verdict")
    if metric.get("value") is None:
        return "Trained", "but not evaluated: the test part gives no figure."
    half = _half(metric)
    mine = unit.value(metric["value"], half)
    opponent = _opponent(results)
    if not verdict or verdict.get("word") not in OPENINGS or opponent is None:
        return mine, unit.says.removeprefix("is ").removesuffix(" in") + "." if unit.says else f"{unit.title} on the test part."
    word, rest = OPENINGS[verdict["word"]]
    most = unit.gap(max(abs(verdict["low"]), abs(verdict["high"])), half or 0.0) if _ends(verdict) else ""
    said = rest.format(title=opponent["title"], values=_both(metric, opponent, unit, verdict), most=most)
    return word, said


def lead(results: Mapping[str, Any], unit: Unit) -> str:
    """What the heading rests on: the difference in examples or units, where it may lie, and what to do."""
    verdict, opponent = results.get("verdict"), _opponent(results)
    if not verdict or opponent is None or verdict.get("difference") is None:
        reason = results.get("verdict_reason") or ""
        return f"There is nothing to compare it with: {reason}." if reason else ""
    pieces = [_difference(results, verdict, opponent, unit)]
    if verdict.get("reason"):
        pieces.append(f"That decides nothing yet: {verdict['reason']}.")
    elif _ends(verdict):
        pieces.append(_where(verdict, unit))
    pieces.append(_advice(verdict, opponent, results))
    return " ".join(piece for piece in pieces if piece)


def _difference(results: Mapping[str, Any], verdict: Mapping[str, Any], opponent: Mapping[str, Any], unit: Unit) -> str:
    n, gap = int(results.get("examples") or 0), float(verdict["difference"])
    counted = results.get("counted") or "examples"
    start = f"On {n:,} {counted} {KNOWN.get(results.get('seen') or '', KNOWN['some'])}"
    if unit.percent and unit.says:
        count = round(abs(gap) * n)
        if not count:
            return f"{start}, the net is right as often as {opponent['title']}."
        many = SMALL[count] if count < len(SMALL) else f"{count:,}"
        return f"{start}, the net is right for {many} {'more' if gap > 0 else 'fewer'} of them than {opponent['title']}."
    side, apart = "better" if gap > 0 else "worse", unit.gap(abs(gap), _half(verdict) or 0.0)
    if not any(digit in apart for digit in "123456789"):
        return f"{start}, the net and {opponent['title']} have nearly the same {unit.title}."
    return f"{start}, the {unit.title} of the net is {apart} {side} than that of {opponent['title']}."


def _where(verdict: Mapping[str, Any], unit: Unit) -> str:
    half = _half(verdict) or 0.0
    low, high = (signed(verdict[end], unit, half) for end in ("low", "high"))
    named = " points" if unit.percent else ""
    test = f", p {_p(verdict['p'])}" if verdict.get("p") is not None else ""
    said = f"In truth the net may lie between {low} and {high}{named} from it (paired difference, 95 % interval{test})"
    if verdict["word"] == "equivalent":
        return f"{said}; that is inside the margin of {unit.margin(verdict['margin'])} that was set before."
    return f"{said}; a difference below {unit.margin(verdict['margin'])} would count as none."


def _advice(verdict: Mapping[str, Any], opponent: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    if verdict["word"] in (EQUIVALENT, WORSE):
        return advice(verdict["word"], str(opponent["name"]), opponent["title"])
    units = "groups" if "groups" in results else "examples"
    return settling(int(results.get(units) or 0), verdict.get("needed"), verdict.get("needed_if_real"), units=f"test {units}")


def signed(gap: float, unit: Unit, half: float) -> str:
    """A difference with its sign, without its unit."""
    shown = unit.gap(gap, half, named=False)
    return shown if shown.startswith("−") or not any(sign in shown for sign in "123456789") else f"+{shown}"


def learned(values: Sequence[float], places: Sequence[float], *, higher: bool, kept: bool, axis: str) -> str:
    """What a curve of validation values came to."""
    best, first = best_of(values, higher=higher)
    at = f"{axis} {written(places[best], 0)}"
    tail = "those weights were kept" if kept else "the last weights were kept all the same"
    if first == best:
        more = ": longer training may help" if best == len(values) - 1 else f"; {tail}"
        return f"It was at its best at {'the end, ' if best == len(values) - 1 else ''}{at}{more}."
    times = sum(value == values[best] for value in values)
    again = f"first at {axis} {written(places[first], 0)}, last at {at}"
    kept_too = f"the weights of {at} were kept" if kept else tail
    return f"It was at its best {times:,} times, {again}; {kept_too}."


def losses_said(trained: Sequence[tuple[float, float]], held: Sequence[tuple[float, float]], *, axis: str) -> str:
    """What the loss in training and on validation rows came to."""
    values = [y for _, y in held]
    best, _ = best_of(values, higher=False)
    at, lowest = f"{axis} {written(held[best][0], 0)}", f"{values[best]:.3g}"
    if best == len(values) - 1:
        return f"On validation rows the loss was lowest at the end, {lowest}; in training it came to {trained[-1][1]:.3g}."
    said = f"On validation rows the loss was lowest at {at}, {lowest}"
    if values[-1] - values[best] <= 0.05 * (max(values) - min(values)):
        return f"{said}, and stayed about there."
    if trained[best][1] <= trained[-1][1]:
        return f"{said}; in the end it was {values[-1]:.3g}."
    fell = f"while in training it fell on from {trained[best][1]:.3g} to {trained[-1][1]:.3g}"
    return f"{said}, and rose to {values[-1]:.3g} {fell}: that looks like learning by heart."


def best_of(values: Sequence[float], *, higher: bool) -> tuple[int, int]:
    """The last and the first place of the best value; training keeps the weights of the last."""
    top = max(values) if higher else min(values)
    places = [i for i, value in enumerate(values) if value == top]
    return places[-1], places[0]


def calibrated(bins: Sequence[Mapping[str, Any]], of: str | None) -> str:
    """Whether the model's confidence can be taken at its word."""
    n = sum(one["n"] for one in bins)
    gap = sum(one["n"] * (one["predicted"] - one["observed"]) for one in bins) / n
    spread = (sum(one["n"] ** 2 * max(one["high"] - one["low"], 0.02) ** 2 for one in bins) ** 0.5) / (4 * n)
    points = f"{written(100 * abs(gap), 1)} points"
    if abs(gap) <= 2 * spread:
        return f"On average what it says and what comes true agree, as far as {n:,} examples can tell."
    if of is not None:
        return f"It expects “{of}” {points} too {'often' if gap > 0 else 'seldom'} on average."
    return f"It is {'surer than it is right' if gap > 0 else 'right more often than it is sure'}, by {points} on average."


def confused(confusion: Mapping[str, Any], mistakes: Mapping[str, Any]) -> str:
    """Which mistakes are made most."""
    pairs, n = confusion.get("pairs") or [], int(mistakes.get("of") or 0)
    if not pairs:
        return f"It made no mistake on these {n:,} examples."
    if int(confusion.get("number_of_classes") or 0) == 2:
        said = [f"{share_words(one['count'], one['of'])} of “{one['true']}”" for one in pairs]
        return f"It misses {' and '.join(said)}."
    top = pairs[0]
    if top["count"] == 1:
        return "It takes no class for a particular other one more than once."
    return f"Most often it takes “{top['true']}” for “{top['said']}”: {top['count']:,} of {top['of']:,} times."


def share_words(count: int, of: int) -> str:
    """A share as people say it: `a third`, `one in nineteen`, `62 %`."""
    if count and count == of:
        return "all"
    share = count / of if of else 0.0
    for words, exact in (("half", 1 / 2), ("a third", 1 / 3), ("a quarter", 1 / 4)):
        if abs(share - exact) < 0.02:
            return words
    if share > 0.3 or not count:
        return f"{100 * share:.0f} %"
    whole = round(of / count)
    return f"one in {SMALL[whole] if whole < len(SMALL) else f'{whole:,}'}"


def erred(errors: Mapping[str, float]) -> str:
    """How far predicted numbers lie from the truth."""
    half = (errors["high"] - errors["low"]) / 20
    count = digits(half, percent=False)
    low, high = (written(abs(errors[end]), count) for end in ("low", "high"))
    if errors["low"] >= 0 or errors["high"] <= 0:
        side = "above" if errors["low"] >= 0 else "below"
        return f"Nine in ten predictions lie {' to '.join(sorted((low, high)))} {side} the truth."
    return f"Nine in ten predictions lie between {low} below and {high} above the truth."


def duration(seconds: float) -> str:
    """A time as people say it: `0.8 s`, `1 min 28 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _both(metric: Mapping[str, Any], opponent: Mapping[str, Any], unit: Unit, verdict: Mapping[str, Any]) -> str:
    half = _half(verdict)
    mine, theirs = unit.value(metric["value"], half), unit.value(opponent["value"], half)
    if unit.says:
        return f"{mine} {unit.says.removeprefix('is ').removesuffix(' in')} against {theirs}"
    return f"{unit.title} {mine} against {theirs}"


def _opponent(results: Mapping[str, Any]) -> Mapping[str, Any] | None:
    name = (results.get("verdict") or {}).get("opponent")
    found = next((one for one in results.get("baselines") or [] if one.get("name") == name), None)
    if not found or found.get("value") is None:
        return None
    return {**found, "title": spoken(str(name), str(found.get("title") or str(name).replace("-", " ")))}


def _ends(found: Mapping[str, Any]) -> bool:
    return found.get("low") is not None and found.get("high") is not None


def _half(found: Mapping[str, Any]) -> float | None:
    return (found["high"] - found["low"]) / 2 if _ends(found) else None


def _p(value: float) -> str:
    return "below .001" if value < 0.001 else f"= {value:.2g}".replace("= 0", "= ")


def bits_said(environment: Mapping[str, Any]) -> list[str]:
    """What keeps the same settings from giving the same bits once more; nothing where they do."""
    said = []
    for one in environment.get("resumed elsewhere") or []:
        changed = one.get("changed") or {}
        told = {name: [printable(fact, most=100) for fact in facts] for name, facts in changed.items() if name != "code"}
        facts = [f"{name} {before} there, {now} then" for name, (before, now) in told.items()]
        facts += ["code of the user's own"] if "code" in changed else []
        said.append(f"Gone on with elsewhere than it began, at step {one.get('step')}: {'; '.join(facts)}.")
    loose = environment.get("not deterministic") or []
    said += [f"Not deterministic: {', '.join(map(str, loose))}. Another training ends with other bits."] if loose else []
    return said
