"""The facts that a report is made of: what the files of a run folder say, with nothing where a file is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from thalweg.core import files
from thalweg.core.run_folder import RunFolder
from thalweg.core.strict_yaml import read_yaml
from thalweg.evaluation.figures import Unit
from thalweg.training.own_parts import own_of


@dataclass(frozen=True)
class Facts:
    """A run as its files tell it.

    Attributes:
        history: one mapping for each evaluation during training.
        decided: what the run decided by measuring, by what was looked for.
        day: when the results were written; now, where there are none.
        results: metrics, baselines, verdict, diagnosis, examples.
    """

    path: Path
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]
    data: Mapping[str, Any]
    history: list[dict[str, Any]]
    results: Mapping[str, Any]
    day: datetime
    decided: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(folder: RunFolder) -> "Facts":
        """Read what is there.

        Raises:
            PackageRefusal: a file is damaged.
            UsageRefusal: the settings are.
        """
        told = read_yaml(folder.settings)[0] if folder.settings.is_file() else {}
        settings = told if isinstance(told, Mapping) else {}
        read = [_object(path) for path in (folder.environment, folder.data, folder.results)]
        day = datetime.fromtimestamp(folder.results.stat().st_mtime, UTC) if folder.results.is_file() else datetime.now(UTC)
        lines = files.read_lines(folder.metrics, where=folder.metrics.name) if folder.metrics.is_file() else []
        decided = _object(folder.plan).get("found") or {}
        return Facts(folder.path, settings, read[0], read[1], lines, read[2], day, decided)

    @property
    def headline(self) -> Mapping[str, Any]:
        """The metric that decides, with its interval; empty where nothing was evaluated."""
        found = self.results.get("metric") or {}
        return found if found.get("value") is not None else {}

    def unit(self, name: str) -> Unit:
        """How figures of a metric are written."""
        described = (self.results.get("units") or {}).get(name)
        return Unit(**described) if described else Unit(name, name.replace("-", " "), False, "higher")

    @property
    def title(self) -> str:
        """What was learned from."""
        fingerprint = self.data.get("fingerprint") or {}
        return str(fingerprint.get("name") or self.settings.get("source") or self.path.name)

    @property
    def model(self) -> str:
        """The model's name."""
        chosen = (self.settings.get("chosen") or {}).get("model") or self.settings.get("model") or {}
        return str(self.own.get("model") or chosen.get("name") or "net")

    @property
    def rule(self) -> Mapping[str, Any]:
        """What the rule of the last stage was told: of its own, or the run's with what differs in that stage."""
        own: Mapping[str, Any] = (self.settings.get("stages") or [{}])[-1].get("rule") or {}
        chosen = (self.settings.get("chosen") or {}).get("rule") or self.settings.get("rule") or {}
        return own if own.get("name") else {**(chosen.get("settings") or {}), **own}

    @property
    def loss_of_its_own(self) -> bool:
        """It was trained by another loss than the task's usual one."""
        task = (self.settings.get("chosen") or {}).get("task") or {}
        return "loss" in self.own or "loss" in (task.get("settings") or {})

    @property
    def own(self) -> dict[str, str]:
        """The parts that were given as objects, by sort, as they are called."""
        return own_of(self.settings)


def _object(path: Path) -> Mapping[str, Any]:
    return files.read_object(path, where=path.name) if path.is_file() else {}
