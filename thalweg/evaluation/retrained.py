"""A run's training done again, from another seed or on other rows, and what its net and opponent then came to, kept.

What is done is not done twice: a training that was stopped goes on from its last checkpoint, one that ended is read, and so are
the rows that were judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from thalweg.core import files
from thalweg.core.errors import Refusal, UsageRefusal
from thalweg.core.manifest import Folder, open_folder
from thalweg.core.run_folder import RunFolder
from thalweg.core.standing import Standing
from thalweg.core.talk import Talk
from thalweg.core.tensors import tensors_to_bytes
from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.packages.package import Package, load_package
from thalweg.training.determinism import torch_deterministic
from thalweg.training.fit import Fitted, taught
from thalweg.training.interruption import Interrupted
from thalweg.training.settings import RunSettings
from thalweg.training.together import Run, lead

FORMAT, VERSION = "thalweg.judged", 1
ROWS = "rows.safetensors"


def trained(folder: RunFolder, settings: RunSettings, dataset: Dataset, *, of: Standing) -> Package:
    """The model of a further training: trained, gone on with, or read.

    Args:
        settings: of that training, its seed among them.
        dataset: what it learns from, where that is stored; what is drawn is made by the settings' source.
        of: the run of which it is one; its command goes on where a signal stops it.
    """
    train_all({folder: Wanted(settings, dataset)}, of=of)
    return load_package(folder.model)


@dataclass(frozen=True)
class Wanted:
    """A further training: its settings, its seed among them, and what it learns from."""

    settings: RunSettings
    dataset: Dataset


def train_all(wanted: Mapping[RunFolder, Wanted], *, of: Standing, talk: Talk | None = None, label: str = "seeds") -> None:
    """Further trainings of one net, from seeds or on rows of their own: small nets learn at once (see `training/together`).

    Args:
        wanted: by their folders; those that have ended stay as they are.
        of: the run of which they are; its command goes on where a signal stops it.
        talk: hears how they learn.
        label: of what it hears.

    Raises:
        ResourceRefusal: the run's folder was renamed, removed or replaced: none of them begins apart from it.
    """
    may_join = all(len(one.settings.stages) == 1 and one.settings.time_limit is None for one in wanted.values())
    runs = [_training(folder, one, of) for folder, one in wanted.items() if folder.state() != "finished"]
    try:
        with torch_deterministic(required=False):
            lead(runs, talk or Talk(), may_join=may_join, label=label)
    except Interrupted as stopped:
        stopped.fix = of.again
        raise
    except Refusal:
        of.refuse_gone()  # what could not be written where nothing stands any more
        raise


def _training(folder: RunFolder, wanted: Wanted, of: Standing) -> Run:
    """A training in its folder, begun or gone on with."""
    given = wanted.dataset if isinstance(wanted.dataset, StoredDataset) else None
    settings = wanted.settings.model_copy(update={"doctor": False} | ({} if given is None else {"source": None}))
    of.refuse_gone()
    folder = RunFolder.create(folder.path, resume=folder.state() == "unfinished")
    resume = bool(folder.steps())
    with folder.lock():
        for found in taught(
            settings, given=given, own=None, folder=folder, resume=resume, talk=Talk(), listeners=None, examine=None
        ):
            if isinstance(found, Fitted):
                folder.finish()
            yield found


def keep_judged(folder: RunFolder, rows: Mapping[str, Tensor], stamp: Mapping[str, Any]) -> None:
    """Keep rows (n, k) of a metric, by who answered.

    Args:
        stamp: of which comparison they are, and what else is to be remembered with them: JSON values.

    Raises:
        ResourceRefusal: the system refused, or the folder is no run's any more.
    """
    folder.refuse_gone()
    content = tensors_to_bytes({name: one.contiguous() for name, one in rows.items()})
    files.write_folder(folder.judged, {ROWS: content}, format=FORMAT, version=VERSION, stamp=dict(stamp))


def kept_judged(folder: RunFolder, stamp: Mapping[str, Any]) -> tuple[dict[str, Tensor], Mapping[str, Any]] | None:
    """The rows that were judged before, and their whole stamp, where they are of the same comparison and whole."""
    if not folder.judged.is_dir():
        return None
    try:
        found: Folder = open_folder(folder.judged, format=FORMAT, newest=VERSION)
        return (found.tensors(ROWS), found.manifest.stamp) if stamp.items() <= found.manifest.stamp.items() else None
    except Refusal:  # judged again
        return None


def refuse_unrepeatable(package: Package, settings: RunSettings, *, code: str, where: str) -> None:
    """Raise where a training cannot be done again from its settings.

    Args:
        code: what its refusals' codes begin with.
    """
    again = "train again from data on disk, with a model of the catalogue"
    if package.form == "external":
        why = "a further training needs the model as it was before it learned"
        raise UsageRefusal(f"{code}_OWN_MODEL", "this run trained a model of your own", where=where, why=why, fix=again)
    if any(one.only for one in settings.stages):
        why = "its stages learn classes one after another"
        raise UsageRefusal(f"{code}_STAGES", "this run cannot be repeated on the same parts", where=where, why=why, fix=again)
