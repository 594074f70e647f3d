"""Compare: what a run was compared with; over seeds, what that comes to for the way of training."""

from pathlib import Path
from typing import Any

from thalweg.core import files
from thalweg.core.talk import Talk
from thalweg.verbs.run import Run, dataset_of, load, refuse_unfinished, run_of


def compare(run: Run | str | Path, *, seeds: int | None = None, talk: Talk | None = None) -> dict[str, Any]:
    """What a run was compared with and what that comes to: of this model, or, over seeds, of this way of training.

    Args:
        seeds: how many trainings in all, the run's own among them; what is done is not trained again. None: the run alone.

    Raises:
        UsageRefusal: fewer than three seeds, or a run that was not compared or cannot be trained again from its settings.
    """
    from thalweg.evaluation.seeds import compare_seeds
    from thalweg.report.report import write_report

    loaded = load(run) if isinstance(run, str | Path) else run
    found = run_of(loaded, "a package alone has nothing that it was compared with")
    refuse_unfinished(found.folder)
    results = found.results
    if seeds is None:
        return results
    dataset = dataset_of(found)
    told = compare_seeds(found.folder, found.package, dataset, results, seeds=seeds, talk=talk or Talk())
    results = results | {"over_seeds": told}
    files.write_json(found.folder.results, results)
    write_report(found.folder)
    return results
