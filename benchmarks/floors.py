"""Floors: how strong the opponents are, so that no net wins against a weak one.

Tuned as before every verdict (cross-validation on training rows), then judged once on the published test rows: gradient
boosting on Adult (must .870), the linear SVM on TF-IDF of SST-2 (.805) and TREC (.88), an SVM on colours and gradients of
hymenoptera (stated).

Command: THALWEG_DATA=... python benchmarks/floors.py [adult sst2 trec hymenoptera]
"""

import os
import sys
import time
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parents[1]))
sys.path.append(str(Path(__file__).parents[1] / "recipes"))

from thalweg.core import registry
from thalweg.core.talk import Talk
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.evaluation import opponents
from thalweg.evaluation.evaluate import evaluate
from thalweg.tasks.classification import Classification

SECONDS = 120.0
"""As long as the longest comparison may take."""


def adult():
    from recipes.adult import DATA, adult, with_split

    return with_split(adult(), DataSettings(**DATA)), DataSettings(**DATA)


def catalogued(name, split):
    settings = DataSettings(split=split)
    return lambda: (read(name, settings), settings)


def hymenoptera():
    settings = DataSettings()
    return read(Path(os.environ["THALWEG_DATA"]) / "hymenoptera", settings), settings


SETS = {
    "adult": (adult, "gradient-boosting", 0.870),
    "sst2": (catalogued("sst2", "0.966666,0.016667,0.016666,0.000001"), "linear-svm", 0.805),
    "trec": (catalogued("trec", "0.93,0.05,0.019999,0.000001"), "linear-svm", 0.88),
    "hymenoptera": (hymenoptera, "rbf-svm", None),
}


def main(names):
    torch.set_num_threads(1)
    for name in names or SETS:
        load, baseline, floor = SETS[name]
        examples, settings = load()
        dataset = encode(examples, settings, seed=0)
        task = Classification(dataset.encodings, registry.settings_of("task", "classification"))
        opponents._fitting = lambda _, only=baseline: [only]
        begun = time.process_time()
        found = opponents.opponents(task, dataset, headline="accuracy", seed=0, budget=SECONDS, talk=Talk())
        one = next(each for each in found.opponents if each.name == baseline)
        value = evaluate(task, one.model, dataset).estimates["accuracy"]
        tuned = f"{one.fits} fits, {one.folds} folds, {one.rows:,} of {one.whole:,} rows"
        print(
            f"{name}: {one.title}, {one.setting}: {value.value:.4f} [{value.low:.4f}, {value.high:.4f}] of {value.n:,}",
            f"(must {floor}); validation {one.validation:.4f}, {tuned}, {time.process_time() - begun:.0f} processor seconds",
            *found.notes,
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
