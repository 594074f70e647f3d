"""What every optimizer and every schedule must do."""

import copy
import json
import math

import pytest
import torch
from torch import nn

from tests.contracts.alternatives import alternatives
from thalweg.core import registry
from thalweg.core.errors import UsageRefusal

OPTIMIZERS, SCHEDULES = registry.names("optimizer"), registry.names("schedule")
EVERY = [("optimizer", name) for name in OPTIMIZERS] + [("schedule", name) for name in SCHEDULES]
TARGETS = [torch.randn(shape, generator=torch.Generator().manual_seed(9)) for shape in ((4, 3), (6, 4, 1), (4,), (2, 4))]


def started(dtype=torch.float32):
    return [nn.Parameter(torch.zeros_like(target, dtype=dtype).add_(0.5)) for target in TARGETS]


def measured(parameters):
    apart = torch.cat([(parameter - target).flatten() for parameter, target in zip(parameters, TARGETS, strict=True)])
    loss = (torch.logspace(-1, 1, len(apart)) * apart**2 + 0.1 * apart**4).sum()
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    return loss


def built(name, parameters, settings=None):
    return registry.load("optimizer", name)(parameters, settings or registry.settings_of("optimizer", name))


def steps(optimizer, parameters, count):
    for _ in range(count):
        measured(parameters)
        optimizer.step(lambda: measured(parameters))
    return [parameter.detach().clone() for parameter in parameters]


def trajectory(sort, name, settings):
    if sort == "schedule":
        return [registry.load(sort, name)(settings, step, 40) for step in range(41)]
    parameters = started()
    return torch.cat([one.flatten() for one in steps(built(name, parameters, settings), parameters, 3)]).tolist()


@pytest.mark.parametrize(("sort", "name"), EVERY)
class TestDeclaration:
    def test_the_scan_and_the_import_agree(self, sort, name):
        declaration = registry.load(sort, name).declaration
        assert (declaration.sort, declaration.name) == (sort, name)
        assert declaration.facts == registry.facts(sort, name)
        assert registry.parts(sort)[name].summary

    def test_settings_round_trip_through_json(self, sort, name):
        settings = registry.settings_of(sort, name)
        assert type(settings)(**json.loads(settings.model_dump_json())) == settings

    def test_unknown_settings_are_refused(self, sort, name):
        with pytest.raises(ValueError, match="speed"):
            registry.settings_of(sort, name, {"speed": 1})

    def test_every_setting_is_described_and_matters(self, sort, name):
        kind = registry.load(sort, name).declaration.settings
        usual = trajectory(sort, name, kind())
        for field, information in kind.model_fields.items():
            assert information.description, field
            assert any(trajectory(sort, name, settings) != usual for settings in alternatives(kind, field)), field


