"""Portability: a model answers the same elsewhere: in a new process, in other precisions, exported, compiled."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from thalweg.contracts.finding import Beside, Contract, broken
from thalweg.contracts.function import ROUNDING
from thalweg.contracts.subject import Subject, Tensors

SAME = "it answers the same when loaded in a new process"
SECONDS = 300


def answers_the_same_elsewhere(subject: Subject) -> None:
    """Its weights, saved and loaded in a new process, give the same bits."""
    said = answers_elsewhere([subject])[subject.name]
    if said:
        broken(said, "keep all that it needs in parameters and buffers")


def answers_elsewhere(subjects: Sequence[Subject]) -> dict[str, str]:
    """For each model what went wrong when a new process loaded its weights and answered its example; empty: nothing."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        rows = [_written(here / str(index), subject) for index, subject in enumerate(subjects)]
        (here / "models.json").write_text(json.dumps(rows), encoding="utf-8")
        command = [sys.executable, "-m", "thalweg.contracts.elsewhere", str(here)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        last = (done.stderr.strip().splitlines() or ["it gave no answer"])[-1]
        return {subject.name: _compared(here / str(index), last) for index, subject in enumerate(subjects)}


def _written(folder: Path, subject: Subject) -> dict[str, str]:
    folder.mkdir()
    model, rows = subject.made(seed=11), subject.rows()
    _save(folder / "weights.safetensors", model.state_dict())
    _save(folder / "rows.safetensors", rows)
    _save(folder / "here.safetensors", subject.answer(model, rows))
    return {"folder": str(folder), "file": str(subject.file), "class": subject.kind.__name__, "module": subject.kind.__module__}


def _save(path: Path, tensors: Tensors) -> None:
    save_file({name: one.detach().clone().contiguous() for name, one in tensors.items()}, path)


def _compared(folder: Path, said: str) -> str:
    if (folder / "error.txt").exists():
        return (folder / "error.txt").read_text(encoding="utf-8")
    if not (folder / "there.safetensors").exists():
        return said
    ours, theirs = load_file(folder / "here.safetensors"), load_file(folder / "there.safetensors")
    differing = [name for name in ours if name not in theirs or not torch.equal(ours[name], theirs[name])]
    return f"{differing[0]} differs in a new process" if differing else ""


def double_precision_runs(subject: Subject) -> None:
    """In float64 it answers as in float32, but for rounding."""
    _precision(subject, torch.float64, ROUNDING)


def half_precision_runs(subject: Subject) -> None:
    """In bfloat16 it answers, finite and in that type; how exactly is its own matter."""
    _precision(subject, torch.bfloat16, float("inf"))


def _precision(subject: Subject, dtype: torch.dtype, tolerance: float) -> None:
    usual = subject.answer(subject.made(), subject.rows())
    rows = {name: one.to(dtype) if one.is_floating_point() else one for name, one in subject.rows().items()}
    for name, answer in subject.answer(subject.made().to(dtype), rows).items():
        if answer.is_floating_point() and answer.dtype != dtype:
            broken(f"{name} is {answer.dtype} in a model of {dtype}", "make tensors in the type of an input or a weight")
        if not bool(torch.isfinite(answer).all()):
            broken(f"{name} is not finite in {dtype}", "use torch.finfo(x.dtype) for the smallest and largest number")
        apart = (answer.double() - usual[name].double()).abs().max()
        if float(apart) > tolerance * (1.0 + float(usual[name].double().abs().max())):
            broken(f"{name} is {float(apart):.2g} away in {dtype}", "keep no float32 constants inside")


def meta_runs(subject: Subject) -> None:
    """On the meta device (shapes without values) it is built and gives outputs of the same shapes."""
    usual = {name: one.shape for name, one in subject.answer(subject.made(), subject.rows()).items()}
    with torch.device("meta"):
        model = subject.build(subject.settings).eval()
    shapes = {name: one.shape for name, one in subject.answer(model, _on(subject.rows(), "meta")).items()}
    if shapes != usual:
        broken(f"shapes differ on the meta device: {shapes}", "let shapes follow from shapes, not from values")


def _on(rows: Tensors, device: str) -> Tensors:
    return {name: one.to(device) for name, one in rows.items()}


def exported_answers_the_same(subject: Subject) -> None:
    """Exported by torch.export, it answers the same but for rounding."""
    if not subject.facts.get("exportable", True):
        raise Beside("it declares exportable=False")

    def exported(model: nn.Module) -> Callable[..., object]:
        arguments, named = subject.ports.bound(model).given(subject.rows())
        module: nn.Module = torch.export.export(model, arguments, named, strict=False).module()
        return module

    _replaced(subject, exported)


def compiled_answers_the_same(subject: Subject) -> None:
    """Compiled by torch.compile, it answers the same but for rounding."""
    _replaced(subject, torch.compile)


def _replaced(subject: Subject, replace: Callable[[nn.Module], Callable[..., object]]) -> None:
    """Compare a model with what takes its place."""
    model, rows = subject.made(), subject.rows()
    usual = subject.answer(model, rows)
    arguments, named = subject.ports.bound(model).given(rows)
    with torch.no_grad():
        given = replace(model)(*arguments, **named)
    for name, answer in subject.named(given).items():
        apart = (answer.double() - usual[name].double()).abs().max()
        if float(apart) > ROUNDING * (1.0 + float(usual[name].double().abs().max())):
            broken(f"{name} is {float(apart):.2g} away", "or declare exportable=False")


CONTRACTS: dict[str, Contract[Subject]] = {
    "it runs in float64": double_precision_runs,
    "it runs in bfloat16": half_precision_runs,
    "it runs without values, on the meta device": meta_runs,
    SAME: answers_the_same_elsewhere,
}
"""What any module is held to; the one in a new process takes seconds."""

SLOW: dict[str, Contract[Subject]] = {
    "exported it answers the same": exported_answers_the_same,
    "compiled it answers the same": compiled_answers_the_same,
}
"""What takes many seconds for each model."""
