"""The residual nets: where zero branches begin."""

import pytest
import torch

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import settings_of
from thalweg.models.residual import ResidualNet

PORTS, _ = ResidualNet.tiny()


@pytest.mark.parametrize("form", [{"preactivated": False, "shortcut": "padding"}, {"preactivated": True}])
def test_a_deep_net_of_zero_branches_begins_as_its_shortcuts(form):
    settings = settings_of("model", "residual", {"depths": (5, 1), "widths": (4, 4), "zero_last": True, **form})
    net = ResidualNet(PORTS, settings).eval()
    image = torch.randn(3, 1, 8, 8)
    before = net.stem(image)
    after = before
    for block in net.blocks[:5]:
        after, _ = block(after)
    assert torch.equal(after, before)
    net(image).square().sum().backward()
    assert all(block.second.weight.grad is not None for block in net.blocks)


def test_a_plain_net_cannot_begin_at_zero():
    with pytest.raises(UsageRefusal, match="needs a shortcut"):
        settings_of("model", "residual", {"preactivated": False, "shortcut": "none", "zero_last": True})
