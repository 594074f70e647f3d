"""The verbs, the same in Python as on the command line: train, check, load, predict, evaluate, compare, report, doctor."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from thalweg.checks.ahead import examination
from thalweg.checks.asked import check_data
from thalweg.checks.check import Checked
from thalweg.core import files
from thalweg.core.errors import Refusal, Stopped, TrainingRefusal, UsageRefusal
from thalweg.core.processes import Processes, connect
from thalweg.core.run_folder import RunFolder
from thalweg.core.run_log import RunLog
from thalweg.core.settings import read_settings
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset
from thalweg.data.settings import DataSettings, OnBadFile
from thalweg.fields.encoding import Column
from thalweg.packages.foreign import refuse_foreign
from thalweg.packages.given import columns_of
from thalweg.packages.package import Package, load_package, package_facts
from thalweg.rules._rule import Rule
from thalweg.tasks._task import Task
from thalweg.training.doctor import examine, installation
from thalweg.training.fit import Fitted, Interrupted, fit
from thalweg.training.options import TrainOptions
from thalweg.training.own_parts import refuse_lacking
from thalweg.training.reopened import dataset_in, dataset_of_run, settings_of_run
from thalweg.training.requested import asked_before, asked_by_options, located, merged, run_settings, settings_in
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Own
from thalweg.training.understood import refuse_no_model, refuse_unknown_options


@dataclass
class Run:
    """A training and all that came of it, in its folder.

    Attributes:
        folder: where everything lies.
        fitted: what training came to; None when the run was loaded.
    """

    folder: RunFolder
    fitted: Fitted | None = None
    own: Own = field(default_factory=Own)

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @cached_property
    def package(self) -> Package:
        """The model with its task and encodings; loaded and verified when first used."""
        if self.fitted is not None:
            return self.fitted.package
        _refuse_unfinished(self.folder)
        return load_package(self.folder.model, model=self.own.model, task=self.own.task)

    @property
    def results(self) -> dict[str, Any]:
        """Metrics with intervals, baselines, verdict; empty until the run was evaluated."""
        if not self.folder.results.exists():
            return {}
        results: dict[str, Any] = files.read_json(self.folder.results, where="results.json")
        return results

    def predict(self, data: Any = None, **request: Any) -> dict[str, Column]:  # noqa: ANN401
        """Predictions for data, or for a request alone; see `predict`."""
        return predict(self, data, **request)

    def compare(self, *, seeds: int | None = None, talk: Talk | None = None) -> dict[str, Any]:
        """Net and baselines with the verdict; with seeds, on the method; see `compare`."""
        return compare(self, seeds=seeds, talk=talk)

    def __repr__(self) -> str:
        metric = self.results.get("metric") or {}
        shown = f": {metric['name']} {metric['value']:.4g}" if metric.get("value") is not None else ""
        return f"Run({str(self.path)!r}{shown})"


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
        out: the run's folder; by default `runs/<name>`, numbered where that stands.
        options: see `TrainOptions`: target, epochs, batch_size, lr, seed, threads, check, compare, resume, ...

    Raises:
        Refusal: what is wrong, where, why and how to mend it.
    """
    refuse_unknown_options(options)
    refuse_no_model(model)
    own = Own(
        model if isinstance(model, nn.Module) else None,
        task if isinstance(task, type) else None,
        rule if isinstance(rule, type) else None,
        loss if callable(loss) else None,
    )
    named = {"model": model, "task": task, "rule": rule, "loss": loss}
    resume, talk = options.get("resume", False), options.get("talk") or Talk()
    before = asked_before(Path(out)) if resume and out is not None else {}
    written = settings_in(Path(settings), talk) if isinstance(settings, str | Path) else settings or {}
    asked = _asked(data, named, options, merged(before, written))
    processes = connect()
    folder = _folder(data, out, resume=resume, force=options.get("force", False), processes=processes)
    if resume and folder.state() == "finished":
        talk.say("run", f"{folder.path} is already complete; nothing was trained")
        return Run(folder, own=own)
    given, talk = None if isinstance(data, str | Path) else data, RunLog(talk, folder.log)
    look = examination(asked) if asked.check else None
    try:
        with _held(folder, processes, talk) as threads:
            begun = time.monotonic()
            run = Run(folder, fit(asked, given=given, own=own, folder=folder, resume=resume, talk=talk, examine=look), own)
            torch.set_num_threads(asked.threads or threads)
            if processes.rank == 0:
                conclude(run, asked, talk=talk, begun=begun)
                folder.finish()
        processes.wait()
    finally:
        processes.leave()
    return run


