"""thalweg: raw data in, a deep model out that its owner can defend.

`import thalweg as tw` costs no torch: each verb is imported when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from thalweg.api import doctor, evaluate, load, predict, report, train

__all__ = ["doctor", "evaluate", "load", "predict", "report", "train"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562: the verbs, imported on first use
    if name not in __all__:
        raise AttributeError(f"module 'thalweg' has no attribute {name!r}: its verbs are {', '.join(__all__)}")
    from thalweg import api

    return getattr(api, name)
