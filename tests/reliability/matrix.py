"""The matrix of features: short trainings that between them use all that may be remembered from one step to the next.

What the registry lists is taken from it: every rule, optimizer, schedule, augmentation, and every program that runs on a CPU. A
part that is added is killed like the rest, or fails the test that finds it missing here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.core import registry

Columns = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One short training.

    Attributes:
        settings: of the run, as in `settings.yaml`.
        given: makes its data, where `source` does not name them.
        moving: an epoch has other rows than the one before, such as windows of a text.
    """

    name: str
    settings: Mapping[str, Any]
    given: Callable[[], Any] | None = None
    moving: bool = False

    def train(self, out: Path, **options: Any) -> None:
        """Train from the beginning, or go on with what stands in `out`, in this process."""
        from thalweg import api

        settings = {"threads": 1, "compare": False, "check": False, "checkpoint_steps": 1, **self.settings}
        data = self.given() if self.given is not None else settings.pop("source")
        api.train(data, settings=settings, out=out, **options)


def table(rows: int = 90) -> Columns:
    """Numbers, some of them missing, and categories, with a category to be told from them."""
    x, y = np.random.default_rng(0).normal(size=(2, rows))
    colour = np.array(["red", "green", "blue"])[np.arange(rows) % 3]
    told = np.where(x + y > 0, "above", "below")
    x[::11] = np.nan
    return {"x": x, "y": y, "colour": colour, "class": told}


def sectors(rows: int = 90) -> Columns:
    """Points of the plane in three sectors around 0."""
    drawn, label = np.random.default_rng(1), np.arange(rows) % 3
    angle = 2 * np.pi * (label + drawn.uniform(0.2, 0.8, rows)) / 3
    return {"x": np.cos(angle), "y": np.sin(angle), "class": np.array(["a", "b", "c"])[label]}


def photos(rows: int = 50) -> Columns:
    """Small pictures in colour that are bright on one side."""
    side = np.arange(rows) % 2
    pictures = np.random.default_rng(2).integers(0, 100, size=(rows, 12, 12, 3), dtype=np.uint8)
    pictures[side == 1, :, :6] += 100
    return {"picture": pictures, "side": np.array(["right", "left"])[side]}


def letters(rows: int = 60) -> Columns:
    """Grey pictures of 12 x 12 bytes."""
    pictures = np.random.default_rng(3).integers(0, 256, (rows, 12, 12), dtype=np.uint8)
    return {"x": pictures, "y": np.array(["a", "b"])[np.arange(rows) % 2]}


def waves(rows: int = 60) -> Columns:
    """Series of two frequencies."""
    code, time = np.arange(rows) % 2, np.arange(24)
    x = np.sin((1 + code[:, None]) * time / 4 + np.random.default_rng(4).random((rows, 1)))
    return {"x": x.astype(np.float32), "y": np.array(["slow", "fast"])[code]}


def messages(rows: int = 60) -> Columns:
    """Texts of two sorts and of varying length."""
    told = ["the stone fell into the well", "a bird sings in the tree"]
    texts = [" ".join([told[row % 2], *["and again"] * (row % 5), f"{row} times"]) for row in range(rows)]
    return {"text": texts, "sort": np.array(["stone", "bird"])[np.arange(rows) % 2]}


def gates(rows: int = 60) -> Columns:
    """What an exclusive or says."""
    a, b = np.arange(rows) % 2, np.arange(rows) // 2 % 2
    return {"a": a, "b": b, "class": np.array(["no", "yes"])[a ^ b]}


def foxes() -> Any:
    """Windows of six letters in a running text."""
    from thalweg.data.running_text import RunningText

    text = "the quick brown fox jumps over the lazy dog, and the dog sleeps. " * 3
    return RunningText("foxes", {"train": text, "validation": text[:20], "test": text[:20]}, 6)


NET = {"model": {"name": "mlp", "hidden": [6], "dropout": 0.2}, "data": {"target": "class"}}
WAVES = {"target": "y", "fields": {"x": "series"}}
LONG = {"steps": 24, "batch_size": 16}
"""Steps of a short run; an epoch of the tables here has four."""
DEEP = {"model": {"name": "residual", "settings": {"depths": [1, 1], "widths": [4, 8]}}, "rule": {"steps": 6, "batch_size": 16}}
SMALL_PICTURES = {"model": {"name": "lenet5", "maps": [3, 4], "hidden": [9, 5]}, "data": {"target": "y"}}

