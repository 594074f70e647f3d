"""What `tw.train` and `tw.check` are given, refused where it could mean nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from thalweg.core.elsewhere import KNOWN_ELSEWHERE
from thalweg.core.errors import UsageRefusal, did_you_mean
from thalweg.training.options import TrainOptions


def refuse_no_model(model: Any) -> None:  # noqa: ANN401 - whatever the user gave
    """Raise where what was given as a model is none."""
    if model is None or isinstance(model, str | Mapping | nn.Module):
        return
    called = f"{model.__name__}()" if isinstance(model, type) else "MyNet()"
    raise UsageRefusal(
        "MODEL_INVALID",
        f"{'the class ' + model.__name__ if isinstance(model, type) else repr(model)[:60]} is no model",
        where="tw.train, model",
        why="a part's name, a mapping with its settings or a module is needed",
        fix=f"give an instance: model={called}",
    )


def refuse_unknown_options(options: Mapping[str, Any]) -> None:
    """Raise where an option is not known, with the name that it has here."""
    known = [*TrainOptions.__annotations__, "model", "task", "rule", "loss", "settings", "out"]
    unknown = {name: _known_as(name, known) for name in options if name not in TrainOptions.__annotations__}
    if unknown:
        raise UsageRefusal(
            "OPTION_UNKNOWN",
            "; ".join(f'train has no option "{name}" ({hint})' for name, hint in unknown.items()),
            where="tw.train",
            why="an option that is not understood would otherwise be skipped in silence",
            fix="correct it, or give settings={...} as in settings.yaml",
        )


def _known_as(name: str, known: Sequence[str]) -> str:
    """What an option is called here: by the name that other tools have for it, or by its negation, or by the nearest."""
    opposite = name.removeprefix("no_")
    if opposite != name and opposite in known:
        return f"say {opposite}=False"
    meant = KNOWN_ELSEWHERE.get(name.replace("_", "-"))
    return f"it is called {meant.replace('-', '_')} here" if meant else did_you_mean(name, known)
