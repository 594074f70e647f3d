"""By which rows the opponent is chosen: how often the baseline that is truly best is, by few validation rows or by folds.

From the real tables below n rows are drawn to learn from; every baseline is fitted with the better of two settings by three
folds of them, as for a verdict. Its truth is what it comes to on 1,400 further rows. Three rules choose among all baselines and
the trivial answer: the value on v validation rows, the mean over the folds, and both weighed by their rows. Loss: by how much,
in points of accuracy (or per cent of RMSE), the chosen one is worse than the best, in the mean. Of 200 validation rows v are
drawn ten times.

Command: THALWEG_DATA=... python benchmarks/choosing.py [draws]    (13: forty minutes of one processor)
"""

import os
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.append(str(Path(__file__).parents[1]))

from thalweg.core import registry

TABLES = {
    "bank_marketing": "deposit",
    "california_housing": "median_house_value",
    "default_credit_card": "default",
    "telco_churn": "Churn",
    "digits": "class",
    "bike_sharing_hourly": "cnt",
}
LEFT_OUT = ("customerID", "instant", "dteday", "casual", "registered", "ID")
LEARNED, FOLDS, JUDGED, SETTINGS = (60, 240), 3, 1_400, 2
VALIDATION, AGAIN = (3, 5, 10, 20, 40, 60, 100, 200), 10
RULES = ("validation", "folds", "both")


def table(name: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """Standardised columns (N, d), the target (N,), and whether it is a class."""
    if name == "digits":
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        return x / 16.0, y, True
    path = next((Path(os.environ["THALWEG_DATA"]) / "tabular").glob(f"{name}.csv.gz"))
    frame = pd.read_csv(path, sep=None, engine="python").dropna()
    target = next(one for one in frame.columns if one.casefold() == TABLES[name].casefold())
    y = frame.pop(target)
    frame = frame.drop(columns=[one for one in LEFT_OUT if one in frame])
    x = pd.get_dummies(frame.loc[:, [one for one in frame if frame[one].dtype != object or frame[one].nunique() < 30]])
    x = ((x - x.mean()) / x.std().replace(0, 1)).to_numpy(np.float64)
    classes = y.dtype == object or y.nunique() < 20
    return x, pd.factorize(y)[0] if classes else y.to_numpy(np.float64), classes


def scores(estimator: Any, x: np.ndarray, y: np.ndarray, *, classes: bool) -> np.ndarray:  # noqa: ANN401
    """(n,) of each row: 1 where it is right, or minus its squared error."""
    answers = np.asarray(estimator.predict(x))
    return (answers == y).astype(float) if classes else -((answers - y) ** 2)


def value(rows: np.ndarray, *, classes: bool) -> float:
    """Accuracy, or minus the root mean squared error."""
    return float(rows.mean()) if classes else -float(np.sqrt(-rows.mean()))


def fitted(x: np.ndarray, y: np.ndarray, *, classes: bool) -> Iterator[tuple[float, Any]]:
    """The value over folds of each baseline with its best setting, and the estimator fitted on all rows."""
    from sklearn.base import clone
    from sklearn.dummy import DummyClassifier, DummyRegressor

    task = "classification" if classes else "regression"
    names = [
        one
        for one, part in registry.parts("baseline").items()
        if task in part.facts["tasks"] and "inputs" not in part.facts and "weights" not in part.facts
    ]
    offers = [[("", DummyClassifier() if classes else DummyRegressor())]]
    parts = [registry.load("baseline", name)() for name in names]
    offers += [part.classifiers(0) if classes else part.regressors(0) for part in parts]
    fold = np.arange(len(y)) * FOLDS // len(y)
    for offered in offers:
        found = []
        for _, estimator in offered[:SETTINGS]:
            try:
                each = [
                    value(scores(clone(estimator).fit(x[fold != k], y[fold != k]), x[fold == k], y[fold == k], classes=classes),
                          classes=classes)
                    for k in range(FOLDS)
                ]  # fmt: skip
            except ValueError:  # more neighbours than rows, or one class alone
                continue
            found.append((float(np.mean(each)), estimator))
        best = max(found, key=lambda one: one[0])
        yield best[0], clone(best[1]).fit(x, y)


def main() -> None:
    """Print, for each number of rows, how often each rule chooses the best baseline, and what it loses."""
    warnings.simplefilter("ignore")
    right, lost = defaultdict(list), defaultdict(list)
    tables = {name: table(name) for name in TABLES}
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 13
    for draw, (name, (x, y, classes)), learned in product(range(draws), tables.items(), LEARNED):
        order = np.random.default_rng(1000 * draw + learned).permutation(len(y))
        own, held, rest = np.split(order[: learned + VALIDATION[-1] + JUDGED], [learned, learned + VALIDATION[-1]])
        scored, models = zip(*fitted(x[own], y[own], classes=classes), strict=True)
        folded = np.array(scored)
        truth = np.array([value(scores(one, x[rest], y[rest], classes=classes), classes=classes) for one in models])
        rows = [scores(one, x[held], y[held], classes=classes) for one in models]
        for v, again in product(VALIDATION, range(AGAIN)):
            some = np.random.default_rng([draw, v, again]).choice(VALIDATION[-1], v, replace=False)
            seen = np.array([value(one[some], classes=classes) for one in rows])
            both = (learned * folded + v * seen) / (learned + v)
            for rule, by in zip(RULES, (seen, folded, both), strict=True):
                loss = 100 * (truth.max() - truth[by.argmax()]) / (1.0 if classes else -truth.max())
                right[learned, v, rule].append(loss == 0)
                lost[learned, v, rule].append(loss)
        print(f"draw {draw} of {name}, {learned} rows", file=sys.stderr)
    show(right, lost)


def show(right: dict[Any, list[bool]], lost: dict[Any, list[float]]) -> None:
    """A line for each number of rows: the share of best choices, and the mean loss, by rule."""
    print(f"{'learned':>8} {'v':>5}   " + "   ".join(f"{rule:>20}" for rule in RULES))
    for learned in LEARNED:
        for v in VALIDATION:
            cells = [(np.mean(right[learned, v, rule]), np.mean(lost[learned, v, rule])) for rule in RULES]
            print(
                f"{learned:>8} {v:>5}   " + "   ".join(f"{share:>8.2f} {loss:>6.2f} lost" for share, loss in cells), flush=True
            )


if __name__ == "__main__":
    main()
