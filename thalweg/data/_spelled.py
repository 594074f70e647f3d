"""What columns of text mean: numbers, dates, truth values or words, found on all rows, said, and open to correction.

Files and data frames go through here alike, so that a table means the same wherever it comes from.
"""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, some_of
from thalweg.core.printable import typed
from thalweg.data._paths import shown
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column
from thalweg.fields.encoding import Encoding
from thalweg.fields.plain_numbers import PlainNumbers, numbers_at_once
from thalweg.fields.spelled_dates import Moment, moment, orders
from thalweg.fields.spelled_numbers import Decimals, Written, has_leading_zero, written
from thalweg.fields.spelling import AT_ONCE, FALSE, NO_NUMBER, NOTHING, TRUE, Spelling, texts_of

MOSTLY = 0.95
"""Share of the values that must be numbers, or dates, for the rest to count as missing."""
FEW_ODD = 20
"""Different words that are taken for missing among numbers, at most."""
FEW_NAMED = 3
"""Different words that a correction names, at most."""
_DIGIT = re.compile(r"\d")


@dataclass
class Texts:
    """A column of text, looked at once.

    Attributes:
        counts: its different values, without blanks around them, and how many rows have each; beside `plain`, words for nothing
            alone.
        mixed: some values are no text but numbers.
        sort: what the user or the source said that it is; None: nothing.
        missing: words, in lower case, that stand for nothing in any column.
        numbers: what each value says as a number.
        plain: the values where all are plain numbers or words for nothing, which need no look at each.
    """

    name: str
    counts: Counter[str]
    mixed: bool = False
    sort: str | None = None
    missing: tuple[str, ...] = NOTHING
    numbers: dict[str, Written] = field(default_factory=dict)
    plain: PlainNumbers | None = None

    @cached_property
    def words(self) -> Counter[str]:
        """Values that do not stand for nothing."""
        return self._but(self.missing)

    @cached_property
    def there(self) -> Counter[str]:
        """Values that do not stand for nothing among numbers or dates."""
        return self._but(self.wide)

    def _but(self, words: Sequence[str]) -> Counter[str]:
        nothing = set(words)
        return Counter({text: count for text, count in self.counts.items() if text.casefold() not in nothing})

    @cached_property
    def rows(self) -> int:
        """Rows in which something is there."""
        return self.plain.decimals.point if self.plain else self.there.total()

    @cached_property
    def decimals(self) -> Decimals:
        """What the values that are there say of the decimal mark."""
        return self.plain.decimals if self.plain else Decimals.of(self.there, self.numbers)

    @cached_property
    def wide(self) -> tuple[str, ...]:
        """The words that stand for nothing among numbers."""
        return tuple(dict.fromkeys((*self.missing, *NO_NUMBER)))

    def plainly(self, found: "Meant") -> bool:
        """It was read as numbers, all of them plain, and gaps are empty: nothing that was written is lost."""
        return self.plain is not None and set(self.counts) <= {""} and found.spellings[self.name].sort in AT_ONCE

    def read_by(self, decimal: str) -> int:
        """Rows whose value is a number with that decimal mark."""
        return self.decimals.point if decimal == "." else self.decimals.comma


