"""Fit: encode, learn, package. What tuning, compression, audit and checks call; it compares and reports nothing."""

import dataclasses
import html
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

import thalweg
from thalweg.core.device import laid_out, pick_device, weights_dtype
from thalweg.core.distributed import connect
from thalweg.core.errors import TrainingRefusal
from thalweg.core.exhaustion import return_freed_memory
from thalweg.core.manifest import shown
from thalweg.core.memory import keep_freed_memory
from thalweg.core.redaction import redacted
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.data.batches import Batches
from thalweg.data.dataset import Dataset, Domain, Environment, Examples
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.metrics._margin import read_margin, refuse_wide
from thalweg.packages.package import Package, write_package
from thalweg.rules._rule import Context, Rule
from thalweg.training import checkpoints
from thalweg.training.determinism import deterministic
from thalweg.training.divergence import DIVERGED, MOST, MOST_SCALED, Divergence
from thalweg.training.examined import Examine, Examined
from thalweg.training.failures import naming_failures
from thalweg.training.in_parts import InParts
from thalweg.training.interruption import INTERRUPTED, Interrupted, Interruption
from thalweg.training.later_stages import refuse_unfit_later
from thalweg.training.layer_calls import spoilt
from thalweg.training.learning_time import LearningTime
from thalweg.training.lesson import Lesson
from thalweg.training.listeners import Completion, Evaluation
from thalweg.training.loop import Listener, learn
from thalweg.training.noted import Notes, threads_of
from thalweg.training.own_parts import given_again
from thalweg.training.pacing import Pacing
from thalweg.training.plan import choose_precision
from thalweg.training.planned import Planned
from thalweg.training.profile_run import Profiling
from thalweg.training.published import better_begun, frozen_at_random
from thalweg.training.rehearsal import rehearse
from thalweg.training.run_trace import lines_of
from thalweg.training.sampler import Sampler
from thalweg.training.saving import Saving
from thalweg.training.searching import Search, found_used
from thalweg.training.settings import RunSettings
from thalweg.training.speed import lay_weights, settle
from thalweg.training.spikes import Spikes
from thalweg.training.splitting import tell_splitting
from thalweg.training.stage import Own, Stage, build_stage, task_facts
from thalweg.training.telling import (
    ProgressLine,
    few_to_choose,
    slow_precision,
    tell_data,
    tell_model,
    tell_resumed,
    tell_stage,
)
from thalweg.training.threads import threads_for

EVALUATION_BATCH = 256


@dataclass
class Fitted:
    """What a training came to.

    Attributes:
        seconds: wall time of the stages' steps, evaluations included; of what was killed, up to the checkpoint gone on from.
        earlier: of these, those of processes before this one.
        encoding: wall time of encoding the data, in which files that these name are read.
        reasons: what was chosen and why.
        stopped: why it ended before its last step; empty if it did not.
        profile: where the time of its longest stage went.
    """

    folder: RunFolder
    settings: RunSettings
    dataset: Dataset
    package: Package
    history: list[dict[str, Any]]
    seconds: float
    encoding: float
    steps: int
    reasons: Mapping[str, str] = field(default_factory=dict)
    stopped: str = ""
    earlier: float = 0.0
    profile: Mapping[str, Any] | None = None


def fit(
    settings: RunSettings,
    *,
    given: Any = None,  # noqa: ANN401 - whatever a source understands
    own: Own | None = None,
    folder: RunFolder,
    resume: bool = False,
    talk: Talk | None = None,
    listeners: Mapping[str, Listener] | None = None,
    examine: Examine | None = None,
) -> Fitted:
    """Train in all stages and write the model package.

    Args:
        given: data as objects; None where `settings.source` names them.
        own: model, task, rule or loss as objects.
        folder: where everything goes; already created.
        resume: go on from the newest checkpoint that verifies.
        examine: looks at the examples that were read, before anything is made of them; what it finds is kept with the run.

    Raises:
        Refusal: settings, data or parts do not go together; or training diverged, or was interrupted.
    """
    with deterministic(folder, talk or Talk(), required=settings.deterministic):
        for lesson in taught(
            settings, given=given, own=own, folder=folder, resume=resume, talk=talk, listeners=listeners, examine=examine
        ):
            if isinstance(lesson, Fitted):
                return lesson
            stage = lesson.stage
            with lesson.held() as listening:
                learn(stage.rule, stage.batches, stage.progress, listening, stage.program())
    raise AssertionError("a run ends with what it came to")


