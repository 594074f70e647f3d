"""The model card in the hub's format: what it does, how good it is, what it learned from, how it is used, what needs care.

Reference: Mitchell et al. 2019, doi:10.1145/3287560.3287596; the header is that of model cards on the Hugging Face Hub.
"""

import html
import re
from collections.abc import Mapping
from typing import Any

import yaml

from thalweg.core import registry
from thalweg.core.manifest import shown
from thalweg.core.run_folder import RunFolder
from thalweg.evaluation.figures import Unit
from thalweg.packages.card import renew_card
from thalweg.report.data_section import rows_sentence, sentence
from thalweg.report.examples import view_of
from thalweg.report.ranking_sentences import calibration_said
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import bits_said, confused, erred, heading, lead
from thalweg.training.own_parts import given_again

LICENCE = "unknown"
"""What the hub calls a licence that nobody has chosen yet."""
TABULAR = "tabular"
NAMED = 12
"""Columns that are named, at most."""
HUB = frozenset(
    f"{kind}-{task}"
    for kind, task in [
        ("tabular", "classification"),
        ("tabular", "regression"),
        ("image", "classification"),
        ("text", "classification"),
    ]
)
"""Tasks that the hub has a name for."""
SPECIAL = re.compile(r"([\\`*_\[\]|#])")
ESCAPED = re.compile(r"[\x00-\x1f\x7f]")


def write_card(folder: RunFolder, facts: Facts) -> None:
    """Give a run's package the card that its files tell; a run without a package or without results keeps what it has.

    Raises:
        PackageRefusal: the package is damaged.
    """
    if folder.model.is_dir() and facts.results.get("metric"):
        renew_card(folder.model, card_of(facts))


def card_of(facts: Facts) -> str:
    """The card as Markdown with its header."""
    title = f"{plain_words(facts.title)}: {plain_words(facts.model)}"
    parts = [_does(facts), _good(facts), _learned(facts), _use(facts), _care(facts)]
    header = yaml.safe_dump(header_of(facts), sort_keys=False, allow_unicode=True)
    return "---\n" + header + f"---\n\n# {title}\n\n" + "\n".join(part for part in parts if part)


def header_of(facts: Facts) -> dict[str, Any]:
    """What the hub reads: licence, tags, metrics and results."""
    kind, task = _kind(facts), _task(facts)
    hub = f"{kind}-{task}"
    measured = {name: one for name, one in (facts.results.get("metrics") or {}).items() if one.get("value") is not None}
    name = shown(f"{facts.title}: {facts.model}")
    results = [
        {
            "task": {"type": hub, "name": hub.replace("-", " ")},
            "dataset": {
                "type": _slug(facts.title),
                "name": shown(facts.title),
                "split": str(facts.results.get("part") or "test"),
            },
            "metrics": [_metric(facts.unit(metric), one) for metric, one in measured.items()],
        }
    ]
    return {
        "license": LICENCE,
        "library_name": "thalweg",
        **({"pipeline_tag": hub} if hub in HUB else {}),
        "tags": list(dict.fromkeys(["thalweg", _slug(facts.model), kind, task])),
        "metrics": [facts.unit(metric).name for metric in measured],
        "model-index": [{"name": name, "results": results}],
    }


def plain_words(value: Any) -> str:  # noqa: ANN401 - whatever a run's files hold
    """A value in Markdown as mere words: nothing in it is markup, a link or a line of its own."""
    return SPECIAL.sub(r"\\\1", html.escape(shown(str(value)), quote=False))


def _metric(unit: Unit, one: Mapping[str, Any]) -> dict[str, Any]:
    ends = f" (95 % interval {one['low']:.4g} to {one['high']:.4g})" if one.get("low") is not None else ""
    return {"type": unit.name, "name": f"{unit.title}{ends}", "value": round(float(one["value"]), 6)}


def _does(facts: Facts) -> str:
    fields = facts.data.get("fields") or []
    read = [one for one in fields if one.get("role") == "input"]
    inputs = [_input(one) for one in read]
    target = facts.results.get("predicts")
    what = f"It predicts {plain_words(target)}" if target else f"It learns {plain_words(_task(facts))}"
    return f"{what} from {', '.join(inputs[:12]) or 'nothing'}{' and more' if len(inputs) > 12 else ''}.\n"


