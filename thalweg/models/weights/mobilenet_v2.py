"""MobileNetV2 on ImageNet-1k, as torchvision publishes it: 71.878 % of the 50,000 validation pictures right at once."""

from collections.abc import Sequence

from thalweg.core.registry import weights
from thalweg.core.settings import Settings


@weights(
    "mobilenet-v2",
    model="mobilenet-v2",
    address="https://download.pytorch.org/models/",
    files=(("mobilenet_v2-b0353104.pth", 14212972, "sha256:b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"),),
    alike=(
        (
            "mobilenet_v2_imagenet_fp16.safetensors",
            7108592,
            "sha256:17842854abebd1e1bb09b41fca9df6ce92755bc966fcec62929ac0d25eb0869d",
        ),
    ),
    licence="BSD-3-Clause",
    made_for="imagenet",
    lower=("stem", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "blocks.4", "blocks.5"),
    brings="it has learned from 1.28 million photos of 1,000 classes",
    paper="Sandler et al. 2018, arXiv:1801.04381",
)
def mobilenet_v2(names: Sequence[str], settings: Settings) -> dict[str, str]:
    """Our names of tensors to torchvision's."""
    return {name: _theirs(name) for name in names}


def _theirs(name: str) -> str:
    first, _, rest = name.partition(".")
    if first == "blocks":
        number, _, within = rest.partition(".branch.")
        return f"features.{int(number) + 1}.conv.{within}"
    return {"stem": "features.0", "last": "features.18", "head": "classifier.1"}[first] + "." + rest
