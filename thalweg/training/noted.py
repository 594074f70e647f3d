"""What a run notes of itself before its first step, so that it can be repeated: settings, environment, data, decisions."""

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import yaml

import thalweg
from thalweg.core import files
from thalweg.core.machine import processor
from thalweg.core.printable import printable
from thalweg.core.redaction import redacted
from thalweg.core.run_folder import RunFolder
from thalweg.core.strict_yaml import read_yaml
from thalweg.core.talk import Talk
from thalweg.engine.plan import in_words
from thalweg.rules._rule import Context
from thalweg.training.examined import Examined
from thalweg.training.own_code import digests_of_code
from thalweg.training.pacing import Pacing
from thalweg.training.settings import RunSettings
from thalweg.training.speed import SPEED
from thalweg.training.stage import Own, Stage
from thalweg.training.unfinished import FREE

DECISIVE = ("thalweg", "torch", "machine", "processor", "device", "precision", "threads", "code")
"""Facts of an environment that bits depend on."""
ELSEWHERE = "resumed elsewhere"
"""Under what a run's environment tells where it was gone on with under other facts."""


@dataclass
class Notes:
    """The files in which one run says what it is; the first of its processes writes them."""

    folder: RunFolder
    settings: RunSettings
    pacing: Pacing
    own: Own

    def write(self, stage: Stage, context: Context, examined: Examined) -> None:
        """What is needed to repeat the run, before its first step; lines that a killed start left are dropped."""
        if context.processes.rank or stage.progress.position.stage:
            return
        files.cut_to(self.folder.metrics, 0)
        own = self.own.names
        files.cut_to(self.folder.trace, 0)
        unsaid = {*own, *({"rule"} if "name" in self.settings.stages[0].rule else ())}  # a stage's own rule is not the run's
        chosen = {name: choice.model_dump(mode="json") for name, choice in stage.choices.items() if name not in unsaid}
        added = {"chosen": chosen, "why": dict(stage.reasons)} | ({"own": own} if own else {})
        settings = self.settings.model_dump(mode="json") | self._plans() | added
        files.write_text(self.folder.settings, yaml.safe_dump(redacted(settings), sort_keys=False, allow_unicode=True))
        files.write_json(self.folder.environment, environment(context, self.own))
        self.pacing.planned.write()
        facts = {"fingerprint": stage.dataset.fingerprint(), "notes": list(stage.dataset.notes)}
        files.write_json(self.folder.data, facts | examined.as_json() | {"fields": stage.dataset.encodings.as_json()})

    def renew(self) -> None:
        """What may be another than when the run began, or is known only now, stands in its settings."""
        written = read_yaml(self.folder.settings)[0] if self.folder.settings.is_file() else None
        now = self.settings.model_dump(mode="json", include=set(FREE)) | self._plans()
        if isinstance(written, dict) and now != {name: written.get(name) for name in now}:
            files.write_text(self.folder.settings, yaml.safe_dump(written | now, sort_keys=False, allow_unicode=True))

    def resumed(self, stage: Stage, context: Context, talk: Talk) -> None:
        """Say and keep what makes the bits others than those of a run that was never stopped, where anything does."""
        told = files.read_object(self.folder.environment, where=self.folder.environment.name)
        now = environment(context, self.own)
        if stage.progress.position.stage and not self.settings.threads:
            now["threads"] = told.get("threads")  # each stage's plan has its own; the first one's stand there
        other = {key: [told[key], now.get(key)] for key in DECISIVE if key in told and told[key] != now.get(key)}
        if not other:
            return
        with files.understood(self.folder.environment):
            changes, before = "; ".join(_changes(other)), list(told.get(ELSEWHERE, []))
        talk.warn(f"its bits will not be those of a run that was never stopped: {changes}")
        position = stage.progress.position
        one = {"stage": position.stage, "step": position.step, "changed": other}
        if context.processes.rank == 0 and one not in before:
            files.write_json(self.folder.environment, told | {ELSEWHERE: [*before, one]})

    def _plans(self) -> dict[str, Any]:
        """How steps are run, by stage, as far as that is known; nothing where they are plain."""
        found = self.pacing.planned.found.get(SPEED)
        return {} if found is None else {SPEED: in_words(found)}


def environment(context: Context, own: Own) -> dict[str, Any]:
    """Versions, machine, threads and the user's own code: what equal bits depend on."""
    return {
        "thalweg": thalweg.__version__,
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "machine": platform.machine(),
        "processor": processor(context.device),
        "system": platform.platform(),
        "device": str(context.device),
        "precision": context.precision,
        "threads": torch.get_num_threads(),
        "processes": context.processes.world,
    } | ({"code": code} if (code := digests_of_code(own)) else {})


def _changes(other: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Each fact that is another now, in words."""
    for key, (before, now) in other.items():
        if key != "code":
            yield f"{key} {printable(before or 'unknown', most=100)} there, {now or 'unknown'} here"
            continue
        sorts = sorted(sort for sort in {*before, *(now or {})} if before.get(sort) != (now or {}).get(sort))
        yield f"the code of your own {' and '.join(sorts)} is not what it was"


def environment_of(folder: RunFolder) -> dict[str, Any]:
    """What an unfinished run began under; empty where none of its steps was saved."""
    if not folder.steps() or not folder.environment.exists():
        return {}
    return files.read_object(folder.environment, where=folder.environment.name)


def threads_of(folder: RunFolder) -> int | None:
    """The threads that an unfinished run began with: sums of another number of threads end in other bits."""
    with files.understood(folder.environment):
        return int(environment_of(folder).get("threads", 0)) or None
