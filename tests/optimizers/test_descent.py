"""A descent: division by the summed weight, penalties, clipping, the guard, the rate by position, scaled losses, its state."""

import copy

import pytest
import torch
from torch import nn

from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.core.registry import load, settings_of
from thalweg.core.settings import Choice
from thalweg.optimizers._average import Average
from thalweg.optimizers._descent import Descent, DescentSettings, Slope, make_descent

AT = Position(step=0, total=10)
CONSTANT = Choice(name="constant")


def weights(*values: float) -> dict[str, nn.Parameter]:
    return {f"w{index}": nn.Parameter(torch.tensor([value])) for index, value in enumerate(values)}


def descent(parameters, *, scaled: bool = False, optimizer: str = "sgd", **settings) -> Descent:
    asked = {"optimizer": Choice(name=optimizer), "rate": 1.0, "schedule": CONSTANT, **settings}
    return make_descent(parameters, DescentSettings(**asked), processes=Processes(), scaled=scaled)


def slope(*gradients: float, weight: float = 1.0, loss: float = 0.0) -> Slope:
    return Slope([torch.tensor([one]) for one in gradients], torch.tensor(loss), torch.tensor(weight))


def values(parameters) -> list[float]:
    return [one.item() for one in parameters.values()]


def test_a_summed_slope_is_divided_by_its_weight():
    parameters = weights(1.0)
    descent(parameters).update(slope(8.0, weight=4.0), AT)
    assert values(parameters) == [-1.0]


def test_slopes_add_up():
    total = slope(1.0, 2.0, weight=2.0, loss=3.0) + slope(10.0, 20.0, weight=5.0, loss=4.0)
    assert [float(one) for one in total.gradients] == [11.0, 22.0]
    assert (float(total.weight), float(total.loss)) == (7.0, 7.0)


def test_clipping_bounds_the_norm_of_the_whole_slope_and_keeps_its_direction():
    parameters = weights(0.0, 0.0)
    descent(parameters, clip=1.0).update(slope(3.0, 4.0), AT)
    assert values(parameters) == pytest.approx([-0.6, -0.8])
    parameters = weights(0.0, 0.0)
    descent(parameters, clip=10.0).update(slope(3.0, 4.0), AT)
    assert values(parameters) == [-3.0, -4.0]


def test_l1_pulls_by_the_sign_and_l2_by_the_value():
    parameters = weights(2.0, -2.0, 0.0)
    descent(parameters, l1=0.5).update(slope(0.0, 0.0, 0.0), AT)
    assert values(parameters) == [1.5, -1.5, 0.0]
    parameters = weights(2.0, -2.0)
    descent(parameters, l2=0.25).update(slope(0.0, 0.0), AT)
    assert values(parameters) == [1.5, -1.5]


def test_penalties_do_not_depend_on_the_weight_of_the_batch():
    parameters = weights(2.0)
    descent(parameters, l2=0.25).update(slope(0.0, weight=64.0), AT)
    assert values(parameters) == [1.5]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["slope", "loss"])
def test_a_slope_that_is_not_finite_changes_neither_weights_nor_state(bad, where):
    parameters = weights(1.0, 2.0)
    one = descent(parameters, optimizer="adamw")
    one.update(slope(0.5, 0.5), AT)
    before, state = values(parameters), copy.deepcopy(one.state_dict())
    spoilt = slope(bad, 1.0) if where == "slope" else slope(1.0, 1.0, loss=bad)
    assert not bool(one.update(spoilt, AT))
    assert values(parameters) == before
    assert str(one.state_dict()) == str(state)
    assert bool(one.update(slope(0.5, 0.5), AT))


def test_the_rate_is_a_function_of_the_position():
    one = descent(weights(0.0), schedule=None, optimizer="adamw")
    own, multiplier = settings_of("schedule", "one-cycle"), load("schedule", "one-cycle")
    for step in (7, 0, 3, 9):
        assert one.share(Position(step=step, total=10)) == multiplier(own, step, 10)
    parameters = weights(0.0)
    falling = descent(parameters, schedule=Choice(name="cosine"))
    falling.update(slope(1.0), Position(step=5, total=10))
    assert values(parameters) == pytest.approx([-falling.share(Position(step=5, total=10))])


def test_scaled_losses_are_divided_back():
    plain, scaled = weights(1.0), weights(1.0)
    descent(plain).update(slope(0.5, weight=2.0), AT)
    one = descent(scaled, scaled=True)
    one.update(slope(0.5 * one.scale, weight=2.0), AT)
    assert values(scaled) == values(plain)


def test_the_scale_halves_after_overflow_and_doubles_after_2000_calm_steps():
    one = descent(weights(1.0), scaled=True)
    first = one.scale
    one.update(slope(float("inf")), AT)
    assert one.scale == first / 2
    for _ in range(1999):
        one.update(slope(0.0), AT)
    assert one.scale == first / 2
    one.update(slope(0.0), AT)
    assert one.scale == first


def test_the_scale_and_its_calm_steps_are_state():
    one = descent(weights(1.0), scaled=True)
    one.update(slope(float("inf")), AT)
    one.update(slope(0.0), AT)
    other = descent(weights(1.0), scaled=True)
    other.load_state_dict(one.state_dict())
    assert other.state_dict() == one.state_dict()
    assert other.scale == one.scale


def test_state_is_kept_by_the_names_of_parameters():
    parameters = weights(1.0, 2.0)
    one = descent(parameters, optimizer="adamw")
    one.update(slope(0.3, 0.4), AT)
    turned = dict(reversed([(name, nn.Parameter(value.detach().clone())) for name, value in parameters.items()]))
    other = descent(turned, optimizer="adamw")
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    one.update(slope(0.1, -0.2), AT)
    other.update(slope(-0.2, 0.1), AT)
    assert {name: one.item() for name, one in turned.items()} == {name: one.item() for name, one in parameters.items()}


def test_an_average_follows_as_by_hand():
    model = nn.Linear(1, 1)
    average, mine = Average(model, 0.9), float(model.weight)
    for count in range(30):
        with torch.no_grad():
            model.weight.add_(1.0)
        average.update(model)
        decay = min(0.9, (1 + count) / (10 + count))
        mine = decay * mine + (1 - decay) * float(model.weight)
    assert float(average.module.weight) == pytest.approx(mine, rel=1e-6)


def test_an_average_copies_statistics_and_starts_again_when_reset():
    model = nn.BatchNorm1d(2)
    average = Average(model, 0.99)
    model(torch.randn(8, 2) + 5)
    average.update(model)
    assert torch.equal(average.module.running_mean, model.running_mean)
    with torch.no_grad():
        model.weight.fill_(7.0)
    average.reset(model)
    assert torch.equal(average.module.weight, model.weight)
    assert average.state_dict()["count"] == 0