@contextmanager
def _held(folder: RunFolder, processes: Processes, talk: Talk) -> Iterator[int]:
    """The run's folder, held by the first process while the run lasts.

    A folder in which nothing was written goes again when the run fails; a run that is stopped is told how to go on. Gives the
    threads that the process has, which the training of a small net does not take, and gives them back at the end.
    """
    threads = torch.get_num_threads()
    try:
        with folder.lock() if processes.rank == 0 else nullcontext():
            yield threads
    except BaseException as error:
        told = _told(error, folder)
        if processes.rank == 0:
            with suppress(Refusal):  # a log that cannot be written must not hide what happened
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
    if not isinstance(error, KeyboardInterrupt) or not folder.steps():
        return error
    number = error.number if isinstance(error, Stopped) else signal.SIGINT
    return Interrupted(number, folder.path, saved="everything up to its last checkpoint")


def conclude(run: Run, settings: RunSettings, *, talk: Talk, begun: float) -> None:
    """Evaluate on the test part, compare with baselines, write results and report."""
    from thalweg.evaluation.packaged import Shipping
    from thalweg.evaluation.results import Keeping, results
    from thalweg.report.examples import with_examples
    from thalweg.report.report import write_report
    from thalweg.report.samples import with_samples

    fitted = run.fitted
    assert fitted is not None
    package = fitted.package
    found = results(
        package.task,
        package.model,
        fitted.dataset,
        seconds=fitted.seconds if settings.compare else None,
        seed=settings.seed,
        margin=settings.margin,
        talk=talk,
        keep=Keeping(run.folder.predictions, Shipping(run.folder.baselines, package)),
    )
    found = with_samples(with_examples(found, fitted.dataset), package, fitted.dataset, seed=settings.seed)
    found["seconds"] = {"training": round(fitted.seconds, 3), "whole": round(time.monotonic() - begun, 3)}
    files.write_json(run.folder.results, found)
    write_report(run.folder)
    _keep_results(found, talk)


def _keep_results(found: Mapping[str, Any], talk: Talk) -> None:
    """What a run came to, as its log says it."""
    metric = found["metric"]
    if metric["value"] is not None:
        ends = f" ({metric['low']:.4g} to {metric['high']:.4g})" if metric["low"] is not None else ""
        talk.keep("result", f"{metric['name']} {metric['value']:.4g}{ends} on the test part")
    verdict = found.get("verdict")
    talk.keep("verdict", verdict["sentence"] if verdict else f"none: {found['verdict_reason']}")


def load(path: str | Path, *, model: nn.Module | None = None, task: type[Task] | None = None) -> Run | Package:
    """The run in a folder, or the package where only a `model/` folder was copied.

    Args:
        model: an instance of your own class, for a run that was trained with one.

    Raises:
        UsageRefusal: neither stands there.
        PackageRefusal: the package is damaged.
    """
    path = Path(path)
    refuse_foreign(path)
    if (path / "package.json").exists():
        return load_package(path, model=model, task=task)
    return Run(RunFolder.existing(path), own=Own(model, task))


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
    package = package_of(found) if baseline is None else _baseline_of(found, baseline)
    said = _said_of_files(on_bad_file)
    columns = None if data is None else columns_of(package, data, said, talk=talk)
    return package.predict(columns, seed=seed, request=request, allow_unknown=allow_unknown, on_bad_file=on_bad_file, talk=talk)


def evaluate(
    run: Run | Package | str | Path,
    data: Any = None,  # noqa: ANN401
    *,
    on_bad_file: OnBadFile | None = None,
    talk: Talk | None = None,
) -> dict[str, Any]:
    """The metrics of a run or package with their intervals: on the run's own test part, or on all rows of the data given.

    Args:
        on_bad_file: what files that cannot be read lead to in the data given; None: what they led to when it was trained.

    Raises:
        UsageRefusal: a package and no data.
        DataRefusal: the data lacks what the model reads or what is to be predicted.
    """
    from thalweg.evaluation.evaluate import evaluate as measure

    found = load(run) if isinstance(run, str | Path) else run
    package = package_of(found)
    dataset = dataset_of(found, data, on_bad_file=on_bad_file)
    if isinstance(data, str | Path):
        _tell_data(dataset, package, talk or Talk())
    return measure(package.task, package.model, dataset, part="test").as_json()


def _tell_data(dataset: Dataset, package: Package, talk: Talk) -> None:
    """What was read to be measured on, and a warning where it may be what was learned from."""
    if dataset.notes:
        talk.say("data", *dataset.notes)
    if dataset.name == package.facts.get("data", {}).get("name"):
        talk.warn(
            f'the model was trained on data of this name ("{dataset.name}"): rows that it learned from flatter the figures; '
            "a run without DATA is measured on its own test part"
        )


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
    found = _run(loaded, "a package alone has nothing that it was compared with")
    _refuse_unfinished(found.folder)
    results = found.results
    if seeds is None:
        return results
    dataset = dataset_of(found)
    told = compare_seeds(found.folder, found.package, dataset, results, seeds=seeds, talk=talk or Talk())
    results = results | {"over_seeds": told}
    files.write_json(found.folder.results, results)
    write_report(found.folder)
    return results


def report(run: Run | str | Path) -> Path:
    """Write the run's report anew; returns its path."""
    from thalweg.report.report import write_report

    found = load(run) if isinstance(run, str | Path) else run
    return write_report(_run(found, "a package alone has no history to report").folder)


