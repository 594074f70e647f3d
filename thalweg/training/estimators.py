"""Estimators for scikit-learn: nets with `fit` and `predict`, for pipelines, cross-validation and grid search.

    model = tw.Classifier(epochs=20).fit(X, y)

They learn as `tw.train` does, by the same defaults, but compare with nothing and leave no folder behind. Columns of a data
frame are typed as in `tw.train`; arrays hold numbers. Where there are 100 rows or more, a tenth chooses the epoch whose weights
are kept.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.data._frames import frame_columns, is_frame
from thalweg.data.dataset import Examples
from thalweg.fields.column import Column
from thalweg.packages.package import Package
from thalweg.training.fit import fit
from thalweg.training.requested import asked_by_options, merged, run_settings

TARGET, WEIGHT = "(target)", "(weight)"
"""Names of fields that no column of the user's has."""
HELD_OUT, LEAST = 0.1, 100
"""The share of rows that chooses the weights, where there are at least so many rows."""


class _Net(BaseEstimator):
    """What classifiers and regressors share.

    Attributes:
        package_: the trained model with its encodings, in double precision so that no answer depends on the rows beside it.
    """

    def __init__(
        self,
        model: str | Mapping[str, Any] | None = None,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        preset: str | None = None,
        settings: Mapping[str, Any] | None = None,
        random_state: Any = None,  # noqa: ANN401 - a seed, a generator, or None
    ) -> None:
        self.model, self.epochs, self.steps, self.batch_size, self.lr = model, epochs, steps, batch_size, lr
        self.preset, self.settings, self.random_state = preset, settings, random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = False
        return tags

    def _learn(self, columns: dict[str, Column], kinds: dict[str, str], target: np.ndarray, weights: Any) -> None:  # noqa: ANN401
        """Train on checked columns and a target (N,) of class codes or values."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        columns, kinds, roles = dict(columns), dict(kinds), {TARGET: "target"}
        columns[TARGET] = target
        if weights is not None:
            columns[WEIGHT], kinds[WEIGHT], roles[WEIGHT] = weights, "number", "weight"
        given = _parts(target, seed, classes=is_classifier(self))
        examples = Examples("table", columns, kinds, roles, given)  # type: ignore[arg-type]
        named = {name: getattr(self, name) for name in ("epochs", "steps", "batch_size", "lr", "preset")}
        keep = {"stopping": {"keep": "best" if len(target) >= LEAST else "last"}}
        asked = merged(keep, self.settings or {}, {"model": self.model} if self.model else {}, asked_by_options(named))
        threads = torch.get_num_threads()
        try:
            with tempfile.TemporaryDirectory() as folder:
                made = run_settings(asked | {"seed": seed})
                run = fit(made, given=examples, folder=RunFolder.create(Path(folder) / "run"), talk=Talk())
        finally:
            torch.set_num_threads(threads)
        run.package.model.double()
        self.package_: Package = run.package

    def _columns(self, X: Any, *, reset: bool = False) -> tuple[dict[str, Column], dict[str, str]]:  # noqa: ANN401
        """Columns by name, and the kinds that are certain: all of an array are numbers."""
        if is_frame(X) and not _numeric(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return frame_columns(X), {}
        values = validate_data(self, X, reset=reset, ensure_all_finite="allow-nan", ensure_min_samples=2 if reset else 1)
        names = [f"x{place}" for place in range(values.shape[1])]
        return {name: values[:, place] for place, name in enumerate(names)}, dict.fromkeys(names, "number")

    def _predicted(self, X: Any) -> dict[str, Column]:  # noqa: ANN401
        check_is_fitted(self)
        columns, _ = self._columns(X)
        return self.package_.predict(columns, allow_unknown=True, talk=Talk())


class Classifier(ClassifierMixin, _Net):
    """A net that tells classes apart; see the module for what it learns by.

    Args:
        model: a part's name, or a mapping with its settings; None: the default for such data.
        epochs: times through the training rows; None: from their number.
        steps: steps instead of epochs.
        batch_size: rows of a batch.
        lr: learning rate at its peak.
        preset: how much effort: "fast", "good" (the default) or "best".
        settings: further settings of the run, as in `settings.yaml`: `{"device": "cpu", "threads": 1}`.
        random_state: the seed, or what draws it.

    Attributes:
        classes_: the classes in order.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> Classifier(epochs=30, random_state=0).fit(X, y).score(X, y) > 0.9
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: ANN401
        """Learn classes (N,) from rows (N, d)."""
        columns, kinds = self._columns(X, reset=True)
        y = _target(self, y, X)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        if len(np.unique(codes if weights is None else codes[weights > 0])) < 2:
            raise ValueError("Classifier cannot learn from one class: at least two classes must have rows that count")
        self._learn(columns, {**kinds, TARGET: "category"}, codes, weights)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: ANN401
        """(N, classes) probabilities, in the order of `classes_`."""
        found = np.asarray(self._predicted(X)["probabilities"], dtype=np.float64)
        known = np.asarray(self.package_.encodings.target.state()["values"][0], dtype=np.int64)
        answer = np.zeros((len(found), len(self.classes_)))
        answer[:, known] = found
        return answer / answer.sum(1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:  # noqa: ANN401
        """(N,) the likeliest class of each row."""
        likeliest = self.predict_proba(X).argmax(1)
        return np.asarray(self.classes_[likeliest])


class Regressor(RegressorMixin, _Net):
    """A net that tells a number; see the module for what it learns by.

    Args:
        model: a part's name, or a mapping with its settings; None: the default for such data.
        epochs: times through the training rows; None: from their number.
        steps: steps instead of epochs.
        batch_size: rows of a batch.
        lr: learning rate at its peak.
        preset: how much effort: "fast", "good" (the default) or "best".
        settings: further settings of the run, as in `settings.yaml`: `{"device": "cpu", "threads": 1}`.
        random_state: the seed, or what draws it.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: ANN401
        """Learn numbers (N,) from rows (N, d)."""
        columns, kinds = self._columns(X, reset=True)
        y = _target(self, y, X).astype(np.float64)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        self._learn(columns, {**kinds, TARGET: "number"}, y, weights)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: ANN401
        """(N,) the number of each row."""
        return np.asarray(self._predicted(X)[TARGET], dtype=np.float64).reshape(-1)


def _target(estimator: _Net, y: Any, X: Any) -> np.ndarray:  # noqa: ANN401
    """The target (N,), checked to be as long as the rows are many.

    Raises:
        ValueError: it is missing, of another length or shape, or not finite.
    """
    if y is None:
        raise ValueError(f"requires y to be passed, but the target y is None: {type(estimator).__name__} learns from a target")
    values = column_or_1d(y, warn=True)
    check_consistent_length(X, values)
    if values.dtype.kind in "fiuc":
        assert_all_finite(values, input_name="y")
    return values


def _parts(target: np.ndarray, seed: int, *, classes: bool) -> dict[str, torch.Tensor]:
    """The rows that train, and those that choose the weights: of few rows all do both."""
    rows = np.arange(len(target))
    train, held = rows, rows
    if len(rows) >= LEAST:
        counts = np.bincount(target) if classes else np.zeros(1)
        balanced = target if classes and counts.min() >= 2 and len(counts) <= HELD_OUT * len(rows) else None
        train, held = train_test_split(rows, test_size=HELD_OUT, random_state=seed, stratify=balanced)
    parts = {"train": np.sort(train), **dict.fromkeys(("validation", "calibration", "test"), np.sort(held))}
    return {part: torch.from_numpy(chosen) for part, chosen in parts.items()}


def _numeric(frame: Any) -> bool:  # noqa: ANN401
    """Whether a data frame holds numbers only."""
    return all(isinstance(one, np.ndarray) and one.dtype.kind in "fiu" for one in frame_columns(frame).values())
