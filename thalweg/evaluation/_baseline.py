"""What a baseline is: candidates of a scikit-learn estimator, and the fitted one in a model's place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from thalweg.evaluation.features import Columns, as_tensor
from thalweg.models.classical._evaluator import Evaluator
from thalweg.tasks._task import Task

Candidates = list[tuple[str, Any]]
"""A few settings in words, each with its estimator, not yet fitted."""

LEAST = 1e-7
"""Probabilities are kept off 0 by the resolution of float32."""


class Baseline:
    """The base of every baseline. A part says in its facts which `tasks` it learns, and what it is called (`title`).

    Further facts: `cost` (rank among the baselines, the simplest first), `power` (the time to fit grows with this power of the
    rows), `gives` ("decisions" where there are no probabilities), `sparse` (it reads sparse rows; others get them condensed),
    `inputs` (it is made for one input of these kinds, which it gets as it is instead of as plain columns), `weights` (it
    gets that input as a published net sees it, where its weights are here).
    """

    def classifiers(self, seed: int) -> Candidates:
        """Estimators of classes."""
        return []

    def regressors(self, seed: int) -> Candidates:
        """Estimators of one number."""
        return []

    def evaluator(self) -> type[Evaluator]:
        """What answers from the arrays of a fitted estimator, so that it can be shipped."""
        raise NotImplementedError("it has no arrays that could be shipped")

    def packaged(self, task: Task, weights: Mapping[str, Tensor], settings: Mapping[str, Any]) -> nn.Module:
        """The model that a package of form `baseline` holds."""
        from thalweg.evaluation.packaged import rebuilt

        return rebuilt(self, task, weights, settings)


@dataclass
class Fitted:
    """A fitted estimator in a model's place: called with inputs by the ports' names, it answers as a net would.

    Attributes:
        classes: how many classes the task knows; None: it predicts values.
        decisions: the estimator has no probabilities of its own.
        sharpness: what decisions are multiplied by before they become log-probabilities.
    """

    estimator: Any
    columns: Columns
    classes: int | None
    decisions: bool = False
    sharpness: float = 1.0

    def __call__(self, *arguments: Tensor, **named: Tensor) -> Tensor:
        """Log-probabilities (B, C), or (B, T, C) of rows of places; or standardised values (B, d)."""
        like = next(iter((*arguments, *named.values())))
        return as_tensor(self.answered(self.columns.given(arguments, named)), like)

    def answered(self, rows: Any) -> np.ndarray:
        """The same of rows as the estimator reads them: log-probabilities (B, C), or values (B, d)."""
        if self.classes is None:
            return np.asarray(self.estimator.predict(rows)).reshape(rows.shape[0], -1)
        return self._log_probabilities(rows)

    def _log_probabilities(self, rows: Any) -> np.ndarray:
        found = self.scores(rows) * self.sharpness if self.decisions else self.estimator.predict_proba(rows)
        known = _log_softmax(found) if self.decisions else np.log(np.clip(found, LEAST, None))
        answer = np.full((*known.shape[:-1], self.classes or 0), np.log(LEAST))
        answer[..., self.estimator.classes_.astype(np.int64)] = known
        return answer

    def scores(self, rows: Any) -> np.ndarray:
        """Decisions (B, classes seen); of two classes the one decides for both."""
        found = np.asarray(self.estimator.decision_function(rows))
        return np.stack([np.zeros_like(found), found], axis=1) if found.ndim == 1 else found


def _log_softmax(scores: np.ndarray) -> np.ndarray:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