WRITING = {"model": {"name": "gpt-char", "layers": 1, "width": 8, "heads": 2}}

BY_RULE: dict[str, tuple[Mapping[str, Any], Callable[[], Any] | None]] = {
    "adversarial": ({"source": "digits", "task": "conditional-synthesis", "rule": {"accumulate": 2}}, None),
    "as-built": (
        {
            "task": "classification",
            "model": "threshold-xor",
            "data": {"target": "class", "fields": {"a": "number", "b": "number"}},
        },
        gates,
    ),
    "backpropagation": (NET, table),
    "competitive": ({"source": "iris", "model": {"name": "map", "rows": 3, "columns": 4}}, None),
    "contrastive-divergence": (
        {"source": "digits", "task": "reconstruction", "model": "rbm", "rule": {"gibbs_steps": 3, "average": 0.9}},
        None,
    ),
    "hebbian": ({"source": "patterns"}, None),
    "k-means": ({"source": "iris", "model": {"name": "rbf", "units": 8}, "rule": {"average": 0.9}}, None),
    "linear-probe": ({**DEEP, "rule": {"steps": 6}}, photos),
    "members": ({**NET, "rule": {"members": 3, "optimizer": "adam"}}, table),
    "perceptron": ({"model": "perceptron", "task": "classification", "data": {"target": "class"}}, sectors),
    "ridge": ({"model": {"name": "random-kernels", "shares": 420, "groups": 2}, "data": WAVES}, waves),
    "temporal-difference": (
        {
            "source": "cartpole",
            "source_settings": {"limit": 20},
            "model": {"name": "q-network", "hidden": [8]},
            "rule": {"batch_size": 4, "every": 3, "warmup": 12, "memory": 24, "actors": 4, "sync": 4},
        },
        None,
    ),
}
"""What each rule learns here: settings, and data where no source names them."""

BY_PROGRAM: dict[str, tuple[Mapping[str, Any], Callable[[], Any] | None]] = {
    "convolution-chain": ({**SMALL_PICTURES, "speed": [{"lanes": 2}]}, letters),
    "decoder": ({**WRITING, "rule": {"optimizer": "adam"}, "speed": [{"lanes": 2, "ahead": False}]}, foxes),
    "dense-chain": ({"source": "digits", "model": {"name": "mlp", "hidden": [8]}, "rule": {"average": 0.9}}, None),
    "map-steps": BY_RULE["competitive"],
    "members-chain": (
        {"source": "iris", "model": {"name": "mlp", "hidden": [6]}, "rule": {"name": "members", "members": 3}},
        None,
    ),
    "table-members": (
        {
            "model": {"name": "tabular", "members": 3, "hidden": [8], "trees": 2, "depth": 2},
            "rule": {"average": 0.9},
            "data": {"target": "class"},
            "speed": [{"lanes": 2, "precision": "bfloat16"}],
        },
        table,
    ),
}
"""What each program that runs on a CPU takes the steps of."""