@dataclass
class Meant:
    """What was found: spellings by field, sentences, and some numbers that stand among signs.

    What `mixed` says of a field, of which a good part is numbers, matters only where the field is read.
    """

    spellings: dict[str, Spelling] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    dressed: dict[str, list[str]] = field(default_factory=dict)
    mixed: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def spelled(examples: Examples, settings: DataSettings) -> tuple[Examples, dict[str, Spelling]]:
    """The examples with text as what it means, and how each field is written.

    Raises:
        DataRefusal: what cannot be decided and would change the answer: decimal marks, the order of day and month, truth values
            with a word among them that is none.
    """
    looked = [one for name in examples.columns if (one := _looked_at(name, examples, settings)) is not None]
    found = Meant()
    decimal = settings.decimal or _decimal_of(looked, examples, settings)
    looked = [one if _holds(one, decimal, settings) else _closely(one, examples) for one in looked]
    for one in looked:
        _decide(one, found, decimal, settings)
    columns, plain = dict(examples.columns), {one.name: one.plain for one in looked}
    for name, spelling in found.spellings.items():
        columns[name] = spelling.read(columns[name], plain[name])
    columns = {name: _without_missing(column, settings.missing) for name, column in columns.items()}
    gaps = _said_gaps(looked, found)
    facts = {**examples.facts, **({"spellings": found.facts} if found.facts else {})}
    facts |= {"dressed": found.dressed, "mixed": found.mixed, "plain": [one.name for one in looked if one.plainly(found)]}
    return dataclasses.replace(
        examples, columns=columns, notes=[*examples.notes, *gaps, *found.notes], facts=facts
    ), found.spellings


def read_as_before(examples: Examples, spellings: Mapping[str, Spelling]) -> Examples:
    """The examples with text as what earlier ones of these fields meant by it."""
    columns = {name: spellings[name].read(column) if name in spellings else column for name, column in examples.columns.items()}
    return dataclasses.replace(examples, columns=columns)


def _looked_at(name: str, examples: Examples, settings: DataSettings) -> Texts | None:
    """A first look at a column of text; None for others, and where the user or the source leaves it out."""
    texts = texts_of(examples.columns[name])
    if texts is None or name in settings.ignore:
        return None
    kind = settings.fields.get(name) or examples.kinds.get(name)
    sort = _sort_of(kind) if kind in registry.names("kind") else None
    look = Texts(name, Counter(), sort=sort, missing=(*NOTHING, *(word.casefold() for word in settings.missing)))
    plain = numbers_at_once(texts, look.wide) if sort is None or sort in AT_ONCE else None
    return _closely(look, examples) if plain is None else dataclasses.replace(look, counts=plain.gaps, plain=plain)


def _closely(look: Texts, examples: Examples) -> Texts:
    """A look at each different text of a column."""
    texts = texts_of(examples.columns[look.name]) or []
    mixed = not {int, float}.isdisjoint(map(type, texts))
    counts: Counter[str] = Counter()
    for value, often in [(value, 1) for value in texts] if mixed else Counter(texts).items():
        counts["" if value is None else str(value).strip()] += often
    numbers = {text: written(text) for text in counts}
    return dataclasses.replace(look, counts=counts, mixed=mixed, numbers=numbers, plain=None)


def _holds(look: Texts, decimal: str, settings: DataSettings) -> bool:
    """Plain numbers mean the same under the decimal mark by which the column will be read."""
    return look.plain is None or look.plain.hold(settings.decimal or look.decimals.mark or decimal)


def _sort_of(kind: str | None) -> str:
    part: type[Encoding] = registry.load("kind", str(kind))
    return part.written


def _decimal_of(looked: Sequence[Texts], examples: Examples, settings: DataSettings) -> str:
    """The decimal mark of a table: the one that its columns decide for.

    Raises:
        DataRefusal: nothing decides, in a file whose values are separated as where the comma is the mark.
    """
    numeric = [one for one in looked if (one.decimals.point + one.decimals.comma) > 0]
    marks = Counter(one.decimals.mark for one in numeric if _is_number(one, one.decimals.mark or "."))
    if marks["."] or marks[","]:
        return "." if marks["."] >= marks[","] else ","
    open_ones = [one for one in numeric if one.decimals.undecided and _is_number(one, ".")]
    with_comma = [one for one in open_ones if any("," in text for text in one.counts)]
    if not with_comma or examples.facts.get("separated", ",") == ",":
        return "."
    example = next(text for text in with_comma[0].counts if "," in text)
    raise DataRefusal(
        "DATA_DECIMAL",
        f'"{shown(example)}" can be read in two ways: as {example.replace(",", ".")} and as {example.replace(",", "")}',
        where=f"field {with_comma[0].name}; values are separated by {examples.facts['separated']!r}",
        why="no number of the table decides whether the comma is the decimal mark",
        fix='say which: --decimal "," or --decimal "."',
    )


