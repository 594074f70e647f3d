"""Where it errs: what is taken for what, how far numbers are off, and the worst mistakes shown as what they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.core.run_folder import RunFolder
from thalweg.evaluation.figures import digits, written
from thalweg.report.charts import scatter
from thalweg.report.confusions import confusions, over_the_width
from thalweg.report.examples import shown, shown_fields, view_of
from thalweg.report.markup import columns, figure, folded, paragraph, part, section, table, text, unbroken
from thalweg.report.residual_chart import residuals, spread_said
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import erred


def errors_section(facts: Facts) -> str:
    """Confusions or deviations, then examples."""
    found = facts.results.get("diagnosis") or {}
    mistakes, confusion = found.get("mistakes") or {}, found.get("confusion") or {}
    examples = facts.results.get("examples_shown") or {}
    pictures = [confusions(confusion, mistakes, examples), _deviations(found.get("values") or {})]
    if not any(pictures):
        return ""
    words = paragraph(_count(facts, mistakes))
    first = words + "".join(pictures) if over_the_width(confusion) else columns(*pictures, words)
    return section("errors", "Where it errs", first + _worst(examples, mistakes, _digits(found)))


def _count(facts: Facts, mistakes: Mapping[str, Any]) -> str:
    """How many mistakes there are, and where they all stand."""
    count, of = int(mistakes.get("count") or 0), int(mistakes.get("of") or 0)
    if "confusion" not in (facts.results.get("diagnosis") or {}) or not count:
        return ""
    kept = RunFolder(facts.path).predictions
    all_of_them = f" Every answer stands in {kept.name}, beside this page." if kept.is_file() else ""
    return f"{count:,} of {of:,} test examples were told wrongly.{all_of_them}"


def _deviations(values: Mapping[str, Any]) -> str:
    if not values.get("true"):
        return ""
    true, said = values["true"], values["said"]
    shown = f"Each dot is one of {len(true):,} test examples; where it is right, it lies on the dashed line."
    picture = scatter(true, said, "Predicted against true numbers", said_of_it=shown)
    rows = [[_number(one, None), _number(two, None)] for one, two in list(zip(true, said, strict=True))[:50]]
    beside = folded("The first fifty as a table", table(["true", "predicted"], rows, named="Predicted against true numbers"))
    off = " ".join(one for one in (erred(values["errors"]), spread_said(true, said)) if one)
    apart = residuals(true, said, values["errors"], "Errors by what was predicted", told=off)
    return columns(
        figure(picture, shown, title="Predicted against true", beside=beside), figure(apart, off, title="How far off it is")
    )


def _digits(found: Mapping[str, Any]) -> int | None:
    """Digits after the point that predicted numbers deserve: a twentieth of how far they are off; None where there are none."""
    errors = (found.get("values") or {}).get("errors")
    return digits((errors["high"] - errors["low"]) / 20, percent=False) if errors else None


def _worst(examples: Mapping[str, Any], mistakes: Mapping[str, Any], count: int | None) -> str:
    """The worst mistakes as tiles where a field is a picture, else as rows of a table."""
    worst = mistakes.get("worst") or []
    fields = shown_fields(examples)
    rows: Mapping[str, Mapping[str, Any]] = examples.get("rows") or {}
    if not worst:
        return ""
    what = "The mistakes it was surest of" if "sure" in worst[0] else "The answers furthest off"
    tiles = [name for name, kind in fields.items() if view_of(kind).tile]
    if tiles:
        shown = "".join(_tile(one, tiles, fields, rows.get(str(one["row"])) or {}, count=count) for one in worst)
        return part(what, f'<div class="tiles">{shown}</div>')
    said = ["row", "true", "said", *(["sure"] if "sure" in worst[0] else []), *fields]
    shown = table(said, [_row(one, fields, rows.get(str(one["row"])) or {}, count=count) for one in worst], named=what)
    return part(what, f'<div class="rows">{shown}</div>')


def _tile(
    one: Mapping[str, Any], tiles: Sequence[str], fields: Mapping[str, str], kept: Mapping[str, Any], *, count: int | None
) -> str:
    pictures = "".join(shown(fields[name], kept.get(name), named=f"{name} of row {one['row']}") for name in tiles)
    sure = f", {100 * one['sure']:.0f} % sure" if "sure" in one else ""
    words = f"said {_said(one['said'], count)}{sure}; true {_said(one['true'], None)}"
    return f"<figure>{pictures}<figcaption>{unbroken(text(words))}<br>row {text(one['row'])}</figcaption></figure>"


def _row(one: Mapping[str, Any], fields: Mapping[str, str], kept: Mapping[str, Any], *, count: int | None) -> list[str]:
    sure = [unbroken(f"{100 * one['sure']:.0f} %")] if "sure" in one else []
    cells = [shown(kind, kept.get(name)) for name, kind in fields.items()]
    return [text(one["row"]), text(_said(one["true"], None)), text(_said(one["said"], count)), *sure, *cells]


def _said(value: Any, count: int | None) -> str:  # noqa: ANN401 - a class's name or a number
    return _number(value, count) if isinstance(value, int | float) else f"“{value}”"


def _number(value: float, count: int | None) -> str:
    """A number with that many digits after the point; as it is where None is said."""
    return written(value, count) if count is not None else f"{value:,.6g}".replace("-", "−")
