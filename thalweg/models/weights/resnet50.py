"""ResNet-50 on ImageNet-1k, as torchvision publishes it: 76.130 % of the 50,000 validation pictures right at once."""

from collections.abc import Sequence

from thalweg.core.registry import weights
from thalweg.models.residual import ResidualSettings
from thalweg.models.weights._resnet import torchvision_names


@weights(
    "resnet50",
    model="resnet50",
    address="https://download.pytorch.org/models/",
    files=(("resnet50-0676ba61.pth", 102530333, "sha256:0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),),
    licence="BSD-3-Clause",
    made_for="imagenet",
    lower=("stem",),
    paper="He et al. 2016, arXiv:1512.03385",
)
def resnet50(names: Sequence[str], settings: ResidualSettings) -> dict[str, str]:
    """Our names of tensors to torchvision's."""
    return torchvision_names(names, settings)