REMEMBERED: dict[str, tuple[Mapping[str, Any], Callable[[], Any] | None]] = {
    "average": ({**NET, "rule": {"average": 0.95}}, table),
    "between": ({**NET, "stages": [{}, {"rule": {"between": 0.25, "average": 0.5}}]}, table),
    "accumulation": ({**NET, "rule": {"accumulate": 3}}, table),
    "early stopping": ({**NET, "rule": {"rate": 0.3, "steps": 200}, "stopping": {"patience": 4}}, table),
    "last weights": ({**NET, "stopping": {"keep": "last"}}, table),
    "clipping and penalties": ({**NET, "rule": {"clip": 0.1, "l1": 1e-3, "l2": 1e-2}}, table),
    "rates by layer": ({**DEEP, "rule": {"steps": 6, "layer_decay": 0.5, "freeze_statistics": True}}, photos),
    "frozen trunk, then all": (
        {**DEEP, "stages": [{"rule": {"name": "linear-probe", "steps": 3}}, {"rule": {"average": 0.5, "steps": 4}}]},
        photos,
    ),
    "classes that grow": (
        {
            "source": "digits",
            "model": {"name": "mlp", "hidden": [8]},
            "rule": {"steps": 6},
            "stages": [{"only": [0, 1, 2]}, {"only": [0, 1, 2, 3, 4], "model": {"hidden": [12]}}, {}],
        },
        None,
    ),
    "trees and their boosting": (
        {"model": {"name": "tabular", "members": 2, "hidden": [6], "trees": 3, "depth": 2}, "data": {"target": "class"}},
        table,
    ),
    "rates that were looked for": ({**NET, "rule": {"rate": "auto"}}, table),
    "a checkpoint now and then": ({**NET, "rule": {"steps": 60}, "checkpoint_steps": 7, "checkpoints_kept": 1}, table),
    "evaluation within epochs": ({**NET, "evaluate_every": 5}, table),
    "lanes": ({**NET, "speed": [{"lanes": 3, "threads": 1}]}, table),
    "lanes that draw": ({**NET, "rule": {"accumulate": 1}, "speed": [{"lanes": 2, "threads": 1, "ahead": True}]}, table),
    "rows from a file": ({**NET, "data": {"target": "class", "cache": "always"}}, table),
    "texts": ({"model": {"name": "text-gru", "width": 8}, "data": {"target": "sort"}, "rule": {"steps": 8}}, messages),
    "text to be continued": ({**WRITING, "rule": {"average": 0.9}}, foxes),
    "series": ({"model": "series-residual", "data": WAVES, "rule": {"steps": 6}}, waves),
    "strings": ({"source": "reversed-strings", "rule": {"steps": 6}, "evaluate_every": 6}, None),
    "boxes": ({"source": "blobs", "rule": {"steps": 4, "batch_size": 8}, "evaluate_every": 4}, None),
    "strips": ({"source": "digit-strips", "rule": {"steps": 3, "batch_size": 8}, "evaluate_every": 3}, None),
    "a distribution": ({"source": "two-moons", "model": {"name": "velocity-field", "hidden": [8]}, "evaluate_every": 12}, None),
    "an equation": (
        {"source": "damped-oscillator", "rule": {"optimizer": {"name": "lbfgs", "iterations": 5}, "steps": 8}},
        None,
    ),
    "few shots": ({"source": "sinusoids", "rule": {"steps": 8}, "evaluate_every": 8}, None),
    "picture and table": ({"source": "image-and-table", "rule": {"steps": 4, "batch_size": 16}, "evaluate_every": 4}, None),
    "scenes": ({**DEEP, "memory_format": "channels-last"}, photos),
}
"""What else is remembered, and kinds of data."""


def kinds() -> list[Kind]:
    """All of them."""
    found = [_of(f"rule {name}", *BY_RULE[name], rule={"name": name}) for name in registry.names("rule") if name in BY_RULE]
    for name in registry.names("optimizer"):
        found.append(_of(f"optimizer {name}", NET, table, rule={"optimizer": name, "average": 0.9}))
    for name in registry.names("schedule"):
        found.append(_of(f"schedule {name}", NET, table, rule={"schedule": {"name": name, "warmup": 5}}))
    for name in ("batch", "layer", "rms"):
        found.append(_of(f"normalisation {name}", {**NET, "model": {**NET["model"], "normalisation": name}}, table))
    for name in registry.names("augmentation"):
        settings = {"model": {"name": "lenet5", "maps": [3, 4], "hidden": [9, 5]}, "augment": [name]}
        found.append(_of(f"augmentation {name}", settings, photos, rule={"steps": 8}))
    for name in ("float64", "bfloat16", "float16"):
        found.append(_of(f"precision {name}", {**NET, "precision": name}, table))
    for name in sorted(BY_PROGRAM):
        settings, given = BY_PROGRAM[name]
        [plan] = settings.get("speed", [{}])
        found.append(
            _of(
                f"program {name}",
                {**settings, "speed": [{"program": name, "ahead": name != "decoder", "threads": 1, **plan}]},
                given,
            )
        )
    return found + [_of(name, *REMEMBERED[name]) for name in REMEMBERED]


def _of(name: str, settings: Mapping[str, Any], given: Callable[[], Any] | None, **changed: Mapping[str, Any]) -> Kind:
    """A kind of run whose rule takes a few steps unless it takes none."""
    rule = {**changed.get("rule", {}), **settings.get("rule", {})}
    taking = registry.facts("rule", rule.get("name", "backpropagation")) and rule.get("name") not in ("hebbian", "ridge")
    return Kind(
        name, {"evaluate_every": 4, **settings, "rule": {**LONG, **rule} if taking else rule}, given, moving=given is foxes
    )