@pytest.mark.parametrize("name", OPTIMIZERS)
class TestOptimizers:
    def test_a_convex_loss_falls(self, name):
        parameters = started()
        first = float(measured(parameters).detach())
        steps(built(name, parameters), parameters, 200)
        # Adadelta starts with steps of about sqrt(epsilon), and Adam's 1e-3 travels .2 in 200 steps
        assert float(measured(parameters).detach()) < 0.97 * first

    def test_the_base_rate_is_a_setting_and_is_above_zero(self, name):
        settings = registry.settings_of("optimizer", name, {"rate": 0.25})
        assert all(group["lr"] == 0.25 for group in built(name, started(), settings).param_groups)
        with pytest.raises(ValueError, match="rate"):
            registry.settings_of("optimizer", name, {"rate": 0.0})

    def test_a_rate_of_zero_moves_nothing(self, name):
        parameters = started()
        optimizer = built(name, parameters)
        for group in optimizer.param_groups:
            group["lr"] = 0.0
        assert all((parameter == 0.5).all() for parameter in steps(optimizer, parameters, 2))

    def test_parameters_without_a_gradient_stay(self, name):
        parameters = started()
        optimizer = built(name, parameters)
        measured(parameters)
        parameters[0].grad = parameters[2].grad = None
        optimizer.step(lambda: torch.zeros(()))
        assert (parameters[0] == 0.5).all()
        assert (parameters[2] == 0.5).all()

    def test_a_stopped_run_resumes_to_the_same_bits(self, name):
        straight = started()
        whole = steps(built(name, straight), straight, 5)
        first = started()
        optimizer = built(name, first)
        steps(optimizer, first, 2)
        second = [nn.Parameter(parameter.detach().clone()) for parameter in first]
        resumed = built(name, second)
        resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        assert all(torch.equal(a, b) for a, b in zip(whole, steps(resumed, second, 3), strict=True))

    def test_a_copy_of_net_and_optimizer_goes_the_same_way(self, name):
        parameters = started()
        optimizer = built(name, parameters)
        steps(optimizer, parameters, 2)
        copied, of = copy.deepcopy((optimizer, parameters))
        assert all(torch.equal(a, b) for a, b in zip(steps(optimizer, parameters, 2), steps(copied, of, 2), strict=True))

    @pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
    def test_other_precisions_run(self, name, dtype):
        parameters = started(dtype)
        moved = steps(built(name, parameters), parameters, 3)
        assert all(parameter.isfinite().all() and parameter.dtype == dtype for parameter in moved)

    def test_a_group_of_parameters_is_taken(self, name):
        bare, grouped = started(), started()
        expected = steps(built(name, bare), bare, 2)
        moved = steps(built(name, [{"params": grouped}]), grouped, 2)
        assert all(torch.equal(a, b) for a, b in zip(expected, moved, strict=True))


# those that search along a line look at all weights and at the loss
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if not registry.facts("optimizer", name).get("line_search")])
def test_elementwise_ones_move_each_weight_by_itself(name):
    together, apart = torch.zeros(2, 3, dtype=torch.float64), torch.zeros(6, 1, dtype=torch.float64)
    gradient = torch.randn(2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for weights in (together, apart):
        parameter = nn.Parameter(weights)
        parameter.grad = gradient.reshape(weights.shape)
        muons = {"last": "muon"} if name == "muon" else {}
        built(name, [parameter], registry.settings_of("optimizer", name, muons)).step()
    same = torch.allclose(together.flatten(), apart.flatten(), rtol=0, atol=1e-12)
    assert same == registry.facts("optimizer", name).get("elementwise", False)


@pytest.mark.parametrize("name", SCHEDULES)
class TestSchedules:
    def test_multipliers_lie_between_zero_and_one(self, name):
        values = trajectory("schedule", name, registry.settings_of("schedule", name))
        assert all(isinstance(value, float) and 0.0 <= value <= 1.0 for value in values)
        assert max(values) == pytest.approx(1.0)

    @pytest.mark.parametrize("warmup", [0.25, 10])
    def test_the_warm_up_is_a_share_or_a_number_of_steps(self, name, warmup):
        values = trajectory("schedule", name, registry.settings_of("schedule", name, {"warmup": warmup}))
        assert values[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
        assert values[10] == pytest.approx(1.0)

    def test_it_keeps_its_last_value_after_the_end(self, name):
        multiplier, settings = registry.load("schedule", name), registry.settings_of("schedule", name)
        assert multiplier(settings, 40, 40) == multiplier(settings, 4000, 40)
        assert not math.isnan(multiplier(settings, 0, 1))

    def test_a_warm_up_longer_than_the_training_is_refused_with_numbers(self, name):
        settings = registry.settings_of("schedule", name, {"warmup": 50})
        with pytest.raises(UsageRefusal, match="50 steps in a training of 40"):
            registry.load("schedule", name)(settings, 0, 40)
        assert registry.load("schedule", name)(settings, 49, 50) == 1.0

    def test_no_steps_at_all_are_refused_with_numbers(self, name):
        with pytest.raises(UsageRefusal, match="over 0 steps"):
            registry.load("schedule", name)(registry.settings_of("schedule", name), 0, 0)

    def test_half_a_step_of_warm_up_is_refused(self, name):
        with pytest.raises(ValueError, match=r"got .*2\.5|2\.5"):
            registry.settings_of("schedule", name, {"warmup": 2.5})
