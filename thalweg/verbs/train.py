"""Train: fit, then evaluate on the test part, compare with baselines and report."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from thalweg.core import files
from thalweg.core.distributed import connect
from thalweg.core.errors import Stopped, TrainingRefusal
from thalweg.core.interrupts import interrupt_in
from thalweg.core.memory import is_scarce
from thalweg.core.processes import Processes
from thalweg.core.run_folder import RunFolder
from thalweg.core.run_log import RunLog
from thalweg.core.talk import Aloud, Talk
from thalweg.evaluation.libraries import load_libraries
from thalweg.rules._rule import Rule
from thalweg.tasks._task import Task
from thalweg.training.examined import Examine, Examined
from thalweg.training.fit import fit
from thalweg.training.interruption import Interrupted
from thalweg.training.options import TrainOptions
from thalweg.training.own_parts import refuse_lacking
from thalweg.training.requested import asked_before, asked_by_options, located, merged, run_settings, settings_in
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Own
from thalweg.training.understood import refuse_no_model, refuse_unknown_options
from thalweg.verbs._place import Wanted
from thalweg.verbs.run import Run


def train(
    data: Any,  # noqa: ANN401 - whatever a source understands
    *,
    model: str | Mapping[str, Any] | nn.Module | None = None,
    task: str | Mapping[str, Any] | type[Task] | None = None,
    rule: str | Mapping[str, Any] | type[Rule] | None = None,
    loss: str | Mapping[str, Any] | Callable[[Tensor, Tensor], Tensor] | None = None,
    settings: Mapping[str, Any] | str | Path | None = None,
    out: str | Path | None = None,
    **options: Unpack[TrainOptions],
) -> Run:
    """Train on data, evaluate on the test part, compare with baselines and write a report.

    Args:
        data: path, catalogued name, arrays `(X, y)`, mapping of columns, any torch `Dataset` or iterable of examples.
        model: a part's name, a mapping with its settings, or any `torch.nn.Module`.
        task: a part's name, a mapping with its settings, or a `Task` class.
        rule: how to learn, likewise.
        loss: a part's name, or any callable of output and target.
        settings: further settings of the run as in `settings.yaml`, or the path of such a file.
        out: the run's folder; by default `runs/<name>`, numbered where that stands. The same call repeated goes on with an
            unfinished run (see `resume` of `TrainOptions`).
        options: see `TrainOptions`: target, epochs, batch_size, lr, seed, threads, check, compare, resume, ...

    Raises:
        Refusal: what is wrong, where, why and how to mend it.
    """
    refuse_unknown_options(options)
    refuse_no_model(model)
    named = {"model": model, "task": task, "rule": rule, "loss": loss}
    own = _own(named)
    resume, talk = options.get("resume"), options.get("talk") or Aloud()
    before = asked_before(Path(out)) if resume and out is not None else {}
    written = settings_in(Path(settings), talk) if isinstance(settings, str | Path) else settings or {}
    asked = _asked(data, named, options, merged(before, written))
    wanted = Wanted(data, asked, own, out, resume, options.get("force", False))
    if asked.compare and is_scarce():
        load_libraries()
    processes = connect()
    try:
        for anew in (False, True):  # again, where the unfinished run that was found turns out to be of other data
            place = wanted.place(processes, talk, anew=anew)
            folder, resume = place.folder, place.resume
            if resume and folder.state() == "finished":
                talk.say("run", f"{folder.path} is already complete; nothing was trained")
                return Run(folder, own=own)
            given, log = None if isinstance(data, str | Path) else data, RunLog(talk, folder.log, folder.refuse_gone)
            look = _examination(asked) if asked.check else None
            with place.left_if_other(talk), _held(folder, processes, log) as threads:
                begun = time.monotonic()
                run = Run(folder, fit(asked, given=given, own=own, folder=folder, resume=resume, talk=log, examine=look), own)
                torch.set_num_threads(asked.threads or threads)
                if processes.rank == 0:
                    conclude(run, asked, talk=log, begun=begun)
                    folder.finish()
                processes.wait()
                return run
        raise AssertionError("a new folder is nobody else's")
    finally:
        processes.leave()


@contextmanager
def _held(folder: RunFolder, processes: Processes, talk: Talk) -> Iterator[int]:
    """The run's folder, held by the first process while the run lasts.

    A folder in which nothing was written goes again when the run fails; a run that is stopped is told how to go on. Gives the
    threads that the process has, which the training of a small net does not take, and gives them back at the end.
    """
    threads, ours = torch.get_num_threads(), False
    try:
        with folder.lock() if processes.rank == 0 else nullcontext():
            ours = processes.rank == 0
            yield threads
    except BaseException as error:
        told = _told(error, folder)
        if ours:  # one that another process holds is not for us to take back
            talk.keep("ended", *str(told).split("\n"))
            if not isinstance(error, TrainingRefusal):  # what failed while it learned is for the doctor
                folder.abandon()
        if told is error:
            raise
        raise told from None
    finally:
        torch.set_num_threads(threads)


def _told(error: BaseException, folder: RunFolder) -> BaseException:
    """The error; an interrupt of a run that has a checkpoint as the refusal that says how to go on."""
    stop = interrupt_in(error)
    if stop is None or not folder.steps():
        return stop or error
    number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
    return Interrupted(number, folder.path, saved="everything up to its last checkpoint")


def conclude(run: Run, settings: RunSettings, *, talk: Talk, begun: float) -> None:
    """Evaluate on the test part, compare with baselines, write results and report."""
    from thalweg.evaluation.folds import outlook
    from thalweg.evaluation.looks import Looks
    from thalweg.evaluation.packaged import Shipping
    from thalweg.evaluation.results import Keeping, results
    from thalweg.report.examples import with_examples
    from thalweg.report.map_section import with_map
    from thalweg.report.report import write_report
    from thalweg.report.samples import with_samples

    fitted = run.fitted
    assert fitted is not None
    package = fitted.package
    looks = Looks.at(fitted.dataset, "test", by=str(run.folder.path.absolute()))
    shipping = Shipping(run.folder.baselines, package, run.folder.refuse_gone)
    found = results(
        package.task,
        package.model,
        fitted.dataset,
        seconds=fitted.seconds if settings.compare else None,
        seed=settings.seed,
        margin=settings.margin,
        talk=talk,
        keep=Keeping(run.folder.learned, run.folder.predictions, shipping, looks),
    )
    found = with_samples(with_examples(found, fitted.dataset), package, fitted.dataset, seed=settings.seed)
    found = with_map(found, package, fitted.dataset)
    examined = Examined.of_run(run.folder)
    if examined and examined.facts.get("findings"):
        from thalweg.checks.ahead import suspicions

        found["notes"] += suspicions(examined.facts["findings"], found["metrics"])
    whole = time.monotonic() - begun + fitted.earlier
    found["seconds"] = {"encoding": fitted.encoding, "training": fitted.seconds, "whole": whole}
    found["seconds"] = {what: round(took, 3) for what, took in found["seconds"].items()}
    found["profile"] = fitted.profile
    found["folds"] = outlook(settings, fitted.dataset, found)
    run.folder.refuse_gone()
    files.write_json(run.folder.results, found)
    _keep_looks(run.folder, looks.before)
    write_report(run.folder)
    _keep_results(found, talk)


def _examination(settings: RunSettings) -> Examine:
    """The check ahead of learning; its files are loaded where it is asked for."""
    from thalweg.checks.ahead import examination

    return examination(settings)


def _keep_looks(folder: RunFolder, before: Sequence[Mapping[str, Any]]) -> None:
    """The looks at the test part until now, this one among them, beside the other facts on the data."""
    told = files.read_object(folder.data, where=folder.data.name)
    files.write_json(folder.data, told | {"looks": list(before)})


def _keep_results(found: Mapping[str, Any], talk: Talk) -> None:
    """What a run came to, as its log says it."""
    metric = found["metric"]
    if metric["value"] is not None:
        ends = f" ({metric['low']:.4g} to {metric['high']:.4g})" if metric["low"] is not None else ""
        talk.keep("result", f"{metric['name']} {metric['value']:.4g}{ends} on the test part")
    verdict = found.get("verdict")
    talk.keep("verdict", verdict["sentence"] if verdict else f"none: {found['verdict_reason']}")


def _own(given: Mapping[str, Any]) -> Own:
    """The parts that were given as objects."""
    model, task, rule, loss = (given[sort] for sort in ("model", "task", "rule", "loss"))
    return Own(
        model if isinstance(model, nn.Module) else None,
        task if isinstance(task, type) else None,
        rule if isinstance(rule, type) else None,
        loss if callable(loss) else None,
    )


def _asked(
    data: Any,  # noqa: ANN401
    named: Mapping[str, Any],
    options: TrainOptions,
    settings: Mapping[str, Any],
) -> RunSettings:
    refuse_lacking(settings, named)
    said = {sort: named[sort] for sort in ("task", "model", "rule") if isinstance(named[sort], str | Mapping)}
    if isinstance(named["loss"], str | Mapping):
        said = merged(said, {"task": {"loss": named["loss"]}})
    source = {"source": located(data)} if isinstance(data, str | Path) else {}
    return run_settings(merged(settings, source, said, asked_by_options(options)))
