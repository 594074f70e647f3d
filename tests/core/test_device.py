"""The order of weights in memory changes their strides and nothing else; what a machine has instructions for is found."""

from pathlib import Path

import pytest
import torch
from torch import nn

from thalweg.core.device import has_bfloat16, laid_out, one_thread, products


def test_only_two_dimensional_convolutions_are_laid_out_and_no_value_changes():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv3d(4, 2, 3), nn.Linear(2, 2))
    before = {name: one.clone() for name, one in net.state_dict().items()}
    kept = [id(one) for one in net.parameters()]
    laid_out(net, "channels-last")
    assert net[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert all(net[index].weight.is_contiguous() for index in (1, 2))
    assert [id(one) for one in net.parameters()] == kept
    assert all(torch.equal(one, before[name]) for name, one in net.state_dict().items())


def test_a_net_laid_out_both_ways_answers_nearly_the_same():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3))
    image = torch.randn(2, 3, 9, 9)
    last = laid_out(net, "channels-last")(image)
    torch.testing.assert_close(laid_out(net, "plain")(image), last, rtol=1e-5, atol=1e-6)
    assert net[0].weight.is_contiguous()


def test_a_net_whose_gradient_would_write_outside_its_memory_stays_plain():
    def formats(channels):
        net = nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, channels, 1), nn.Conv2d(channels, 8, 1, stride=2)
        )
        return net, laid_out(net, "channels-last")[0].weight.is_contiguous(memory_format=torch.channels_last)

    net, last = formats(4)
    assert not last
    net(torch.randn(3, 4, 8, 8)).square().sum().backward()
    assert all(torch.isfinite(one.grad).all() for one in net.parameters())
    assert formats(8)[1]


def test_a_net_of_pictures_of_one_channel_answers_with_channels_last_throughout():
    net = nn.Sequential(nn.Conv2d(1, 8, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3))
    plain = net(torch.randn(2, 1, 8, 8))
    last = laid_out(net, "channels-last")[0](torch.randn(2, 1, 8, 8))
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert plain.is_contiguous()
    assert laid_out(net, "plain")(torch.randn(2, 1, 8, 8)).is_contiguous()


def test_tf32_is_for_what_lies_within_and_on_a_gpu_alone():
    before = torch.get_float32_matmul_precision()
    with products(torch.device("cuda"), "tf32"):
        assert torch.get_float32_matmul_precision() == "high"
    for device, precision in (("cpu", "tf32"), ("cuda", "float32")):
        with products(torch.device(device), precision):
            assert torch.get_float32_matmul_precision() == before
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.skipif(
    "flags" not in (Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""), reason="no x86"
)
def test_instructions_for_bfloat16_are_found_where_the_processor_names_them():
    """By trying products: four times as fast where there are some, many times as slow where there are none."""
    (flags,) = [line.split() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")][:1]
    with one_thread():
        found = has_bfloat16(torch.device("cpu"))
    assert found == bool({"avx512_bf16", "amx_bf16"} & set(flags))
