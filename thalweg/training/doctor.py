"""The doctor of runs: what is wrong with this installation, and what a run's folder alone says of how it went.

It reads `metrics.jsonl`, `trace.jsonl`, `results.json` and the marker of a run, and holds every byte of its package and
checkpoints against their digests. What the trace shows of the net is judged in the room `doctor`.
"""

import math
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thalweg.core import files, requirements
from thalweg.core.errors import Refusal
from thalweg.core.manifest import Manifest, open_folder
from thalweg.core.run_folder import RunFolder
from thalweg.packages.package import FORMAT, VERSION
from thalweg.training.run_trace import traced

GRAVITY = ("error", "warning", "note")
FEW = 4
"""Evaluations below which nothing is said of a trend."""
GAP, RISE = 0.25, 1.05
"""Overfitting: held-out loss ends that much (of the first loss) above training loss, and that factor above its own best."""
LEARNED = 0.03
"""Share of the first loss that a run must have lost for it to have learned at all."""


def finding(severity: str, what: str, *, where: str = "", why: str = "", fix: str = "", code: str = "") -> dict[str, str]:
    """One thing that was found.

    Args:
        code: of the refusal that it is met with elsewhere; empty for what nothing refuses.
    """
    assert severity in GRAVITY, severity
    return {"severity": severity, "what": what, "where": where, "why": why, "fix": fix} | ({"code": code} if code else {})


def installation() -> dict[str, Any]:
    """Versions, devices and folders of this installation, and what is wrong with them."""
    import torch

    from thalweg import __version__
    from thalweg.core.device import devices
    from thalweg.data.catalogue import cache

    home = cache()
    facts = {
        "thalweg": __version__,
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "system": platform.platform(),
        "devices": ", ".join(devices()),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count() or 1,
        "data": f"{home} ({shutil.disk_usage(_standing(home)).free / 1e9:.0f} GB free)",
    }
    found = [*_packages(), *_home(home), *_threads(torch.get_num_threads())]
    return {"facts": facts, "findings": _ordered(found)}


def _packages() -> list[dict[str, str]]:
    unmet = requirements.unmet([need for need in requirements.needs() if not need.extra])
    found = [
        finding(
            "error",
            f"{need.name} {version or 'is missing'}; {need.least} or newer is needed",
            where=sys.prefix,
            why="thalweg is tested with newer ones only",
            fix=need.install,
        )
        for need, version in unmet
    ]
    beside = [name for name in ("torchvision", "torchaudio") if not requirements.unmet([requirements.Need(name, "0")])]
    if beside:
        found.append(
            finding(
                "note",
                f"{' and '.join(beside)} is installed",
                where=sys.prefix,
                why="thalweg never needs it; made for another torch it breaks packages that import it",
                fix=f"if something else fails on import: pip uninstall {' '.join(beside)}",
            )
        )
    return found


def _home(home: Path) -> list[dict[str, str]]:
    if os.access(_standing(home), os.W_OK | os.X_OK):
        return []
    return [
        finding(
            "warning",
            f"{home} cannot be written",
            where="THALWEG_HOME",
            why="downloaded data are kept there",
            fix="set THALWEG_HOME to a folder that can",
        )
    ]


def _threads(threads: int) -> list[dict[str, str]]:
    from thalweg.core.device import usable_cores

    cores = usable_cores()
    if threads <= cores:
        return []
    return [
        finding(
            "warning",
            f"torch uses {threads} threads on {cores} cores",
            where="OMP_NUM_THREADS",
            why="threads that wait for each other are slower than fewer",
            fix=f"--threads {cores}",
        )
    ]


def _standing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def examine(folder: RunFolder) -> dict[str, Any]:
    """How a run went, from its folder alone, what is damaged in it, and what to change.

    Raises:
        PackageRefusal: its figures are damaged.
    """
    with files.understood(folder.metrics, folder.results):
        return _examined(folder)


def _examined(folder: RunFolder) -> dict[str, Any]:
    lines = files.read_lines(folder.metrics, where=str(folder.metrics)) if folder.metrics.exists() else []
    results = files.read_object(folder.results, where=str(folder.results)) if folder.results.exists() else {}
    looked_into, in_trace = _traced(folder, results)
    looked_at = f"{len(lines)} evaluations, {looked_into} steps from within"
    facts: dict[str, Any] = {"run": str(folder.path), "state": folder.state(), "looked at": looked_at}
    if lines:
        facts["loss"] = f"{_shown(lines[0].get('loss'))} at first, {_shown(lines[-1].get('loss'))} at last"
    looks = {"package": _package(folder), "checkpoints": _checkpoints(folder)}
    facts |= {name: told for name, (told, _) in looks.items()}
    damaged = [one for _, found in looks.values() for one in found]
    trend = [] if looked_into or in_trace else _trend(lines)  # what steps show from within is known better than by two losses
    found = [*damaged, *_ending(folder, lines), *in_trace, *trend, *_against_trivial(results)]
    return {"facts": facts, "findings": _ordered(found)}