def dataset_of(
    run: Run | Package,
    data: Any = None,  # noqa: ANN401
    *,
    on_bad_file: OnBadFile | None = None,
) -> Dataset:
    """The run's own dataset, read and encoded again as its settings say; or other data, in the model's encodings.

    Its floats are of the model's type, where the model lies.

    Raises:
        UsageRefusal: a package has no data of its own.
    """
    package = package_of(run)
    if data is not None:
        before = settings_of_run(run.folder).data if isinstance(run, Run) else DataSettings()
        dataset = dataset_in(package, data, _said_of_files(on_bad_file, before))
    elif not isinstance(run, Run):
        raise UsageRefusal(
            "RUN_NEEDED",
            "a package alone has no test part",
            where="evaluate",
            why="there must be examples to measure on",
            fix="give data too: thalweg evaluate MODEL DATA; or a run's folder",
        )
    elif run.fitted is not None:
        return run.fitted.dataset
    else:
        dataset = dataset_of_run(settings_of_run(run.folder), run.folder)
    return dataset.to(package.like.device, package.like.dtype)


def package_of(run: Run | Package) -> Package:
    """The package of a run, or itself."""
    return run.package if isinstance(run, Run) else run


def _baseline_of(run: Run | Package, name: str) -> Package:
    from thalweg.evaluation.packaged import kept

    return kept(_run(run, "a package alone holds no baselines").folder, name)


def _run(run: Run | Package, what: str) -> Run:
    """The run; a package alone is refused, for the reason given."""
    if not isinstance(run, Run):
        raise UsageRefusal(
            "RUN_NEEDED", what, where="model/", why="what came before it stands in its run", fix="give a run folder"
        )
    return run


def _said_of_files(on_bad_file: str | None, before: DataSettings | None = None) -> DataSettings:
    """What is said of data, with another word on broken files where there is one."""
    said = {} if on_bad_file is None else {"on_bad_file": on_bad_file}
    return read_settings(DataSettings, (before or DataSettings()).model_dump(exclude_unset=True) | said, where="--on-bad-file")


def _refuse_unfinished(folder: RunFolder) -> None:
    """Raise where a run has no model yet."""
    if folder.model.exists() or folder.state() != "unfinished":
        return
    steps = folder.steps()
    raise UsageRefusal(
        "RUN_UNFINISHED",
        f"the run in {folder.path} has not finished" + (f"; it was saved after step {steps[0]:,}" if steps else ""),
        where=str(folder.path),
        why="a model is shipped when the last step is done",
        fix=f"wait for it, or go on with it: thalweg train --resume --out {folder.path}",
    )


def doctor(run: Run | str | Path | None = None) -> dict[str, Any]:
    """What is wrong with a run and what to change; without a run, what is wrong with this installation.

    Returns:
        `findings`: a list of `{"severity", "what", "where", "why", "fix"}`, the gravest first; and the facts looked at.
    """
    if run is None:
        return installation()
    found = load(run) if isinstance(run, str | Path) else run
    return examine(_run(found, "a package alone has no history to look at").folder)


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


def _folder(data: Any, out: str | Path | None, *, resume: bool, force: bool, processes: Processes) -> RunFolder:  # noqa: ANN401
    """The run's folder, made by the first process and known to all."""
    if processes.rank:
        return RunFolder(Path(processes.share(None)))
    folder = _made(data, out, resume=resume, force=force)
    processes.share(str(folder.path))
    return folder


def _made(data: Any, out: str | Path | None, *, resume: bool, force: bool) -> RunFolder:  # noqa: ANN401
    inputs = Path(data) if isinstance(data, str | Path) and Path(data).is_dir() else None
    if out is None:
        name = Path(data).stem if isinstance(data, str | Path) else getattr(data, "name", None) or "arrays"
        return RunFolder.fresh(name, inputs=inputs)
    standing = RunFolder(Path(out))
    if resume and standing.state() == "finished":
        return standing
    return RunFolder.create(Path(out), force=force, resume=resume, inputs=inputs)


def described(path: str | Path) -> dict[str, Any]:
    """What a run's folder or a package holds, from its files alone; no weights are loaded, nothing in it is executed.

    Raises:
        UsageRefusal: it is neither.
        PackageRefusal: it is damaged.
    """
    path = Path(path)
    run = None if (path / "package.json").exists() else RunFolder.existing(path)
    package = package_facts(path if run is None else run.model) if run is None or run.model.exists() else {}
    if run is None:
        return {"package": str(path)} | package
    metric = Run(run).results.get("metric") or {}
    facts: dict[str, Any] = {"run": str(path), "state": run.state()} | package
    if metric.get("value") is not None:
        facts["test"] = {key: metric[key] for key in ("name", "value", "low", "high")}
    return facts | {"checkpoints": len(run.steps()), "files": sorted(one.name for one in path.iterdir() if one.name[0] != ".")}
