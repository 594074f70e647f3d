"""MNIST, 70,000 handwritten digits of 28×28 pixels (LeCun, Cortes, Burges 1998)."""

from thalweg.core.registry import source
from thalweg.data._idx import examples_of_idx
from thalweg.data._source import Asked
from thalweg.data.catalogue import note_share, obtain
from thalweg.data.dataset import Examples


@source(
    "mnist",
    catalogued=True,
    task="classification",
    rows=70_000,
    licence="CC BY-SA 3.0",
    address="https://ossci-datasets.s3.amazonaws.com/mnist/",
    files=(
        ("train-images-idx3-ubyte.gz", 9912422, "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", 28881, "md5:d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", 1648877, "md5:9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", 4542, "md5:ec29112dd5afa0611ce80d1b7f02629c"),
    ),
)
def mnist(asked: Asked) -> Examples:
    """70,000 handwritten digits of 28×28 pixels; the official test images are kept as the test."""
    folder = obtain("mnist", download=asked.data.download, told=asked.told)
    examples = examples_of_idx(folder, "mnist", classes=[str(digit) for digit in range(10)])
    examples.notes += note_share(examples, {"train": 60_000, "test": 10_000}, of="MNIST")
    examples.facts |= {"licence": "CC BY-SA 3.0", "augment": [{"shift": {"pixels": 2}}]}
    return examples
