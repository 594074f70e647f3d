"""Every plain column alone against the target, and what all others together reach."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from thalweg.checks.scores import explained, folds, mean_area
from thalweg.checks.seen import Seen
from thalweg.checks.single_column import FOLDS, Score, binned, score_of_amounts, score_of_classes
from thalweg.checks.subject import TRAIN, Subject

MOST_CLASSES, LEAST_ROWS, HURRIED_ROWS = 50, 50, 20_000


@dataclass
class AgainstTarget:
    """One subject's columns against its target.

    Attributes:
        rows: those whose target is known and that may be learned from, or a sample of them.
        scores: of the columns that were asked for, by name.
    """

    subject: Subject
    target: Seen
    rows: np.ndarray
    scores: dict[str, Score] = field(default_factory=dict)

    @staticmethod
    def of(subject: Subject) -> "AgainstTarget | None":
        """The one that all detectors share; None where there is no single plain target, or too little of it."""
        found: AgainstTarget | None = subject.once("against the target", lambda: AgainstTarget._of(subject))
        return found

    @staticmethod
    def _of(subject: Subject) -> "AgainstTarget | None":
        target = subject.target
        if target is None or (subject.classes is None and subject.amounts is None):
            return None
        known = target.codes >= 0 if subject.classes is not None else np.isfinite(target.numbers)
        rows = np.flatnonzero(known & (subject.part <= TRAIN))
        rows = subject.sample(rows, most=len(rows), hurried=HURRIED_ROWS, what="columns that tell the target")
        kinds = len(np.unique(target.codes[rows]))
        few = len(rows) < LEAST_ROWS or kinds < 2 or (subject.classes is not None and kinds > MOST_CLASSES)
        return None if few else AgainstTarget(subject, target, rows)

    @property
    def classes(self) -> bool:
        """The target is a class, not a number."""
        return self.subject.classes is not None

    def score(self, one: Seen) -> Score:
        """The column alone."""
        if one.name not in self.scores:
            self.scores[one.name] = self.score_of(binned(one, self.rows))
        return self.scores[one.name]

    def score_of(self, cells: np.ndarray) -> Score:
        """What the cells (n,) of the rows tell of the target."""
        if self.classes:
            return score_of_classes(cells, self.target.codes[self.rows])
        return score_of_amounts(cells, self.target.numbers[self.rows])

    @cached_property
    def majority(self) -> float:
        """The share of the commonest class."""
        counts = np.bincount(self.target.codes[self.rows])
        return float(counts.max() / counts.sum())

    def together(self, columns: Sequence[Seen], *, most: int) -> float:
        """What boosting reaches with these columns out of fold: mean area under the curve, or explained variance."""
        if not columns:
            return 0.5 if self.classes else 0.0
        rows = self._drawn(most)
        truth = self.truth(rows)
        found = self._foreseen(columns, rows, truth)
        return mean_area(found, truth) if self.classes else explained(found, truth)

    def surety(self, columns: Sequence[Seen], rows: np.ndarray, code: int, *, most: int) -> float:
        """The mean probability that boosting gives a class out of fold, from these columns, in some rows of the subject.

        Where a sample is drawn ahead of a training, it tells the class from all others at once: fewer trees, by the number of
        classes.
        """
        drawn = self._drawn(most)
        inside = np.isin(drawn, rows)
        if not columns or not inside.any():
            return float((self.truth(self.rows) == code).mean())
        truth = self.truth(drawn)
        if self.subject.quick and len(drawn) < len(self.rows):
            code, truth = 1, (truth == code).astype(np.int64)
        return float(self._foreseen(columns, drawn, truth)[inside, code].mean())

    def truth(self, rows: np.ndarray) -> np.ndarray:
        """(n,) the target of some rows: its class, or the number."""
        return self.target.codes[rows] if self.classes else self.target.numbers[rows]

    def _drawn(self, most: int) -> np.ndarray:
        """At most so many of the rows, in order."""
        if len(self.rows) <= most:
            return self.rows
        drawn: np.ndarray = np.sort(np.random.default_rng(0).choice(self.rows, most, replace=False))
        return drawn

    def _foreseen(self, columns: Sequence[Seen], rows: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """(n, K) probabilities, or (n,) numbers, that boosting gives some rows out of fold."""
        table = np.stack([as_number(one)[rows] for one in columns], axis=1)
        return _out_of_fold(table, truth, classes=self.classes)


def as_number(one: Seen) -> np.ndarray:
    """(N,) float64: finite numbers as they are, the commonest categories by rank; NaN for the rest."""
    if one.numeric:
        return np.where(np.isfinite(one.numbers), one.numbers, np.nan)
    return np.where(one.codes < 0, np.nan, binned(one, np.arange(len(one))).astype(np.float64))


def _out_of_fold(table: np.ndarray, truth: np.ndarray, *, classes: bool) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    settings: dict[str, Any] = {"max_iter": 60, "max_leaf_nodes": 15, "early_stopping": False, "random_state": 0}
    fold = folds(len(truth), FOLDS)
    found = np.zeros((len(truth), int(truth.max()) + 1)) if classes else np.zeros(len(truth))
    for number in range(FOLDS):
        own, rest = fold == number, fold != number
        if classes and len(np.unique(truth[rest])) == 1:
            found[own, truth[rest][0]] = 1.0
        elif classes:
            model = HistGradientBoostingClassifier(**settings).fit(table[rest], truth[rest])
            found[np.ix_(own, model.classes_)] = model.predict_proba(table[own])
        else:
            found[own] = HistGradientBoostingRegressor(**settings).fit(table[rest], truth[rest]).predict(table[own])
    return found
