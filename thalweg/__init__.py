"""thalweg: raw data in, a deep model out that its owner can defend.

`import thalweg as tw` costs no torch: each verb is imported when it is first asked for.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from thalweg.api import check, compare, doctor, evaluate, import_weights, load, predict, report, train
    from thalweg.core.talk import Note
    from thalweg.training.estimators import Classifier, Regressor

ELSEWHERE = {
    "Classifier": "thalweg.training.estimators",
    "Note": "thalweg.core.talk",
    "Regressor": "thalweg.training.estimators",
}
"""The module of each name that is no verb."""
__all__ = ["Classifier", "Note", "Regressor", "check", "compare", "doctor", "evaluate"]
__all__ += ["import_weights", "load", "predict", "report", "train"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562: verbs and classes, imported on first use
    if name not in __all__:
        from thalweg.core.errors import did_you_mean

        raise AttributeError(f"module 'thalweg' has no attribute {name!r}; {did_you_mean(name, __all__)}")
    from thalweg.core.unswept import unswept

    with unswept():
        return getattr(import_module(ELSEWHERE.get(name, "thalweg.api")), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


class _Verbs(ModuleType):
    """The package as a module whose verbs stay verbs: importing the room `thalweg.report` does not hide `tw.report`."""

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Verbs
