"""Predict: what a run, a package or one of a run's baselines says of new data."""

from pathlib import Path
from typing import Any

from thalweg.core.talk import Talk
from thalweg.data.settings import OnBadFile
from thalweg.fields.encoding import Column
from thalweg.packages.given import columns_of
from thalweg.packages.package import Package
from thalweg.packages.streamed import predicted_to_csv
from thalweg.verbs.run import Run, load, package_of, run_of, said_of_files


def predict(
    run: Run | Package | str | Path,
    data: Any = None,  # noqa: ANN401
    *,
    seed: int = 0,
    allow_unknown: bool = False,
    on_bad_file: OnBadFile = "skip",
    baseline: str | None = None,
    talk: Talk | None = None,
    **request: Any,  # noqa: ANN401
) -> dict[str, Column]:
    """Predictions for new data as raw values by name, a row for each example; where these are files, `file` names them.

    Args:
        run: a run, a package, or the path of either.
        data: raw input: a path, `Path`s in a list, arrays, a mapping of columns; None where a request says all.
        allow_unknown: answer also where most rows have values that training never saw.
        on_bad_file: what files that cannot be read lead to: where they are few their rows are left out ("skip"), or "refuse".
        baseline: the name of a baseline that the run was compared with, to answer in the net's place.
        talk: hears what is left aside or taken for something else; without it they are Python's warnings.
        request: what is asked beyond the input (`samples=16, condition=3`, `beams=4`); each task has its own.

    Raises:
        DataRefusal: an input column is missing or cannot be encoded.
        UsageRefusal: the task does not know a key of the request.
    """
    found = load(run) if isinstance(run, str | Path) else run
    package = package_of(found) if baseline is None else baseline_of(found, baseline)
    said = said_of_files(on_bad_file)
    columns = None if data is None else columns_of(package, data, said, talk=talk)
    return package.predict(columns, seed=seed, request=request, allow_unknown=allow_unknown, on_bad_file=on_bad_file, talk=talk)


def predict_to_csv(
    run: Run | Package,
    data: Any,  # noqa: ANN401
    out: Path,
    *,
    seed: int = 0,
    on_bad_file: OnBadFile = "skip",
    baseline: str | None = None,
    talk: Talk,
    **request: Any,  # noqa: ANN401
) -> int | None:
    """Predictions for a large table's file, written as CSV while it is read, and how many; None: use `predict`."""
    package = package_of(run) if baseline is None else baseline_of(run, baseline)
    return predicted_to_csv(package, data, out, talk=talk, seed=seed, request=request, on_bad_file=on_bad_file)


def baseline_of(run: Run | Package, name: str) -> Package:
    """A baseline that a run was compared with, by its name."""
    from thalweg.evaluation.packaged import kept

    return kept(run_of(run, "a package alone holds no baselines").folder, name)