def _is_number(look: Texts, decimal: str) -> bool:
    return look.rows > 0 and look.read_by(decimal) >= MOSTLY * look.rows


def _decide(look: Texts, found: Meant, decimal: str, settings: DataSettings) -> None:
    """What one column is: as the user said, else truth values spelled in several ways, numbers, dates, words."""
    if look.sort is not None:
        told = {"number": _as_numbers, "date": _as_dates}.get(look.sort, _as_words)
        told(look, found, decimal, settings)
    elif not (
        _are_truths(look, found) or _are_numbers(look, found, decimal, settings) or _are_dates(look, found, decimal, settings)
    ):
        _as_words(look, found, decimal, settings)


def _as_words(look: Texts, found: Meant, decimal: str, settings: DataSettings) -> None:
    found.spellings[look.name] = Spelling("text", look.missing)
    _keep(look, found, look.missing)


def _are_numbers(look: Texts, found: Meant, decimal: str, settings: DataSettings) -> bool:
    there = look.there
    mark = look.decimals.mark or decimal
    zeros = [text for text in there if has_leading_zero(text)]
    if not _is_number(look, mark):
        _say_mixed(look, found, mark)
        return False
    if zeros:
        as_numbers = typed("field", look.name, "number")
        found.notes.append(f'{look.name}: codes such as "{shown(zeros[0])}", with zeros in front, stay text ({as_numbers})')
        return False
    digits = max((len(_DIGIT.findall(text)) for text in there), default=0)
    if digits > 15 and len(there) > 0.9 * look.rows and all(text.lstrip("+-").isdigit() for text in there):
        found.notes.append(f"{look.name}: numbers of {digits} digits stay text, as numbers they would be rounded")
        return False
    _as_numbers(look, found, decimal, settings)
    return True


def _say_mixed(look: Texts, found: Meant, mark: str) -> None:
    """Say where a good part of a column of words is numbers."""
    there = look.there
    numbers = look.read_by(mark)
    words = [text for text in there if look.numbers[text].value(mark) is None]
    if there and 0.2 * look.rows <= numbers and words and not look.mixed:
        found.mixed[look.name] = (
            f"{look.name}: {numbers:,} values are numbers and {look.rows - numbers:,} are not, such as "
            f'"{shown(words[0][:40])}": all taken as text ({typed("field", look.name, "number")} shows the rows)'
        )


def _as_numbers(look: Texts, found: Meant, decimal: str, settings: DataSettings) -> None:
    there = look.there
    mark = settings.decimal or look.decimals.mark or decimal
    odd = [text for text in there if look.numbers[text].value(mark) is None]
    missing = look.wide
    if look.sort is None and odd and len(odd) <= FEW_ODD and sum(there[text] for text in odd) <= (1 - MOSTLY) * look.rows:
        missing = (*look.wide, *(text.casefold() for text in odd))
        rows = sum(there[text] for text in odd)
        listed = ", ".join(f'"{shown(text[:30])}" {there[text]:,}' for text in odd[:4]) + (" ..." if len(odd) > 4 else "")
        found.notes.append(
            f"{look.name}: {rows:,} of {look.rows:,} values are no numbers and count as missing: {listed} "
            f"({_confirmed(odd)}{typed('field', look.name, 'category')})"
        )
    _say_marks(look, found, there, mark)
    found.spellings[look.name] = Spelling("number", missing, mark)
    _keep(look, found, look.wide)


def _confirmed(odd: Sequence[str]) -> str:
    """The flags that call a few words missing."""
    few = len(odd) <= FEW_NAMED and not any("," in text for text in odd)
    return " ".join(typed("missing", text) for text in odd) + " says so, or " if few else ""


