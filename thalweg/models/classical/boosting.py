"""Gradient boosting of trees on binned columns, categories and missing values included."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from thalweg.models.classical._evaluator import classes_of, require, softmax
from thalweg.models.classical._trees import LEAF, Trees, joined

WORDS = 8
"""32-bit words that say which of 256 codes go left."""


@dataclass(frozen=True)
class Boosting(Trees):
    """A start, and what each tree adds to it; a round has a tree for each class where there are more than two.

    Attributes:
        start: (k,) scores before the first tree.
        sets: (m,) which set of codes goes left at a node that asks for a category; -1 where it asks for a number.
        codes_left: (sets, 8) the codes of each set, a bit each.
        categories: (c,) the values of all categorical columns, one column after another.
        category_columns: (c,) the column of each.
        order: (d,) the columns as the trees count them.
    """

    start: np.ndarray
    sets: np.ndarray
    codes_left: np.ndarray
    categories: np.ndarray
    category_columns: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, estimator: Any) -> Self:
        single = [_arrays(one) for round_ in estimator._predictors for one in round_]
        bits = [one.pop("codes_left") for one in single]
        places = np.concatenate([[0], np.cumsum([len(one) for one in bits])[:-1]])
        for one, place in zip(single, places, strict=True):
            one["sets"] = np.where(one["sets"] < 0, -1, one["sets"] + place).astype(np.int32)
        start = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(-1)
        columns = _categories(estimator)
        return cls(classes_of(estimator), **joined(single), start=start, codes_left=np.concatenate(bits), **columns)

    def check(self) -> None:
        super().check()
        require(self.start.ndim == 1 and len(self.roots) % max(1, len(self.start)) == 0, "every round has the same trees")
        require(self.sets.shape == self.columns.shape, "every node asks for a number or a category")
        require(bool((self.sets < max(1, len(self.codes_left))).all()), "every category's node has a set of codes")
        require(self.codes_left.shape[1:] == (WORDS,), "a set is of 256 codes")
        require(self.categories.shape == self.category_columns.shape, "every category is of a column")
        require(sorted(self.order.tolist()) == list(range(len(self.order))), "every column stands in one place")

    def predict(self, rows: Any) -> np.ndarray:
        return self._raw(rows)[:, 0]

    def predict_proba(self, rows: Any) -> np.ndarray:
        raw = self._raw(rows)
        return softmax(raw[:, 0] if raw.shape[1] == 1 else raw)

    def goes_left(self, values: np.ndarray, place: np.ndarray) -> np.ndarray:
        numbers = super().goes_left(values, place)
        chosen = self.sets[place]
        if not len(self.codes_left):
            return numbers
        code = np.where(np.isnan(values), 0, np.clip(values, 0, 32 * WORDS - 1)).astype(np.int64)
        inside = self.codes_left[np.maximum(chosen, 0), code // 32] >> (code % 32).astype(np.uint32) & 1
        return np.where((chosen < 0) | np.isnan(values), numbers, inside > 0)

    def _raw(self, rows: Any) -> np.ndarray:
        given = np.array(rows, dtype=np.float64)
        for column in np.unique(self.category_columns):
            given[:, column] = self._coded(given[:, column], self.categories[self.category_columns == column])
        found: np.ndarray = self.summed(given[:, self.order], every=len(self.start)) + self.start
        return found

    def _coded(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Places of values (n,) among the known ones, which are sorted; NaN where they are none of them."""
        place = np.minimum(np.searchsorted(known, values), len(known) - 1)
        return np.where(known[place] == values, place, np.nan)


def _categories(estimator: Any) -> dict[str, np.ndarray]:  # noqa: ANN401
    """How the estimator codes its categorical columns, which it puts before the others."""
    count = estimator.n_features_in_
    if estimator.is_categorical_ is None:
        nothing = np.zeros(0)
        return {"categories": nothing, "category_columns": nothing.astype(np.int32), "order": np.arange(count, dtype=np.int32)}
    columns = np.flatnonzero(estimator.is_categorical_)
    known = [np.asarray(one, dtype=np.float64) for one in estimator._preprocessor.named_transformers_["encoder"].categories_]
    known = [one[~np.isnan(one)] for one in known]
    return {
        "categories": np.concatenate(known),
        "category_columns": np.repeat(columns, list(map(len, known))).astype(np.int32),
        "order": np.concatenate([columns, np.flatnonzero(~estimator.is_categorical_)]).astype(np.int32),
    }


def _arrays(predictor: Any) -> dict[str, np.ndarray]:  # noqa: ANN401
    """The fields of one tree of scikit-learn."""
    nodes, leaf = predictor.nodes, predictor.nodes["is_leaf"] > 0
    most = np.finfo(np.float64).max  # a threshold without end parts numbers from missing values
    asked = (nodes["is_categorical"] > 0) & ~leaf
    return {
        "columns": np.where(leaf, LEAF, nodes["feature_idx"]).astype(np.int32),
        "thresholds": np.where(leaf | asked, 0.0, np.clip(nodes["num_threshold"], -most, most)),
        "left": np.where(leaf, np.cumsum(leaf) - 1, nodes["left"]),
        "right": nodes["right"].astype(np.int64),
        "missing_left": nodes["missing_go_to_left"].astype(np.uint8),
        "sets": np.where(asked, nodes["bitset_idx"].astype(np.int64), -1),
        "values": nodes["value"][leaf][:, None].astype(np.float64),
        "codes_left": np.asarray(predictor.raw_left_cat_bitsets, dtype=np.uint32).reshape(-1, WORDS),
    }
