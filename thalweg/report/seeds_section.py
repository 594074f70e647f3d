"""Over seeds: the verdict on the way of training, with what each seed came to."""

from collections.abc import Mapping
from typing import Any

from thalweg.evaluation.figures import Unit
from thalweg.report.markup import folded, paragraph, section, table, text
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import signed


def seeds_section(facts: Facts) -> str:
    """The sentence and a table of the seeds; nothing where no further seed was trained."""
    told: Mapping[str, Any] = facts.results.get("over_seeds") or {}
    if not told.get("seeds"):
        return ""
    unit, one, verdict = facts.unit(told["metric"]["name"]), told["metric"], told["verdict"]
    half = (float(one["high"]) - float(one["low"])) / 2
    mean = f"Over {len(told['seeds'])} seeds the {unit.title} is {unit.value(one['value'], half)}"
    words = paragraph(f"{mean} ({unit.range(one['low'], one['high'])}). {verdict['sentence']}")
    rows = [[text(cell) for cell in _cells(each, unit, half)] for each in told["seeds"]]
    head = ["seed", "net", str(verdict["opponent"]).replace("-", " "), "net ahead by"]
    return section("seeds", "Over seeds", words + folded("What each seed came to", table(head, rows)))


def _cells(each: Mapping[str, Any], unit: Unit, half: float) -> list[str]:
    values = (unit.value(each[name], half) for name in ("net", "opponent"))
    return [str(each["seed"]), *values, signed(each["difference"], unit, half)]
