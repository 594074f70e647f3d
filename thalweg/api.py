"""The verbs, the same in Python as on the command line: train, load, predict, evaluate, report, doctor."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor, nn

from thalweg.core import files
from thalweg.core.errors import DataRefusal, Stopped, TrainingRefusal, UsageRefusal, did_you_mean
from thalweg.core.processes import Processes, connect
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset, Examples
from thalweg.data.read import identify, read
from thalweg.fields.encoding import Column
from thalweg.packages.arranged import arranged
from thalweg.packages.foreign import refuse_foreign
from thalweg.packages.package import Package, load_package, package_facts
from thalweg.rules._rule import Rule
from thalweg.tasks._task import Task
from thalweg.training.doctor import examine, installation
from thalweg.training.fit import Fitted, Interrupted, fit
from thalweg.training.own_parts import refuse_lacking
from thalweg.training.reopened import dataset_in, dataset_of_run, settings_of_run
from thalweg.training.requested import SHORT, merged, rule_settings, run_settings
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Own


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

    def __repr__(self) -> str:
        metric = self.results.get("metric") or {}
        shown = f": {metric['name']} {metric['value']:.4g}" if metric.get("value") is not None else ""
        return f"Run({str(self.path)!r}{shown})"


class TrainOptions(TypedDict, total=False):
    """What `train` takes beyond the parts: how long, from which seed, into which folder.

    Attributes:
        target: the field to predict; looked for where it is not named.
        epochs: times through the training part.
        steps: steps instead of epochs.
        batch_size: rows of a batch.
        lr: learning rate at its peak.
        seed: of everything random; 0 by default.
        resume: go on with the unfinished run in `out`.
        force: replace the run in `out`.
        compare: fit the baselines too; true by default.
        talk: hears what the run says.
    """

    target: str | None
    epochs: int | None
    steps: int | None
    batch_size: int | None
    lr: float | None
    seed: int | None
    resume: bool
    force: bool
    compare: bool
    talk: Talk | None


def train(
    data: Any,  # noqa: ANN401 - whatever a source understands
    *,
    model: str | Mapping[str, Any] | nn.Module | None = None,
    task: str | Mapping[str, Any] | type[Task] | None = None,
    rule: str | Mapping[str, Any] | type[Rule] | None = None,
    loss: str | Mapping[str, Any] | Callable[[Tensor, Tensor], Tensor] | None = None,
    settings: Mapping[str, Any] | None = None,
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
        settings: further settings of the run, as in `settings.yaml`.
        out: the run's folder; by default `runs/<name>`, numbered where that stands.
        options: see `TrainOptions`: target, epochs, batch_size, lr, seed, resume, ...

    Returns:
        The run, finished.

    Raises:
        Refusal: what is wrong, where, why and how to mend it.
    """
    _refuse_unknown(options)
    _refuse_no_model(model)
    own = Own(
        model if isinstance(model, nn.Module) else None,
        task if isinstance(task, type) else None,
        rule if isinstance(rule, type) else None,
        loss if callable(loss) else None,
    )
    named = {"model": model, "task": task, "rule": rule, "loss": loss}
    asked = _asked(data, named, options, settings or {})
    resume, talk = options.get("resume", False), options.get("talk") or Talk()
    processes = connect()
    folder = _folder(data, out, resume=resume, force=options.get("force", False), processes=processes)
    if resume and folder.state() == "finished":
        talk.say("run", f"{folder.path} is already complete; nothing was trained")
        return Run(folder, own=own)
    given = None if isinstance(data, str | Path) else data
    try:
        with _held(folder, processes) as threads:
            begun = time.monotonic()
            run = Run(folder, fit(asked, given=given, own=own, folder=folder, resume=resume, talk=talk), own)
            torch.set_num_threads(asked.threads or threads)
            if processes.rank == 0:
                conclude(run, asked, compare=options.get("compare", True), talk=talk, begun=begun)
                folder.finish()
        processes.wait()
    finally:
        processes.leave()
    return run


@contextmanager
def _held(folder: RunFolder, processes: Processes) -> Iterator[int]:
    """The run's folder, held by the first process while the run lasts.

    A folder in which nothing was written goes again when the run fails; a run that is stopped is told how to go on. Gives the
    threads that the process has, which the training of a small net does not take, and gives them back at the end.
    """
    threads = torch.get_num_threads()
    try:
        with folder.lock() if processes.rank == 0 else nullcontext():
            yield threads
    except BaseException as error:
        if processes.rank == 0 and not isinstance(error, TrainingRefusal):  # what failed while it learned is for the doctor
            folder.abandon()
        if isinstance(error, KeyboardInterrupt) and folder.steps():
            number = error.number if isinstance(error, Stopped) else signal.SIGINT
    from thalweg.report.samples import with_samples
            raise Interrupted(number, folder.path, saved="everything up to its last checkpoint") from None
        raise
    finally:
        torch.set_num_threads(threads)


