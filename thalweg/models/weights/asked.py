"""What published weights mean for the settings of a run: its model, its data, and how far they may be changed.

Weights that have seen a million photos are spoilt by the rate that a net learns from nothing by: the head is fitted first,
alone, as a linear probe near the published one; then the rest follows slowly, each layer slower than the one above it,
statistics and the lowest layers as they are; and what ships lies halfway.

References: Howard & Ruder 2018, arXiv:1801.06146 (slower below); Kumar et al. 2022, arXiv:2202.10054 (fine-tuning from the head
of a linear probe distorts features less); Wortsman et al. 2022, arXiv:2109.01903 (halfway); what was tried is in LOG.md.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thalweg.models.weights.catalogue import Entry, entry, for_model

HEAD = {"name": "linear-probe"}
REST = {"rate": 0.00005, "layer_decay": 0.8, "between": 0.5}
EPOCHS = {"fast": 3, "good": 8, "best": 16}
"""Of the rest, by preset."""
SLOWLY = {"name": "cosine", "warmup": 0.1}
RULE = {"freeze_statistics": True, "batch_size": 32, "optimizer": {"name": "adamw"}, "schedule": SLOWLY}
TOGETHER = {**RULE, "rate": 0.0003}
"""All layers at once, where the user says how long, or a rate is looked for, of which the probe has none."""
RULE_LENGTHS = {"epochs", "steps", "batch_size"}


def under_weights(asked: Mapping[str, Any], given: str) -> dict[str, Any]:
    """What a run is asked for, with the model, the data settings and the stages that weights are made for laid under it.

    Args:
        given: a name of the catalogue, or the path of a file, which belongs to the model that was asked for.
    """
    model = asked.get("model")
    named = model if isinstance(model, str) else (model or {}).get("name") or ""
    known = for_model(named) if os.path.isfile(Path(given).expanduser()) else entry(given)
    chosen = named or known.model
    laid = {**model, "name": chosen} if isinstance(model, Mapping) else {"name": chosen}
    said = {name: one for name, one in dict(asked.get("data") or {}).items() if one is not None}
    return {**asked, **_gone_through(asked, known), "model": laid, "data": {**known.data, **said}}


def _gone_through(asked: Mapping[str, Any], known: Entry) -> dict[str, Any]:
    """The stages and the rule of fine-tuning; one stage where the user says how long, nothing where the user says how."""
    rule = asked.get("rule") or {}
    said = {key for key, value in rule.items() if value is not None} if isinstance(rule, Mapping) else {"name"}
    if asked.get("stages") or not said <= RULE_LENGTHS:
        return {}
    if said - {"batch_size"} or asked.get("time_limit") or asked.get("find_lr", "no") not in (False, "no"):
        return {"rule": {**TOGETHER, **rule}}
    epochs = EPOCHS.get(str(asked.get("preset")), EPOCHS["good"])
    stages = [{"rule": HEAD}, {"rule": {**REST, "epochs": epochs, "freeze": list(known.lower)}}]
    stopping = {"keep": "last", **{name: one for name, one in dict(asked.get("stopping") or {}).items() if one is not None}}
    return {"stages": stages, "rule": {**RULE, **rule}, "stopping": stopping}