def taught(
    settings: RunSettings,
    *,
    given: Any,  # noqa: ANN401
    own: Own | None,
    folder: RunFolder,
    resume: bool,
    talk: Talk | None,
    listeners: Mapping[str, Listener] | None,
    examine: Examine | None,
) -> Iterator[Lesson | Fitted]:
    """What `fit` does: each stage when it is about to learn, which whoever asks on has let it do; then what it came to."""
    keep_freed_memory()
    talk, own, pacing = talk or Talk(), own or Own(), Pacing(settings.time_limit, len(settings.stages))
    work = _Work.of(settings, given, own, folder, talk, pacing)
    pacing.planned = Planned.of(folder, resume=resume, writes=work.context.processes.rank == 0)
    pacing.refuse_passed("reading the data")
    work.look(examine, resume=resume)
    pacing.refuse_passed("reading and checking the data")
    begun = work.saving.newest() if resume else None
    stage, previous = None, None
    interruption = Interruption()
    for number in range(len(settings.stages)):
        dataset = work.dataset(number)
        if begun is not None and number < begun.position.stage:
            continue
        search = Search(settings, dataset, own, work.context, work.share_out, work.talk)
        said = search.into(pacing.planned) if begun is None and not number else []
        stage = build_stage(found_used(settings, pacing.planned), number, dataset, own, work.context)
        work.share_out(stage)
        work.refuse_wide_margin(stage)
        if previous is None:
            refuse_unfit_later(settings, own, stage)
        rehearse(stage, own, work.talk)
        tell_splitting(stage, work.talk)
        watch = work.listeners(stage, interruption, listeners or {})
        work.tell(stage, said, first=previous is None)
        if begun is None and previous is not None:  # ahead of all trials, which let the rule begin
            stage.rule.load_state_dict(previous.rule.state_dict(), grow=True)
        with naming_failures(stage.progress):
            settle(stage, settings, pacing.planned, work.talk, begun=begun is not None)
        if begun is not None:
            work.go_on(begun, stage, watch)
        else:
            with naming_failures(stage.progress):
                pacing.plan(stage, watch, work.talk)
            work.start(stage, watch)
        ended, begun = begun is not None and begun.ended, None
        profile = work.profiling.of(stage)
        yield Lesson(stage, watch, interruption, profile, work.saving.behind)
        work.finish(stage, watch, interruption, ended=ended)
        work.profiling.conclude(stage, profile)
        previous = stage
    assert stage is not None
    yield work.packaged(stage)


