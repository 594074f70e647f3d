"""Fashion-MNIST, 70,000 articles of clothing of 28×28 pixels (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747)."""

from thalweg.core.registry import source
from thalweg.data._idx import examples_of_idx
from thalweg.data._source import Asked
from thalweg.data.catalogue import note_share, obtain
from thalweg.data.dataset import Examples

CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


@source(
    "fashion-mnist",
    catalogued=True,
    task="classification",
    rows=70_000,
    licence="MIT",
    address="https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    files=(
        ("train-images-idx3-ubyte.gz", 26421880, "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", 29515, "md5:25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", 4422102, "md5:bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", 5148, "md5:bb300cfdad3c16e7a12a480ee83cd310"),
    ),
)
def fashion_mnist(asked: Asked) -> Examples:
    """70,000 articles of clothing of 28×28 pixels in ten classes; the official test images are kept as the test."""
    examples = examples_of_idx(
        obtain("fashion-mnist", download=asked.data.download, told=asked.told), "fashion-mnist", classes=CLASSES
    )
    examples.notes += note_share(examples, {"train": 60_000, "test": 10_000}, of="Fashion-MNIST")
    examples.facts |= {"licence": "MIT", "augment": [{"shift": {"pixels": 1}}, "flip"]}
    return examples
