"""ResNet-34 on ImageNet-1k, as torchvision publishes it: 73.314 % of the 50,000 validation pictures right at once."""

from collections.abc import Sequence

from thalweg.core.registry import weights
from thalweg.models.residual import ResidualSettings
from thalweg.models.weights._resnet import torchvision_names


@weights(
    "resnet34",
    model="resnet34",
    address="https://download.pytorch.org/models/",
    files=(("resnet34-b627a593.pth", 87319819, "sha256:b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f"),),
    licence="BSD-3-Clause",
    made_for="imagenet",
    lower=("stem",),
    paper="He et al. 2016, arXiv:1512.03385",
)
def resnet34(names: Sequence[str], settings: ResidualSettings) -> dict[str, str]:
    """Our names of tensors to torchvision's."""
    return torchvision_names(names, settings)