def _say_marks(look: Texts, found: Meant, there: Mapping[str, int], mark: str) -> None:
    """Say what was taken off numbers, and what the comma was taken for."""
    example = next((text for text in there if look.numbers[text].beside(mark)), None)
    if example is not None:
        value = look.numbers[example].value(mark)
        found.dressed[look.name] = [text for text in there if look.numbers[text].beside(mark)][:3]
        found.notes.append(f'{look.name}: "{shown(example)}" is read as {value:.10g} ({typed("field", look.name, "category")})')
    elif mark == "," and any("," in text for text in there):
        found.notes.append(f"{look.name}: the comma is the decimal mark (--decimal .)")


def _are_truths(look: Texts, found: Meant) -> bool:
    """Truth values that are written in more than one way.

    Raises:
        DataRefusal: a few values among them are none.
    """
    there = look.words
    words = {text.casefold() for text in there}
    known = words & {*TRUE, *FALSE}
    several = (
        len(known & set(TRUE)) > 1
        or len(known & set(FALSE)) > 1
        or len({t for t in there if t.casefold() in known}) > len(known)
    )
    if not several or not known & set(TRUE) or not known & set(FALSE) or not any(word.isalpha() for word in known):
        return False
    strange = [text for text in there if text.casefold() not in known]
    if strange and sum(there[text] for text in strange) > (1 - MOSTLY) * look.rows:
        return False
    as_categories = typed("field", look.name, "category")
    if strange:
        raise DataRefusal(
            "DATA_TRUTH_VALUES",
            f'"{look.name}" holds truth values and also {", ".join(repr(shown(text)) for text in strange[:5])}',
            where=f"field {look.name}, {sum(there[text] for text in strange):,} of {look.rows:,} rows",
            why="each row must be true, false or missing",
            fix=f"correct them; or {typed('missing', strange[0])}; or take each spelling for itself: {as_categories}",
        )
    ways = {
        sign: ", ".join(sorted(text for text in there if text.casefold() in group))
        for sign, group in (("true", TRUE), ("false", FALSE))
    }
    found.notes.append(f"{look.name}: true is {ways['true']}; false is {ways['false']} ({as_categories})")
    found.spellings[look.name] = Spelling("truth", look.missing)
    _keep(look, found, look.missing)
    return True


def _are_dates(look: Texts, found: Meant, decimal: str, settings: DataSettings) -> bool:
    there = look.there
    sample = list(there)[:50]
    if not sample or sum(moment(text) is not None for text in sample) < MOSTLY * len(sample):
        return False
    read = sum(count for text, count in there.items() if moment(text) is not None)
    if read < MOSTLY * look.rows:
        return False
    _as_dates(look, found, decimal, settings)
    return True


def _as_dates(look: Texts, found: Meant, decimal: str, settings: DataSettings) -> None:
    """Dates, in the one order of day and month in which they all can be.

    Raises:
        DataRefusal: both orders are possible, some have a zone and others none, or days are not in the calendar.
    """
    there = look.there
    compact = all(moment(text) is None for text in list(there)[:50])
    moments = {text: one for text in there if (one := moment(text, compact=compact)) is not None}
    first = _order(look.name, moments, settings)
    if len({one.zoned for one in moments.values()}) > 1:
        raise _refused_dates(
            look.name, "some have a time zone and others have none", _mixed_zones(moments), "give all of them one, or none"
        )
    impossible = [text for text, one in moments.items() if one.at(first) is None]
    if impossible:
        what = f"{len(impossible):,} values are no days of the calendar"
        raise _refused_dates(
            look.name, what, impossible, "correct them, or count them as missing: --missing " + repr(impossible[0])
        )
    odd = [text.casefold() for text in there if text not in moments]
    if odd and len(odd) <= FEW_ODD:
        found.notes.append(f'{look.name}: values that are no dates count as missing, such as "{shown(odd[0][:40])}"')
    example = next((text for text, one in moments.items() if one.one), None)
    if example is not None:
        found.notes.append(
            f"{look.name}: {example} is read as {moments[example].at(first):%-d %B %Y} (--date-order day or month)"
        )
    if any(one.offset for one in moments.values()):
        found.notes.append(f"{look.name}: moments are taken in UTC, by the zones that are written")
    found.spellings[look.name] = Spelling("date", (*look.wide, *odd[:FEW_ODD]), first=first, compact=compact)
    _keep(look, found, look.wide)


