"""What published weights mean for the settings of a run: the model that they fill, and data as they were trained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from thalweg.models.weights.catalogue import entry, for_model


def under_weights(asked: Mapping[str, Any], given: str) -> dict[str, Any]:
    """What a run is asked for, with the model and the data settings that weights are made for laid under it.

    Args:
        given: a name of the catalogue, or the path of a file, which belongs to the model that was asked for.
    """
    model = asked.get("model")
    named = model if isinstance(model, str) else (model or {}).get("name") or ""
    known = for_model(named) if Path(given).expanduser().is_file() else entry(given)
    chosen = named or known.model
    laid = {**model, "name": chosen} if isinstance(model, Mapping) else {"name": chosen}
    said = {name: one for name, one in dict(asked.get("data") or {}).items() if one is not None}
    return {**asked, "model": laid, "data": {**known.data, **said}}
