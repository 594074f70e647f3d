"""A run's training done again, from another seed or on other rows, and what its net and opponent then came to, kept.

What is done is not done twice: a training that was stopped goes on from its last checkpoint, one that ended is read, and so are
the rows that were judged.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from thalweg.core import files
from thalweg.core.errors import Refusal, UsageRefusal
from thalweg.core.manifest import Folder, open_folder
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.core.tensors import tensors_to_bytes
from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.packages.package import Package, load_package
from thalweg.training.fit import fit
from thalweg.training.interruption import Interrupted
from thalweg.training.settings import RunSettings

FORMAT, VERSION = "thalweg.judged", 1
ROWS = "rows.safetensors"


def trained(folder: RunFolder, settings: RunSettings, dataset: Dataset, *, again: str) -> Package:
    """The model of a further training: trained, gone on with, or read.

    Args:
        settings: of that training, its seed among them.
        dataset: what it learns from, where that is stored; what is drawn is made by the settings' source.
        again: the command that goes on where a signal stops it.
    """
    state = folder.state()
    if state == "finished":
        return load_package(folder.model)
    folder = RunFolder.create(folder.path, resume=state == "unfinished")
    given = dataset if isinstance(dataset, StoredDataset) else None
    settings = settings if given is None else settings.model_copy(update={"source": None})
    with folder.lock():
        try:
            fitted = fit(settings, given=given, folder=folder, resume=bool(folder.steps()), talk=Talk())
        except Interrupted as stopped:
            stopped.fix = again
            raise
        folder.finish()
    return fitted.package


def keep_judged(folder: RunFolder, rows: Mapping[str, Tensor], stamp: Mapping[str, Any]) -> None:
    """Keep rows (n, k) of a metric, by who answered.

    Args:
        stamp: of which comparison they are, and what else is to be remembered with them: JSON values.
    """
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
