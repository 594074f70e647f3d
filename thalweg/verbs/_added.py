"""What is added to the results of a run that has ended: whole, with the report, and only where that run still stands."""

from collections.abc import Callable, Mapping
from typing import Any

from thalweg.core import files
from thalweg.core.disk import refusing
from thalweg.core.run_folder import RunFolder
from thalweg.core.run_lock import one_at_a_time
from thalweg.core.standing import Standing


def add_to_results(standing: Standing, added: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Write what `results.json` says with an addition, and the report anew; returns the results.

    Others that add to the same run meanwhile wait, and what they wrote is kept.

    Args:
        added: makes of the results as they are now those that are to be.

    Raises:
        ResourceRefusal: the folder was renamed, removed or replaced, or the system refused; the results stand as before.
        PackageRefusal: what the run wrote is damaged.
    """
    from thalweg.report.report import write_report

    folder = RunFolder(standing.path)
    standing.refuse_gone()
    with refusing(folder.path), one_at_a_time(folder.path):
        results = added(files.read_object(folder.results, where=folder.results.name))
        files.write_json(folder.results, results)
        write_report(folder)
    return results
