"""Over seeds and over folds: the verdict on the way of training, with what each training came to."""

from collections.abc import Mapping
from typing import Any

from thalweg.evaluation.figures import Unit
from thalweg.report.markup import folded, paragraph, section, table, text
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import signed


def seeds_section(facts: Facts) -> str:
    """The sentence and a table of the seeds; nothing where no further seed was trained."""
    told: Mapping[str, Any] = facts.results.get("over_seeds") or {}
    each = told.get("seeds") or []
    if not each:
        return ""
    rows = [[str(one["seed"])] for one in each]
    head = ["seed", "net", str(told["verdict"]["opponent"]).replace("-", " ")]
    return _section(facts, told, each, name="seeds", before=rows, head=head)


def folds_section(facts: Facts) -> str:
    """The sentence and a table of the folds; nothing where none was trained."""
    told: Mapping[str, Any] = facts.results.get("over_folds") or {}
    each = told.get("folds") or []
    if not each:
        return ""
    rows = [[str(one["repeat"]), f"{one['rows']:,}", str(one["name"]).replace("-", " ")] for one in each]
    head = ["repeat", "rows judged", "opponent, chosen on validation rows", "net", "opponent"]
    return _section(facts, told, each, name="folds", before=rows, head=head)


def _section(
    facts: Facts,
    told: Mapping[str, Any],
    each: list[Mapping[str, Any]],
    *,
    name: str,
    before: list[list[str]],
    head: list[str],
) -> str:
    """The sentence, and a row for each training.

    Args:
        before: cells of each row ahead of the figures.
    """
    unit, one = facts.unit(told["metric"]["name"]), told["metric"]
    half = (float(one["high"]) - float(one["low"])) / 2
    mean = f"Over {len(each)} {name} the {unit.title} is {unit.value(one['value'], half)}"
    words = paragraph(f"{mean} ({unit.range(one['low'], one['high'])}). {told['verdict']['sentence']}")
    rows = [
        [text(cell) for cell in (*first, *_cells(training, unit, half))] for first, training in zip(before, each, strict=True)
    ]
    content = table([*head, "net ahead by"], rows)
    return section(name, f"Over {name}", words + folded(f"What each {name[:-1]} came to", content))


def _cells(each: Mapping[str, Any], unit: Unit, half: float) -> list[str]:
    values = (unit.value(each[name], half) for name in ("net", "opponent"))
    return [*values, signed(each["difference"], unit, half)]