def _input(field: Mapping[str, Any]) -> str:
    """The columns that are read together, with their kind where their name does not say it."""
    name, kind = plain_words(field.get("name")), plain_words(field.get("kind"))
    columns = [plain_words(one) for one in field.get("fields") or []]
    if len(columns) > 1:
        more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
        return f"{', '.join(columns[:NAMED])}{more} ({name})"
    return name if name == kind else f"{columns[0] if columns else name} ({kind})"


def _good(facts: Facts) -> str:
    if not facts.headline:
        return ""
    unit = facts.unit(facts.headline["name"])
    word, rest = heading(facts.results, unit)
    said = plain_words_of(lead(facts.results, unit))
    rows = ["| metric | value | 95 % interval |", "|---|---|---|"]
    for name, one in (facts.results.get("metrics") or {}).items():
        if one.get("value") is not None:
            rows.append(_row(facts.unit(name), one))
    counted = plain_words(facts.results.get("counted") or "examples")
    judged = f"Judged on {int(facts.results.get('examples') or 0):,} {counted} of the test part, once."
    first = plain_words_of(f"{word} {rest}")
    return f"## How good it is\n\n**{first}** {said}\n\n{judged}\n\n" + "\n".join(rows) + "\n"


def _row(unit: Unit, one: Mapping[str, Any]) -> str:
    low, high = one.get("low"), one.get("high")
    half = (high - low) / 2 if low is not None and high is not None else None
    ends = unit.range(low, high) if low is not None and high is not None else "–"
    return f"| {plain_words(unit.title)} | {unit.value(one['value'], half)} | {ends} |"


def plain_words_of(said: str) -> str:
    """A sentence of ours that names what a file holds, however long."""
    return SPECIAL.sub(r"\\\1", html.escape(ESCAPED.sub(" ", said), quote=False))


def _learned(facts: Facts) -> str:
    parts = (facts.data.get("fingerprint") or {}).get("parts") or {}
    rows = plain_words_of(rows_sentence(parts, counted=str(facts.results.get("counted") or "examples")))
    seed, version = facts.settings.get("seed"), facts.environment.get("thalweg")
    made = f"Made with thalweg {plain_words(version)}" if version else "Made with thalweg"
    chosen = (facts.settings.get("chosen") or {}).get("rule") or {}
    rule = f", by {plain_words(chosen['name'])}" if chosen.get("name") else ""
    bits = "".join(f" {plain_words_of(one)}" for one in bits_said(facts.environment))
    return f"## What it learned from\n\n{plain_words(facts.title)}. {rows}\n\n{made}{rule}, seed {plain_words(seed)}.{bits}\n"


def _use(facts: Facts) -> str:
    again = [given_again(sort, name) for sort, name in facts.own.items() if sort in ("model", "task")]
    load = ", ".join(["'.'", *again])
    mine = "  # your own, made as for training" if again else ""
    return (
        "## How to use it\n\n"
        f"```python\nimport thalweg as tw\n\nmodel = tw.load({load}){mine}\nmodel.predict(...)\n```\n\n"
        "Weights are safetensors, everything else JSON; opening this folder runs none of its content.\n"
    )


def _care(facts: Facts) -> str:
    found = facts.results.get("diagnosis") or {}
    reliable = found.get("calibration") or {}
    said = [_erred(found), *(calibration_said(reliable) if reliable.get("bins") else [])]
    said += [sentence(str(one.get("what") or "")) for one in facts.data.get("findings") or []][:8]
    said.append("No licence was chosen: whoever shares it names one in the first lines of this file.")
    return "## What needs care\n\n" + "\n".join(f"- {plain_words_of(one)}" for one in said if one) + "\n"


def _erred(found: Mapping[str, Any]) -> str:
    if found.get("confusion"):
        return confused(found["confusion"], found.get("mistakes") or {})
    return erred(found["values"]["errors"]) if (found.get("values") or {}).get("errors") else ""


def _kind(facts: Facts) -> str:
    """What is read, in the hub's words: the one modality of all inputs, else a table."""
    known = set(registry.names("view"))
    kinds = [str(one.get("kind")) for one in facts.data.get("fields") or [] if one.get("role") == "input"]
    modalities = {view_of(kind).modality if kind in known else kind for kind in kinds}
    return modalities.pop() if len(modalities) == 1 else TABULAR


def _task(facts: Facts) -> str:
    chosen = (facts.settings.get("chosen") or {}).get("task") or facts.settings.get("task") or {}
    return _slug(str(facts.own.get("task") or (chosen.get("name") if isinstance(chosen, Mapping) else chosen) or "task"))


def _slug(words: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", words.casefold()).strip("-") or "data"
