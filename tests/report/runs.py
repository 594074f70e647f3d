"""Run folders whose facts are made up."""

import json
from pathlib import Path
from typing import Any

import yaml

from thalweg.core.run_folder import RunFolder

UNIT = {"name": "accuracy", "title": "accuracy", "percent": True, "better": "higher", "says": "is right in"}
LOSS = {"name": "rmse", "title": "RMSE", "percent": False, "better": "lower", "says": ""}


def baseline(name: str, value: float, **facts: Any) -> dict[str, Any]:
    made = {"name": name, "title": name.replace("-", " "), "value": value, "low": value - 0.007, "high": value + 0.007}
    return {
        **made,
        "p": 0.31,
        "word": "equivalent",
        "difference": 0.874 - value,
        "setting": "C 1",
        "fits": 3,
        "seconds": 2.0,
        **facts,
    }


def results(**changed: Any) -> dict[str, Any]:
    metric = {"value": 0.874, "low": 0.868, "high": 0.881}
    verdict = {
        "word": "equivalent", "sentence": "...", "opponent": "gradient-boosting", "difference": 0.0026, "low": -0.002,
        "high": 0.007, "margin": 0.01, "ahead": "neither", "p": 0.31, "mid_p": 0.3, "needed": None,
        "needed_if_real": None, "look": 1, "reason": "",
    }  # fmt: skip
    found = {
        "metric": {"name": "accuracy", **metric},
        "metrics": {"accuracy": metric, "log-loss": {"value": None, "low": None, "high": None, "reason": "there is none"}},
        "units": {"accuracy": UNIT},
        "examples": 9768,
        "seen": "none",
        "baselines": [baseline("gradient-boosting", 0.8714), baseline("trivial", 0.761, title="always “no”")],
        "notes": [],
        "verdict": verdict,
        "seconds": {"training": 88.0, "whole": 130.0},
    }
    return found | changed


def confusion(*names: str) -> dict[str, Any]:
    counts = [[70, 4], [8, 18]]
    pairs = [
        {"true": names[1], "said": names[0], "count": 8, "of": 26},
        {"true": names[0], "said": names[1], "count": 4, "of": 74},
    ]
    worst = [{"row": 7, "true": names[0], "said": names[1], "sure": 0.97}]
    bins = [{"predicted": 0.8, "observed": 0.7, "low": 0.6, "high": 0.78, "n": 100}]
    return {
        "target": "income",
        "confusion": {"classes": list(names), "counts": counts, "pairs": pairs, "number_of_classes": 2},
        "mistakes": {"count": 12, "of": 100, "worst": worst},
        "calibration": {"class": names[1], "bins": bins, "error": {"value": 0.1, "low": 0.05, "high": 0.2, "chance": 0.04}},
        "curves": {"number_of_classes": 2, "classes": [told_apart(names[1])]},
    }


def many_classes(count: int) -> dict[str, Any]:
    """Classes that are taken for their neighbours now and then."""
    names = [f"class {i}" for i in range(count)]
    counts = [[9 if i == j else int(j == i + 1) for j in range(count)] for i in range(count)]
    pairs = [{"true": names[i], "said": names[i + 1], "count": 1, "of": 10, "row": i} for i in range(10)]
    return confusion("no", "yes") | {
        "confusion": {"classes": names, "counts": counts, "pairs": pairs, "number_of_classes": count}
    }


def told_apart(name: str, area: float = 0.9) -> dict[str, Any]:
    """Curves of one class, with the point where the model decides."""
    shares = {end: {"value": at, "low": at - 0.05, "high": at + 0.05} for end, at in (("found", 0.7), ("precision", 0.8))}
    return {
        "class": name, "n": 26, "of": 100,
        "roc": {"value": area, "low": area - 0.02, "high": area + 0.02, "points": [[0, 0], [0.1, 0.7], [1, 1]]},
        "precision_recall": {"value": 0.8, "low": 0.75, "high": 0.85, "points": [[0.2, 1], [0.7, 0.8], [1, 0.26]]},
        "decides": {**shares, "called_wrongly": {"value": 0.06, "low": 0.02, "high": 0.1}},
    }  # fmt: skip


def worth(**values: float) -> dict[str, Any]:
    """What columns are worth, each known to ± 0.01."""
    columns = [{"name": name, "value": value, "low": value - 0.01, "high": value + 0.01} for name, value in values.items()]
    return {"metric": "accuracy", "rows": 800, "repeats": 5, "seconds": 3.0, "columns": columns}


def predicted_numbers() -> dict[str, Any]:
    """Numbers that are further off the larger they are."""
    true = [float(i) for i in range(60)]
    values = {"true": true, "said": [one + (-1) ** i * one / 10 for i, one in enumerate(true)]}
    errors = {"low": -5.0, "middle": 0.0, "high": 5.0}
    worst = [{"row": 59, "true": 59.0, "said": 53.1}]
    return {"target": "price", "values": values | {"errors": errors}, "mistakes": {"count": 60, "of": 60, "worst": worst}}


def run_of(path: Path, *, name: str = "adult.csv", **facts: Any) -> RunFolder:
    """A folder with every file that a report reads, but for those given as None."""
    whole: dict[str, Any] = {
        "settings": {"source": name, "chosen": {"model": {"name": "mlp"}}, "stopping": {"keep": "best"}, "seed": 0},
        "environment": {"threads": 2, "device": "cpu", "torch": "2.13.0"},
        "data": {
            "fingerprint": {"name": name, "parts": {"train": 600, "validation": 100, "calibration": 100, "test": 200}},
            "notes": ["14 inputs → income"],
            "fields": [{"name": "income", "role": "target", "kind": "category", "fields": ["income"]}],
        },
        "metrics": [
            {"epoch": i + 1, "step": i, "loss": 1 / (i + 1), "validation.accuracy": 0.8 - 0.01 * abs(i - 3)} for i in range(6)
        ],
        "results": results(),
    } | facts
    path.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(path)
    if whole["settings"] is not None:
        folder.settings.write_text(yaml.safe_dump(whole["settings"]))
    for key, file in (("environment", folder.environment), ("data", folder.data), ("results", folder.results)):
        if whole[key] is not None:
            file.write_text(json.dumps(whole[key]))
    if whole["metrics"] is not None:
        folder.metrics.write_text("".join(json.dumps(line) + "\n" for line in whole["metrics"]))
    return folder
