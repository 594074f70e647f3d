"""Runs plantings and healthy trainings under the doctor, each seeded by itself, so that any can be repeated alone."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch

import thalweg as tw
from benchmarks.doctor import development, drawn, further, harm, held_out, unseen
from benchmarks.doctor.healthy import KINDS, UNSEEN, Kind
from benchmarks.doctor.loops import trained
from benchmarks.doctor.plants import PLANTS, Plant
from benchmarks.doctor.subject import Case, Shape, Subject, healthy

quietly = partial(tw.doctor, quiet=True)


@dataclass(frozen=True)
class Trial:
    """What the doctor said of one training.

    Attributes:
        fault: what was planted; "" where nothing was.
        there: the fault is there; or, where nothing was planted, the training went well.
        evidence: by what it hurts, or how well it went.
        named: what the doctor found, first things first.
        sentences: what it says of the first.
    """

    subject: str
    seed: int
    fault: str
    way: str
    reported: bool
    there: bool
    evidence: str
    named: tuple[str, ...]
    sentences: str
    seconds: float

    @property
    def right(self) -> bool:
        """The planted fault comes first; or nothing was planted, and nothing is named."""
        return self.named[:1] == ((self.fault,) if self.fault else ())

    @property
    def alone(self) -> bool:
        """It is right, and no other name stands beside it."""
        return self.right and len(self.named) <= 1


def planted(subject: Subject, seed: int, plants: Iterable[Plant], *, reported: bool) -> Iterator[Trial]:
    """The subject without a fault, then with each of some."""
    case = healthy(subject, seed)
    beside = dict[Shape, harm.Outcome]()

    def without(shape: Shape) -> harm.Outcome:
        if shape not in beside:
            well, told, _ = trained(fair := replace(case, shape=shape), quietly)
            beside[shape] = harm.outcome(fair, well, told)
        return beside[shape]

    yield _healthy_subject(case, reported=reported)
    for plant in plants:
        if plant.suits(subject):
            yield _planted(plant, case, without, reported=reported)


def _planted(plant: Plant, case: Case, without: Callable[[Shape], harm.Outcome], *, reported: bool) -> Trial:
    faulty, begun = plant.case(case), time.perf_counter()
    net, told, watched = trained(faulty, quietly)
    seconds = time.perf_counter() - begun
    there, hurts = harm.shown(plant, faulty, harm.outcome(faulty, net, told), without(plant.compared))
    named, sentences = _said(watched.findings)
    return Trial(case.subject.name, case.seed, plant.fault, plant.way, reported, there, hurts, named, sentences, seconds)


def _healthy_subject(case: Case, *, reported: bool) -> Trial:
    begun = time.perf_counter()
    net, told, watched = trained(case, quietly)
    seconds, found = time.perf_counter() - begun, harm.outcome(case, net, told)
    named, sentences = _said(watched.findings)
    evidence = f"error {found.error:.3f}, held-out loss {found.held_out:.2f}, training {found.fitted:.2f}"
    return Trial(case.subject.name, case.seed, "", "as it should be", reported, True, evidence, named, sentences, seconds)


def well(kind: Kind, seed: int) -> Trial:
    """One training of a kind that looks odd and is well."""
    torch.manual_seed(seed)
    begun = time.perf_counter()
    ended = kind.run(seed, quietly)
    seconds = time.perf_counter() - begun
    named, sentences = _said(ended.watched.findings)
    return Trial(kind.name, seed, "", kind.about, kind in UNSEEN, ended.well, ended.told, named, sentences, seconds)


def _said(findings: list[dict]) -> tuple[tuple[str, ...], str]:
    first = findings[0] if findings else {}
    return tuple(one["name"] for one in findings), " | ".join(str(first[key]) for key in ("what", "why", "fix") if key in first)


def subjects(*, reported: bool) -> tuple[Subject, ...]:
    """Nets of development, or those that are only reported."""
    return unseen.subjects() if reported else development.SUBJECTS + further.subjects() + held_out.SUBJECTS + drawn.SUBJECTS


def plants(*, reported: bool) -> tuple[Plant, ...]:
    """Ways of development, or all: those marked `reported` too."""
    return tuple(plant for plant in PLANTS if reported or not plant.reported)


def kinds(*, reported: bool) -> tuple[Kind, ...]:
    """Healthy kinds of development, or those that are only reported."""
    return UNSEEN if reported else KINDS
