"""ResNet-18 on ImageNet-1k, as torchvision publishes it: 69.758 % of the 50,000 validation pictures right at once."""

from collections.abc import Sequence

from thalweg.core.registry import weights
from thalweg.models.residual import ResidualSettings
from thalweg.models.weights._resnet import torchvision_names


@weights(
    "resnet18",
    model="resnet18",
    address="https://download.pytorch.org/models/",
    files=(("resnet18-f37072fd.pth", 46830571, "sha256:f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"),),
    licence="BSD-3-Clause",
    made_for="imagenet",
    lower=("stem",),
    paper="He et al. 2016, arXiv:1512.03385",
)
def resnet18(names: Sequence[str], settings: ResidualSettings) -> dict[str, str]:
    """Our names of tensors to torchvision's."""
    return torchvision_names(names, settings)
