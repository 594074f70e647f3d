"""The verbs, the same in Python as on the command line: train, check, load, predict, evaluate, compare, report, doctor, ...

Each is imported when it is first asked for: what judges a foreign model is not needed for training one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thalweg.verbs.compare import compare
    from thalweg.verbs.evaluate import evaluate
    from thalweg.verbs.import_weights import import_weights
    from thalweg.verbs.look import check, described, doctor, report
    from thalweg.verbs.predict import predict
    from thalweg.verbs.run import Run, dataset_of, load, package_of
    from thalweg.verbs.train import train

__all__ = [
    "Run",
    "check",
    "compare",
    "dataset_of",
    "described",
    "doctor",
    "evaluate",
    "import_weights",
    "load",
    "package_of",
    "predict",
    "report",
    "train",
]
FILES = {
    "look": ("check", "described", "doctor", "report"),
    "run": ("Run", "dataset_of", "load", "package_of"),
}
"""Files of the room of verbs that hold several names; the others hold what they are called by."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name not in __all__:
        raise AttributeError(f"module 'thalweg.api' has no attribute {name!r}")
    file = next((file for file, names in FILES.items() if name in names), name)
    return getattr(import_module(f"thalweg.verbs.{file}"), name)
