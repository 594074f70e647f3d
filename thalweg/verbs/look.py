"""Check, report, doctor and describe: what is known of data, runs and packages, without training anything."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from thalweg.checks.asked import check_data
from thalweg.checks.check import Checked
from thalweg.core.errors import UsageRefusal
from thalweg.core.files import read_object, understood
from thalweg.core.run_folder import RunFolder
from thalweg.core.strict_yaml import read_yaml
from thalweg.core.talk import Talk
from thalweg.packages.described import is_package
from thalweg.packages.package import package_facts
from thalweg.training.doctor import examine, installation
from thalweg.training.options import TrainOptions
from thalweg.training.requested import asked_by_options, merged, settings_in
from thalweg.training.understood import refuse_unknown_options
from thalweg.verbs.run import Run, load, run_of

WRITTEN = ("version", "written_by")
"""What a file says of itself."""

if TYPE_CHECKING:
    import torch
    from torch import nn

    from thalweg.doctor.watched import Watched


def _effort(run: RunFolder) -> dict[str, Any]:
    """What its preset chose, and what was measured and decided of its length, rate and batches."""
    written = read_yaml(run.settings)[0] if run.settings.is_file() else None
    why = written.get("why") if isinstance(written, dict) else None
    plan = read_object(run.plan, where=run.plan.name) if run.plan.is_file() else {}
    preset = {"preset": why["preset"]} if isinstance(why, dict) and "preset" in why else {}
    return preset | {"plan": {key: one for key, one in plan.items() if one and key not in WRITTEN}}


def check(
    data: Any,  # noqa: ANN401 - whatever a source understands
    *,
    against: Run | str | Path | None = None,
    settings: Mapping[str, Any] | str | Path | None = None,
    **options: Unpack[TrainOptions],
) -> Checked:
    """What is wrong with data, each finding with its rows and a remedy; everything is looked at.

    Args:
        against: a run: what is new or otherwise in the data than in what it was trained on.
        settings: of a run, or the path of such a file; what concerns data counts.
        options: as of `train`: target, field, ignore, group, time, talk, ...
    """
    refuse_unknown_options(options)
    talk = options.get("talk")
    written = settings_in(Path(settings), talk or Talk()) if isinstance(settings, str | Path) else settings or {}
    folder = against.folder if isinstance(against, Run) else None if against is None else RunFolder.existing(Path(against))
    return check_data(data, merged(written, asked_by_options(options)), against=folder, talk=talk)


def report(run: Run | str | Path) -> Path:
    """Write the run's report anew; returns its path."""
    from thalweg.report.report import write_report

    found = load(run) if isinstance(run, str | Path) else run
    return write_report(run_of(found, "a package alone has no history to report").folder)


@overload
def doctor(run: Run | str | Path | None = None) -> dict[str, Any]: ...
@overload
def doctor(run: "nn.Module", optimizer: "torch.optim.Optimizer", *, quiet: bool = False) -> "Watched": ...
def doctor(
    run: Any = None, optimizer: "torch.optim.Optimizer | None" = None, *, quiet: bool = False
) -> "dict[str, Any] | Watched":
    """What is wrong with a run and what to change; without a run, with this installation; with a model, with its training.

    A training of your own is watched within `with tw.doctor(model, optimizer) as watched:`; `watched.findings` says at any
    time, and the end of the block prints, what is wrong. The training is the same as without.

    Args:
        run: a run or its path; or the model that a loop of your own trains.
        optimizer: the one that steps in that loop.
        quiet: print nothing at the end of the block.

    Returns:
        `findings`: a list of `{"severity", "what", "where", "why", "fix"}`, the gravest first; and the facts looked at.
    """
    if run is None:
        return installation()
    if not isinstance(run, Run | str | Path):
        return _watched(run, optimizer, quiet=quiet)
    found = load(run) if isinstance(run, str | Path) else run
    return examine(run_of(found, "a package alone has no history to look at").folder)


def _watched(model: Any, optimizer: Any, *, quiet: bool) -> "Watched":  # noqa: ANN401
    import torch
    from torch import nn

    from thalweg.doctor.watched import Watched

    if not isinstance(model, nn.Module) or not isinstance(optimizer, torch.optim.Optimizer):
        given = ", ".join(type(one).__name__ for one in (model, optimizer))
        raise UsageRefusal(
            "DOCTOR_MISFIT",
            f"the doctor looks at a run, or at a model and its optimizer, not at ({given})",
            where="tw.doctor",
            why="it reads layers by the model, and gradients and steps by the optimizer",
            fix="with tw.doctor(model, optimizer) as watched: ...",
        )
    return Watched(model, optimizer, quiet=quiet)


def described(path: str | Path) -> dict[str, Any]:
    """What a run's folder or a package holds, from its files alone; no weights are loaded, nothing in it is executed.

    Raises:
        UsageRefusal: it is neither.
        PackageRefusal: it is damaged.
    """
    path = Path(path)
    run = None if is_package(path) else RunFolder.existing(path)
    package = package_facts(path if run is None else run.model) if run is None or run.model.exists() else {}
    if run is None:
        return {"package": str(path)} | package
    facts: dict[str, Any] = {"run": str(path), "state": run.state()} | package
    with understood(run.results):
        metric = Run(run).results.get("metric") or {}
        if metric.get("value") is not None:
            facts["test"] = {key: metric[key] for key in ("name", "value", "low", "high")}
    facts |= _effort(run)
    return facts | {"checkpoints": len(run.steps()), "files": sorted(one.name for one in path.iterdir() if one.name[0] != ".")}
