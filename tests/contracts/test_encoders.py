"""What every encoder of a kind of input must do."""

import pytest
import torch
from torch import nn

from thalweg.contracts.alternatives import alternatives
from thalweg.core import registry
from thalweg.fields.ports import Port
from thalweg.layers.encoded import Encoded
from thalweg.layers.start import Start, start_from_data

EVERY = registry.names("encoder")


def rows(name):
    return registry.load("encoder", name).example(torch.Generator().manual_seed(0))


def built(name, settings=None, *, seed=0, started=True):
    torch.manual_seed(seed)
    port, batch = rows(name)
    module = registry.load("encoder", name)(port, settings or registry.settings_of("encoder", name))
    if started:
        target = {"y": torch.arange(8) % 2}
        start_from_data(module, Start([{**batch, **target}], Port("y", "category", size=2), torch.Generator().manual_seed(0)))
    return module


def answer(module, batch, port):
    return module(batch[port.name], batch.get(f"{port.name}_mask"))


@pytest.mark.parametrize("name", EVERY)
class TestEncoders:
    def test_the_scan_and_the_import_agree(self, name):
        declaration = registry.load("encoder", name).declaration
        assert (declaration.sort, declaration.name) == ("encoder", name)
        assert declaration.facts == registry.facts("encoder", name)
        assert registry.parts("encoder")[name].summary

    @pytest.mark.parametrize("started", [False, True])
    def test_each_row_becomes_a_finite_vector_of_the_stated_width(self, name, started):
        port, batch = rows(name)
        assert port.kind == name
        module = built(name, started=started).eval()
        found = answer(module, batch, port)
        assert found.shape == (8, module.width)
        assert found.dtype == torch.float32
        assert found.isfinite().all()
        alone = torch.cat([answer(module, {key: one[i : i + 1] for key, one in batch.items()}, port) for i in range(8)])
        assert torch.allclose(alone, found, rtol=1e-4, atol=1e-5)

    def test_the_state_is_all_there_is(self, name):
        port, batch = rows(name)
        first, other = built(name).eval(), built(name, seed=1, started=False).eval()
        other.load_state_dict(first.state_dict())
        assert torch.equal(answer(first, batch, port), answer(other, batch, port))

    def test_every_parameter_gets_a_slope(self, name):
        port, batch = rows(name)
        module = built(name).train()
        found = answer(module, batch, port).square().sum()
        if found.requires_grad:
            found.backward()
        assert all(one.grad is not None and one.grad.isfinite().all() and one.grad.any() for one in module.parameters())

    def test_every_setting_is_described_and_matters(self, name):
        port, batch = rows(name)
        kind = registry.load("encoder", name).declaration.settings

        def observed(settings):
            module = built(name, settings)
            torch.manual_seed(0)
            return [*module.state_dict().values(), answer(module.train(), batch, port)]

        usual = observed(kind())
        for field, information in kind.model_fields.items():
            assert information.description, field
            others = [observed(one) for one in alternatives(kind(), field)]
            assert any(
                len(other) != len(usual) or any(not torch.equal(a, b) for a, b in zip(usual, other, strict=True))
                for other in others
            ), field


def test_inputs_of_several_kinds_stand_side_by_side():
    made = [rows(name) for name in EVERY]
    module = Encoded(tuple(port for port, _ in made)).eval()
    batch = {key: one for _, rows_of_one in made for key, one in rows_of_one.items()}
    found = module(batch)
    assert found.shape == (8, module.width)
    assert isinstance(module, nn.Module)