def _order(name: str, moments: Mapping[str, Moment], settings: DataSettings) -> str:
    possible = orders(moments.values())
    if settings.date_order is not None and any(one.one for one in moments.values()):
        return settings.date_order
    if len(possible) == 1 or not any(one.one and one.one != one.other for one in moments.values()):
        return possible[0]
    rising = [order for order in possible if _rises([one.at(order) for one in moments.values()])]
    if len(rising) == 1 and len(moments) >= 10:
        return rising[0]
    examples = [text for text, one in moments.items() if one.one != one.other]
    what = f"{examples[0]} may be {moments[examples[0]].at('day'):%-d %B %Y} or {moments[examples[0]].at('month'):%-d %B %Y}"
    raise _refused_dates(name, what, examples, "say which comes first: --date-order day or --date-order month")


def _rises(times: Sequence[Any]) -> bool:
    """Each moment is not before the one above it."""
    return all(time is not None for time in times) and all(a <= b for a, b in pairwise(times))


def _mixed_zones(moments: Mapping[str, Moment]) -> list[str]:
    return [next(text for text, one in moments.items() if one.zoned is zoned) for zoned in (True, False)]


def _refused_dates(name: str, what: str, texts: Sequence[str], fix: str) -> DataRefusal:
    listed = some_of([f'"{shown(text)}"' for text in texts])
    return DataRefusal(
        "DATA_DATES",
        f'the dates of "{name}" cannot be read: {what}',
        where=f"field {name}: {listed}",
        why="a wrong day would be learned without anybody noticing",
        fix=f"{fix}; or leave it as text: {typed('field', name, 'category')}",
        details={"values": list(texts[:1000])},
    )


def _keep(look: Texts, found: Meant, words: Sequence[str]) -> None:
    """Note how often a column says that a value is missing, by the word that says it."""
    gaps = {text: count for text, count in look.counts.items() if text.casefold() in words}
    if gaps:
        found.facts[look.name] = {"missing": gaps}


def _said_gaps(looked: Sequence[Texts], found: Meant) -> list[str]:
    """One sentence on words that were taken for missing; empty cells need none."""
    worded = {name: {text: count for text, count in fact["missing"].items() if text} for name, fact in found.facts.items()}
    worded = {name: gaps for name, gaps in worded.items() if gaps}
    if not worded:
        return []
    listed = "; ".join(
        f"{name} " + ", ".join(f'"{shown(text)}" {count:,}' for text, count in list(gaps.items())[:6])
        for name, gaps in list(worded.items())[:6]
    )
    more = f"; and {len(worded) - 6} more fields" if len(worded) > 6 else ""
    return [f"read as missing: {listed}{more} (further words: --missing WORD)"]


def _without_missing(column: Column, words: Sequence[str]) -> Column:
    """The column with numbers that the user calls missing (-999) as gaps."""
    import numpy as np

    numbers = [float(word) for word in words if (value := written(word).as_point) is not None and value == float(value)]
    if not numbers or not isinstance(column, np.ndarray) or column.dtype.kind not in "iuf" or column.ndim != 1:
        return column
    hit = np.isin(column, numbers)
    return np.where(hit, np.nan, column.astype(np.float64)) if hit.any() else column