def _traced(folder: RunFolder, results: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """How many steps were looked into, and what the trace of them shows."""
    try:
        found = traced(folder, results)
    except Refusal as refusal:
        return 0, [_damage(refusal)]
    return found.looked_into, list(found.findings)


def _package(folder: RunFolder) -> tuple[str, list[dict[str, str]]]:
    """What was looked at of the model package, and what is damaged there."""
    if not folder.model.exists() and folder.state() != "finished":
        return "none yet", []
    try:
        read = open_folder(folder.model, format=FORMAT, newest=VERSION)
    except Refusal as refusal:
        return f"{folder.model} does not verify", [_damage(refusal)]
    return f"{folder.model}: {_contents(read.manifest)}", []


def _checkpoints(folder: RunFolder) -> tuple[str, list[dict[str, str]]]:
    """The same for every checkpoint."""
    told, damaged = list[str](), list[dict[str, str]]()
    for step in reversed(folder.steps()):
        try:
            told.append(f"{step} ({_contents(folder.checkpoint(step).manifest)})")
        except Refusal as refusal:
            told.append(f"{step} does not verify")
            damaged.append(_damage(refusal))
    return ", ".join(told) or "none", damaged


def _contents(manifest: Manifest) -> str:
    entries = manifest.files.values()
    return f"{len(entries)} files, {sum(entry.bytes for entry in entries):,} bytes, as their digests say"


def _damage(refusal: Refusal) -> dict[str, str]:
    return finding("error", refusal.what, where=refusal.where, why=refusal.why, fix=refusal.fix, code=refusal.code)


def _ending(folder: RunFolder, lines: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    if lines and lines[-1].get("loss") is None:
        return [
            finding(
                "error",
                f"the loss was not finite at step {lines[-1].get('step')}",
                where=str(folder.metrics),
                why="nothing is learned from steps that are not finite",
                fix="a lower rate (--lr), clipping (--set rule.clip=1), or look at the inputs",
            )
        ]
    if folder.state() == "finished":
        return []
    where = f"step {lines[-1].get('step')}" if lines else "before its first evaluation"
    return [
        finding(
            "warning",
            f"the run has not ended; its last figures are of {where}" if lines else f"the run stopped {where}",
            where=str(folder.path),
            why="what it learned up to its last checkpoint is kept",
            fix=f"thalweg train --resume --out {folder.path} with the data and settings of before",
        )
    ]


def _trend(lines: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Overfitting, or no learning at all; nothing where losses cannot be compared or are too few."""
    training = [line["loss"] for line in lines if line.get("loss") is not None]
    if len(training) < FEW or training[0] <= 0:
        return []
    if training[-1] > training[0] * (1 - LEARNED):
        return [
            finding(
                "warning",
                f"it hardly learned: the training loss went from {_shown(training[0])} to {_shown(training[-1])}",
                where=f"{len(training)} evaluations",
                why="a net that fits its own training data no better cannot fit others",
                fix="another rate (--lr), more --epochs, or a larger --model",
            )
        ]
    return _overfitting(lines, training)


def _overfitting(lines: Sequence[dict[str, Any]], training: Sequence[float]) -> list[dict[str, str]]:
    held_out = [(line["validation.log-loss"], line) for line in lines if line.get("validation.log-loss") is not None]
    if len(held_out) < FEW:
        return []
    best, at = min(held_out, key=lambda pair: pair[0])
    last = sorted(value for value, _ in held_out[-3:])[1]
    if not ((last - training[-1]) / training[0] > GAP and last > RISE * best and training[-1] < 0.5 * last):
        return []
    return [
        finding(
            "warning",
            f"it overfits: held-out loss {_shown(best)} to {_shown(last)}, training loss fell to {_shown(training[-1])}",
            where=f"since step {at.get('step')}",
            why="it learns the training examples by heart",
            fix="stop there (--patience 5), more data, --augment, or --set rule.optimizer.decay=0.1",
        )
    ]


def _against_trivial(results: dict[str, Any]) -> list[dict[str, str]]:
    verdict = results.get("verdict") or {}
    if verdict.get("word") != "worse":
        return []
    return [
        finding("warning", str(verdict["sentence"]), where="the test part", why="a simpler model does better", fix="use it")
    ]


def _ordered(found: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(found, key=lambda one: GRAVITY.index(one["severity"]))


def _shown(value: float | None) -> str:
    return "not finite" if value is None or not math.isfinite(value) else f"{value:.3g}"
