"""The reader of strips: how wide the other strips of a batch are changes nothing."""

import pytest
import torch

from thalweg.models.strip_reader import StripReader


@pytest.mark.parametrize("changed", [{}, {"units": 8}, {"units": 0, "normalisation": "batch"}])
def test_a_strip_is_read_alike_alone_and_beside_wider_ones(changed):
    torch.manual_seed(0)
    ports, settings = StripReader.tiny()
    net = StripReader(ports, settings.model_copy(update=changed)).eval()
    mask = torch.arange(23) < torch.tensor([23, 12, 7, 1])[:, None]
    strips = torch.randn(4, 23, 4)
    together, frames = net(strip=strips, strip_mask=mask)
    assert frames.sum(1).tolist() == [12, 6, 4, 1]
    for row in range(4):
        width, count = int(mask[row].sum()), int(frames[row].sum())
        alone, its = net(strip=strips[row : row + 1, :width], strip_mask=mask[row : row + 1, :width])
        assert its.all()
        torch.testing.assert_close(alone[0], together[row, :count])


def test_every_weight_is_learned():
    torch.manual_seed(0)
    ports, settings = StripReader.tiny()
    net = StripReader(ports, settings)
    inputs = StripReader.example(ports, torch.Generator().manual_seed(0))
    logits, frames = net(**{name: one for name, one in inputs.items() if name.startswith("strip")})
    (logits * frames[:, :, None]).square().sum().backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in net.parameters())
