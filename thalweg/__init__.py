"""thalweg: raw data in, a deep model out that its owner can defend.

`import thalweg as tw` costs no torch: each verb is imported when it is first asked for.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from thalweg.api import check, compare, doctor, evaluate, load, predict, report, train
    from thalweg.training.estimators import Classifier, Regressor

ESTIMATORS = ("Classifier", "Regressor")
__all__ = ["Classifier", "Regressor", "check", "compare", "doctor", "evaluate", "load", "predict", "report", "train"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562: the verbs, imported on first use
    if name not in __all__:
        raise AttributeError(f"module 'thalweg' has no attribute {name!r}: its verbs are {', '.join(__all__)}")
    if name in ESTIMATORS:
        from thalweg.training import estimators

        return getattr(estimators, name)
    from thalweg import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


class _Verbs(ModuleType):
    """The package as a module whose verbs stay verbs: importing the room `thalweg.report` does not hide `tw.report`."""

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401
        if not (name in __all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Verbs
