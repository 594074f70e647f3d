"""The verbs, the same in Python as on the command line: train, check, load, predict, evaluate, compare, report, doctor."""

from thalweg.verbs.compare import compare
from thalweg.verbs.evaluate import evaluate
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
    "load",
    "package_of",
    "predict",
    "report",
    "train",
]