@dataclass
class _Work:
    """What the stages of one run share."""

    settings: RunSettings
    given: Any
    own: Own
    folder: RunFolder
    talk: Talk
    context: Context
    raw: Examples | Dataset
    pacing: Pacing
    encoded: Dataset | None = None
    encoding: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    examined: Examined = field(default_factory=Examined)

    def __post_init__(self) -> None:
        self.profiling = Profiling(self.settings, self.talk)
        self.time, processes = LearningTime(), self.context.processes
        self.saving = Saving(self.folder, self.settings, self.pacing, processes, self.talk, self.own, self.time)
        self.notes = Notes(self.folder, self.settings, self.pacing, self.own)

    @staticmethod
    def of(settings: RunSettings, given: Any, own: Own, folder: RunFolder, talk: Talk, pacing: Pacing) -> "_Work":  # noqa: ANN401
        processes = connect()
        talk = talk if processes.rank == 0 else Talk()  # the first process speaks for all
        context = Context(processes, pick_device(settings.device))
        raw = read(given if given is not None else settings.source, settings.data, own=settings.source_settings or None)
        return _Work(settings, given, own, folder, talk, context, raw, pacing)

    def look(self, examine: Examine | None, *, resume: bool) -> None:
        """Let the examples be looked at; what was found when an unfinished run began holds on."""
        if examine is None or not isinstance(self.raw, Examples):
            return
        before = Examined.of_run(self.folder) if resume else None
        self.examined = before if before is not None else examine(self.raw)
        self.raw = self.examined.applied(self.raw)

    def dataset(self, number: int) -> Dataset:
        """The data of a stage: encoded on the rows that take part, what earlier stages knew kept in place."""
        begun = time.monotonic()
        if not isinstance(self.raw, Examples):
            self.encoded = self.raw
        else:
            only = self.settings.stages[number].only
            before = self.encoded.encodings if self.encoded is not None else None
            self.encoded = encode(self.raw, self.settings.data, seed=self.settings.seed, only=only, before=before)
        self.encoding += time.monotonic() - begun
        precision = choose_precision(self.settings, task_facts(self.settings, self.encoded, self.own))
        self.context = dataclasses.replace(self.context, precision=precision)
        return self.encoded.to(self.context.device, weights_dtype(precision))

    def refuse_wide_margin(self, stage: Stage) -> None:
        """A margin that no difference can exceed is told before anything is learned."""
        if self.settings.margin is not None:
            name, metric = next(iter(stage.task.metrics.items()))
            refuse_wide(read_margin(self.settings.margin), name, metric.declaration.facts)  # type: ignore[attr-defined]

    def share_out(self, stage: Stage) -> None:
        """Set the threads: as asked, as an unfinished run began with, else one or two for small nets, all there are for others.

        A function of settings, net and batches alone, since sums of another number of threads end in other bits.
        """
        chosen = self.settings.threads or threads_of(self.folder)
        torch.set_num_threads(chosen or threads_for(stage, torch.get_num_threads()))

    def listeners(self, stage: Stage, interruption: Interruption, further: Mapping[str, Listener]) -> dict[str, Listener]:
        """The watchers of a stage, in the order in which they hear of a step; checkpoints come last."""
        settings, processes = self.settings, self.context.processes
        validation = stage.dataset.batches("validation", size=EVALUATION_BATCH, processes=processes)
        spikes = None if isinstance(self.raw, Environment) else Spikes(self.talk.warn)  # whose targets move
        evaluation = Evaluation(
            stage.task,
            validation,
            settings.stopping,
            every=settings.evaluate_every,
            record=partial(self.saving.record, self.folder.metrics),
            watched=stage.watched,
            patience=stage.patience,
            noted=spikes.noted if spikes else dict,
        )
        watch: dict[str, Listener] = {
            **self.pacing.listener(stage, evaluation),
            "completion": Completion(),
            **({"spikes": spikes} if spikes else {}),  # ahead of the line that tells them
            "evaluation": evaluation,
            "divergence": Divergence(self.talk.warn, most=MOST_SCALED if self.context.precision == "float16" else MOST),
            **({"doctor": self._sampler(stage, validation)} if settings.doctor else {}),
            "parts": InParts(stage, self.pacing.planned, self.talk),
            **further,
            "interruption": interruption,
        }
        watch["progress"] = ProgressLine(evaluation, self.talk)
        self.time.start()
        watch["checkpoints"] = self.saving.watcher(stage, watch)
        return watch

    def _sampler(self, stage: Stage, validation: Batches) -> Sampler:
        """What reads how a stage learns."""
        record = partial(self.saving.record, self.folder.trace)
        number = stage.progress.position.stage
        return Sampler(stage, validation, record=record, former=lambda: lines_of(self.folder, number), talk=self.talk)

    def tell(self, stage: Stage, found: Sequence[tuple[str, Sequence[str]]], *, first: bool) -> None:
        """Say what was read, what will learn and what a search found for it; of later stages, what is another.

        Args:
            first: nothing was told of this run yet.
        """
        if not first:
            tell_stage(self.talk, stage, stages=len(self.settings.stages))
            return
        tell_data(self.talk, stage.dataset)
        if self.examined.lines:
            self.talk.say("check", *self.examined.lines)
        tell_model(self.talk, stage, self.context)
        for label, lines in found:
            self.talk.say(label, *lines)
        if slow := slow_precision(self.context):
            self.talk.warn(slow)
        few = few_to_choose(stage, self.settings.stopping)
        for hint in filter(None, (better_begun(stage, self.settings), frozen_at_random(stage, self.settings), few)):
            self.talk.say("model", hint)

    def start(self, stage: Stage, watch: Mapping[str, Listener]) -> None:
        """Note that the stage begins, and let the rule begin."""
        if stage.progress.position.stage == 0 and self.context.processes.rank == 0:
            self.saving.refuse_little_room(stage)
            self.folder.begin()
        self.talk.begun()
        self.notes.write(stage, self.context, self.examined)
        if stage.progress.position.stage:
            self.pacing.planned.write()
            self.notes.renew()
        stage.progress.history = self.history
        stage.begin()
        _sampling(watch, Sampler.begin)

    def go_on(self, begun: checkpoints.Checkpoint, stage: Stage, watch: Mapping[str, Listener]) -> None:
        """Continue a stage from a checkpoint, after checking that it belongs to these settings and data."""
        self.saving.restore(begun, stage, watch)
        _sampling(watch, Sampler.resume)
        self.history = stage.progress.history
        if self.context.processes.rank == 0:
            self.notes.renew()
        self.talk.begun()
        self.notes.resumed(stage, self.context, self.talk)
        tell_resumed(self.talk, stage.progress, self.folder.checkpoints / str(begun.number))

    def finish(self, stage: Stage, watch: Mapping[str, Listener], interruption: Interruption, *, ended: bool) -> None:
        """The end of a stage: refuse what diverged, save what was interrupted, keep the best, let the rule end."""
        progress = stage.progress
        if progress.stopped == DIVERGED:
            _sampling(watch, Sampler.conclude)
            raise self._diverged(stage, watch)
        if interruption.number and not ended:
            progress.stopped = progress.stopped.removeprefix(INTERRUPTED)
            self.saving.save(stage, watch)
        elif not ended:
            with interruption.heard(alone=self.context.processes.world == 1):  # no step is lost while the last ones are saved
                self._conclude(stage, watch)
        if interruption.number:
            raise Interrupted(interruption.number, self.folder.path)

    def _conclude(self, stage: Stage, watch: Mapping[str, Listener]) -> None:
        progress, evaluation, line = stage.progress, watch["evaluation"], watch["progress"]
        assert isinstance(evaluation, Evaluation)
        assert isinstance(line, ProgressLine)
        line.conclude(progress)
        self.time.stop()
        _sampling(watch, Sampler.conclude)
        evaluation.restore_best(stage.rule)
        stage.rule.end(stage.batches, progress.position)
        lay_weights(stage, self.settings)  # as in a run that goes on here, whose programs took no step
        self.saving.save(stage, watch, ended=True)

    def _diverged(self, stage: Stage, watch: Mapping[str, Listener]) -> TrainingRefusal:
        """What ended the run, once its last finite state is kept: beside earlier checkpoints, not in the place of one."""
        divergence, progress = watch["divergence"], stage.progress
        assert isinstance(divergence, Divergence)
        assert divergence.refusal is not None
        progress.stopped = ""
        if not self.folder.steps() and not spoilt(stage.rule):
            self.saving.save(stage, watch)
        return divergence.refusal

    def packaged(self, stage: Stage) -> Fitted:
        """The package of what the last stage ships, written to the run folder."""
        named = stage.named
        form = "external" if "class" in named else "part"
        source = None
        if isinstance(self.raw, Domain | Environment) and self.settings.source:
            source = {"name": self.settings.source, "settings": redacted(self.settings.source_settings)}
        facts = {"data": stage.dataset.fingerprint(), "thalweg": thalweg.__version__, "seed": self.settings.seed}
        facts["reading"] = self.settings.data.reading()
        return_freed_memory()
        package = Package(form, named, stage.task, laid_out(stage.rule.shipped), source, facts, shell=_shell(stage.rule))
        if self.context.processes.rank == 0:
            self.folder.refuse_gone()
            write_package(self.folder.model, package, card=_card(package, stage, self.own))
        self.context.processes.wait()
        self.pacing.conclude(self.talk)
        progress = stage.progress
        return Fitted(
            self.folder,
            self.settings,
            stage.dataset,
            package,
            self.history,
            self.time.seconds,
            self.encoding,
            progress.position.step,
            stage.reasons,
            progress.stopped,
            self.time.earlier,
            self.profiling.found,
        )


