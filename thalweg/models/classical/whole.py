"""A classical model as it is shipped: one evaluator for each output, and what makes sparse rows ready for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.models.classical._evaluator import Evaluator
from thalweg.models.classical.sparse_columns import SparseColumns

STEP = "step"


@dataclass(frozen=True)
class Whole:
    """Evaluators side by side, in scikit-learn's words.

    Attributes:
        outputs: one for all, or one for each value that is predicted.
        step: what sparse rows go through first; None where rows are dense.
    """

    outputs: Sequence[Evaluator]
    step: SparseColumns | None = None

    @staticmethod
    def from_arrays(kind: type[Evaluator], arrays: Mapping[str, np.ndarray]) -> "Whole":
        """The whole of arrays by their full names: `0.weights`, `step.kept`.

        Raises:
            ValueError: they are not those of such evaluators.
        """
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = array
        step = parts.pop(STEP, None)
        if not parts or set(parts) != {str(place) for place in range(len(parts))}:
            raise ValueError(f"the outputs are {', '.join(sorted(parts))[:80]}; they are counted from 0")
        outputs = [kind.from_arrays(parts[str(place)]) for place in range(len(parts))]
        return Whole(outputs, SparseColumns.from_arrays(step) if step is not None else None)

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by their full names."""
        named: dict[str, Evaluator] = {str(place): one for place, one in enumerate(self.outputs)}
        named |= {STEP: self.step} if self.step is not None else {}
        return {f"{part}.{name}": array for part, one in named.items() for name, array in one.arrays().items()}

    @property
    def classes_(self) -> np.ndarray:
        """Codes of the classes that were seen."""
        return self.outputs[0].classes_

    def predict(self, rows: Any) -> np.ndarray:  # noqa: ANN401 - an array (n, d), or a sparse one of scipy
        """Values (n,) or (n, k)."""
        found = [one.predict(self._ready(rows)) for one in self.outputs]
        return found[0] if len(found) == 1 else np.stack(found, axis=1)

    def predict_proba(self, rows: Any) -> np.ndarray:  # noqa: ANN401
        """Probabilities (n, k) of the classes seen."""
        return self.outputs[0].predict_proba(self._ready(rows))

    def decision_function(self, rows: Any) -> np.ndarray:  # noqa: ANN401
        """Decisions (n, k), or (n,) for the second of two classes."""
        return self.outputs[0].decision_function(self._ready(rows))

    def _ready(self, rows: Any) -> Any:  # noqa: ANN401
        return rows if self.step is None else self.step.transform(rows)