def conclude(run: Run, settings: RunSettings, *, compare: bool, talk: Talk, begun: float) -> None:
    """Evaluate on the test part, compare with baselines, write results and report."""
    from thalweg.evaluation.results import results
    from thalweg.report.examples import with_examples
    from thalweg.report.report import write_report

    fitted = run.fitted
    assert fitted is not None
    package = fitted.package
    found = results(
        package.task,
        package.model,
        fitted.dataset,
        seconds=fitted.seconds if compare else None,
        seed=settings.seed,
        margin=settings.margin,
        talk=talk,
        keep=run.folder.predictions,
    )
    found = with_samples(with_examples(found, fitted.dataset), package, fitted.dataset, seed=settings.seed)
    found["seconds"] = {"training": round(fitted.seconds, 3), "whole": round(time.monotonic() - begun, 3)}
    files.write_json(run.folder.results, found)
    write_report(run.folder)


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
    talk: Talk | None = None,
    **request: Any,  # noqa: ANN401
) -> dict[str, Column]:
    """Predictions for new data as raw values by name, a row for each example.

    Args:
        run: a run, a package, or the path of either.
        data: raw input: a path, arrays, a mapping of columns; None where a request alone says what is wanted.
        allow_unknown: answer also where most rows have values that training never saw.
        talk: hears what is left aside or taken for something else; without it they are Python's warnings.
        request: what is asked beyond the input (`samples=16, condition=3`, `beams=4`); each task has its own.

    Raises:
        DataRefusal: an input column is missing or cannot be encoded.
        UsageRefusal: the task does not know a key of the request.
    """
    found = load(run) if isinstance(run, str | Path) else run
    package = found.package if isinstance(found, Run) else found
    columns = None if data is None else _columns(package, data)
    return package.predict(columns, seed=seed, request=request, allow_unknown=allow_unknown, talk=talk)


def evaluate(run: Run | str | Path, data: Any = None, *, talk: Talk | None = None) -> dict[str, Any]:  # noqa: ANN401
    """The metrics of a run with their intervals: on its own test part, or on data given.

    Raises:
        DataRefusal: the data lacks what the model reads or what is to be predicted.
    """
    from thalweg.evaluation.evaluate import evaluate as measure

    found = load(run) if isinstance(run, str | Path) else run
    if not isinstance(found, Run):
        raise UsageRefusal("RUN_NEEDED", "a package alone has no test part", fix="give a run folder")
    return measure(found.package.task, found.package.model, dataset_of(found, data), part="test").as_json()


def report(run: Run | str | Path) -> Path:
    """Write the run's report anew; returns its path."""
    from thalweg.report.report import write_report

    found = load(run) if isinstance(run, str | Path) else run
    if not isinstance(found, Run):
        raise UsageRefusal("RUN_NEEDED", "a package alone has no history to report", fix="give a run folder")
    return write_report(found.folder)


def dataset_of(run: Run, data: Any = None) -> Dataset:  # noqa: ANN401
    """The run's own dataset, read and encoded again as its settings say; or other data, in the model's encodings.

    Its floats are of the model's type, where the model lies.
    """
    if run.fitted is not None and data is None:
        return run.fitted.dataset
    settings = settings_of_run(run.folder)
    own = data is None
    dataset = dataset_of_run(settings, run.folder) if own else dataset_in(run.package.encodings, data, settings)
    like = run.package.like
    return dataset.to(like.device, like.dtype)


def doctor(run: Run | str | Path | None = None) -> dict[str, Any]:
    """What is wrong with a run and what to change; without a run, what is wrong with this installation.

    Returns:
        `findings`: a list of `{"severity", "what", "where", "why", "fix"}`, the gravest first; and the facts looked at.
    """
    if run is None:
        return installation()
    found = load(run) if isinstance(run, str | Path) else run
    if not isinstance(found, Run):
        raise UsageRefusal("RUN_NEEDED", "a package alone has no history to look at", fix="give a run folder")
    return examine(found.folder)


def _refuse_no_model(model: Any) -> None:  # noqa: ANN401 - whatever the user gave
    if model is None or isinstance(model, str | Mapping | nn.Module):
        return
    called = f"{model.__name__}()" if isinstance(model, type) else "MyNet()"
    raise UsageRefusal(
        "MODEL_INVALID",
        f"{'the class ' + model.__name__ if isinstance(model, type) else repr(model)[:60]} is no model",
        where="tw.train, model",
        why="a part's name, a mapping with its settings or a module is needed",
        fix=f"give an instance: model={called}",
    )


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    unknown = [name for name in options if name not in TrainOptions.__annotations__]
    if unknown:
        known = [*TrainOptions.__annotations__, "model", "task", "rule", "loss", "settings", "out"]
        raise UsageRefusal(
            "OPTION_UNKNOWN",
            "; ".join(f'train has no option "{name}" ({did_you_mean(name, known)})' for name in unknown),
            where="tw.train",
            why="an option that is not understood would otherwise be skipped in silence",
            fix="correct it, or give settings={...} as in settings.yaml",
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
    if options.get("target") is not None:
        said["data"] = {"target": options["target"]}
    if options.get("seed") is not None:
        said["seed"] = options["seed"]
    source = {"source": located(data)} if isinstance(data, str | Path) else {}
    rule = rule_settings({name: options.get(name) for name in SHORT})
    return run_settings(merged(settings, source, said, rule))


def located(data: str | Path) -> str:
    """What a settings file calls data: a path in full, so that it means the same from any folder; a catalogued name as it is.

    Raises:
        DataRefusal: nothing stands there, and nothing is called so.
    """
    _, found, _ = identify(data)
    return str(Path(data).expanduser().absolute()) if isinstance(found, Path) else str(data)


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


def _columns(package: Package, data: Any) -> Mapping[str, Column]:  # noqa: ANN401
    if isinstance(data, Mapping):
        return data
    if isinstance(data, np.ndarray | list):
        return arranged(package.encodings, data)
    examples = read(data)
    if not isinstance(examples, Examples):
        raise DataRefusal(
            "PREDICT_DRAWN",
            f"{examples.name} is drawn, not read, so there is nothing to predict for",
            where="predict",
            why="answers are asked for examples of your own",
            fix=f"give columns: {', '.join(name for one in package.encodings.inputs for name in one.fields)}",
        )
    wanted = [name for one in package.encodings.inputs for name in one.fields]
    given = [name for name in examples.columns if examples.roles.get(name) != "target"]
    if len(wanted) == len(given) == 1:  # one input, one column: nothing else can be meant
        return {wanted[0]: examples.columns[given[0]]}
    return examples.columns


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