def _sampling(watch: Mapping[str, Listener], act: Callable[[Sampler], object]) -> None:
    """Let the sampler of a stage do something, where it has one."""
    sampler = watch.get("doctor")
    if isinstance(sampler, Sampler):
        act(sampler)


def _shell(rule: Rule) -> dict[str, Any] | None:
    settings = rule.shell()
    return None if settings is None else {"name": rule.declaration.name, "settings": settings}  # type: ignore[attr-defined]


def _card(package: Package, stage: Stage, own: Own) -> str:
    name = package.named.get("name") or package.named.get("class")
    data = html.escape(shown(stage.dataset.name))
    inputs = ", ".join(f"{html.escape(shown(one.name))} ({one.kind})" for one in package.encodings.inputs) or "nothing"
    again = [given_again(sort, called) for sort, called in own.names.items() if sort in ("model", "task")]
    load = ", ".join(["'.'", *again])
    mine = "  # your own, made as for training" if again else ""
    return (
        f"# {data}: {name}\n\n"
        f"Learns {package.task.declaration.name} from {inputs}.\n\n"  # type: ignore[attr-defined]
        f"Trained on {data} with thalweg {thalweg.__version__}. "
        "Weights are safetensors, everything else JSON; opening this folder runs none of its content.\n\n"
        "```python\nimport thalweg as tw\n\n"
        f"model = tw.load({load}){mine}\nmodel.predict(...)\n```\n"
    )
