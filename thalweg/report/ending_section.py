"""Where the time went, the command or the lines of Python that repeats it, and settings and versions folded away."""

import shlex
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from thalweg.engine.plan import PLAIN, SpeedPlan
from thalweg.evaluation.figures import written
from thalweg.report.markup import command, folded, paragraph, section, table, text
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import bits_said, duration
from thalweg.training.own_parts import given_again

SHADES = {
    "training": "var(--own)",
    "baselines": "var(--other)",
    "what matters": "color-mix(in srgb,var(--own) 45%,transparent)",
    "everything else": "var(--rule)",
}


def time_section(facts: Facts) -> str:
    """The shares of training, baselines and the rest."""
    spent = spans(facts.results)
    whole = sum(spent.values())
    if not whole:
        return ""
    bars = "".join(
        f'<span style="flex:{seconds / whole:.4f};background:{SHADES[name]}" title="{text(name)} {duration(seconds)}"></span>'
        for name, seconds in spent.items()
    )
    key = "".join(
        f'<li><i style="background:{SHADES[name]}"></i>{text(name)} {duration(seconds)}' for name, seconds in spent.items()
    )
    label = "Where the time went: " + ", ".join(f"{name} {duration(seconds)}" for name, seconds in spent.items())
    picture = f'<div class="bars" role="img" aria-label="{text(label)}">{bars}</div><ul class="key">{key}</ul>'
    return section("time", "Time", picture + paragraph(f"{_rate(facts)} {_machine(facts)}".strip(), kind="quiet"))


def _rate(facts: Facts) -> str:
    """How many rows it learned from in a second, where epochs were counted in one stage."""
    parts = (facts.data.get("fingerprint") or {}).get("parts") or {}
    rows, seconds = parts.get("train"), (facts.results.get("seconds") or {}).get("training")
    epochs = max((float(line.get("epoch") or 0) for line in facts.history), default=0.0)
    if not rows or not seconds or not epochs or any(line.get("stage") for line in facts.history):
        return ""
    rate = rows * epochs / seconds
    shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
    return f"It learned from {shown} rows a second, evaluations included, and went through them {_times(epochs)}."


def _times(count: float) -> str:
    return {1.0: "once", 2.0: "twice"}.get(count, f"{written(count, 0)} times")


def spans(results: Mapping[str, Any]) -> dict[str, float]:
    """Seconds by what they were spent on."""
    seconds = results.get("seconds") or {}
    training = float(seconds.get("training") or 0.0)
    baselines = sum(float(one.get("seconds") or 0.0) for one in results.get("baselines") or [])
    shuffling = float((results.get("importance") or {}).get("seconds") or 0.0)
    rest = max(0.0, float(seconds.get("whole") or 0.0) - training - baselines - shuffling)
    found = {"training": training, "baselines": baselines, "what matters": shuffling, "everything else": rest}
    return {name: value for name, value in found.items() if value > 0}


def _machine(facts: Facts) -> str:
    environment = facts.environment
    threads = environment.get("threads")
    system, machine = str(environment.get("system") or ""), str(environment.get("machine") or "")
    said = [" ".join(one for one in (system.partition("-")[0], machine) if one)]
    said += [str(environment["device"])] if environment.get("device") else []
    said += [f"{threads} thread{'' if threads == 1 else 's'}"] if threads else []
    said += [str(environment["precision"])] if environment.get("precision") else []
    shown = [one for one in said if one]
    return f"On {', '.join(shown)}{_steps(facts)}." if shown else ""


def _steps(facts: Facts) -> str:
    """How steps were taken, where not plainly: a plan may name another precision and lanes for threads."""
    plans = facts.settings.get("speed")
    try:
        told = dict.fromkeys(SpeedPlan.model_validate(one).told for one in plans) if isinstance(plans, list) else {}
    except ValidationError:  # of another version
        return ""
    return f"; steps by {' and '.join(told)}" if set(told) - {PLAIN} else ""


def repeat_section(facts: Facts) -> str:
    """The command, and everything that decides the result."""
    again = command_of(facts) or (python_of(facts) if facts.settings else "")
    content = command(again) if again else ""
    content += "".join(paragraph(one) for one in bits_said(facts.environment))
    return section("repeat", "Repeat it", content + _folded(facts))


def command_of(facts: Facts) -> str:
    """The command that trains the same again; empty where data or parts were given as objects."""
    settings = facts.settings
    if facts.results.get("command"):
        return str(facts.results["command"])
    if not settings.get("source") or facts.own:
        return ""
    words = ["thalweg", "train", str(settings["source"])]
    target = (settings.get("data") or {}).get("target")
    words += ["--target", str(target)] if target else []
    words += ["--settings", str(facts.path / "settings.yaml"), "--out", f"{facts.path}-again"]
    return shlex.join(words)


def python_of(facts: Facts) -> str:
    """The lines of Python that train the same again where a command cannot name everything."""
    source = facts.settings.get("source")
    lines = ["import thalweg as tw", ""]
    lines += [] if source else ["data = ...  # as it was given then"]
    lines += ["# your own parts, made as they were then, under the same torch.manual_seed"] if facts.own else []
    given = [repr(source) if source else "data", *(given_again(sort, name) for sort, name in facts.own.items())]
    given += [f"settings={str(facts.path / 'settings.yaml')!r}", f"out={f'{facts.path}-again'!r}"]
    return "\n".join([*lines, "tw.train(", *(f"    {one}," for one in given), ")"])


def _folded(facts: Facts) -> str:
    content = ""
    if facts.settings:
        written = yaml.safe_dump(dict(facts.settings), sort_keys=False, allow_unicode=True)
        content += command(written)
    if facts.environment:
        rows = [[text(name), text(value)] for name, value in facts.environment.items() if not isinstance(value, list | dict)]
        content += table(["what", "which"], rows, named="Versions and machine")
    return folded("Settings, versions, machine", content) if content else ""
