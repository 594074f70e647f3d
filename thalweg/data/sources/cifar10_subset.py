"""A tenth of CIFAR-10 as PNG files in a zip, balanced over its classes: for short trials, not for figures."""

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.catalogue import note_share, obtain
from thalweg.data.dataset import Examples
from thalweg.data.sources.image_archive import examples_of_zip


@source(
    "cifar10-subset",
    catalogued=True,
    task="classification",
    rows=6250,
    licence="none stated; published for research",
    files=(("cifar10_subset.zip", 15032748, "sha256:8022a8b76017e9e9746fbd2a0a446277f9b82dbd57823bc58d4e159a4dde80cf"),),
)
def cifar10_subset(asked: Asked) -> Examples:
    """6,250 photographs of 32×32 pixels in ten classes; test images are from the official test."""
    folder = obtain("cifar10-subset", download=asked.data.download, told=asked.told)
    examples = examples_of_zip(folder / "cifar10_subset.zip", "cifar10-subset", asked.data)
    examples.notes += note_share(examples, {"train": 50_000, "test": 10_000}, of="CIFAR-10")
    examples.facts |= {"licence": "none stated; published for research", "augment": [{"shift": {"pixels": 4}}, "flip"]}
    return examples
