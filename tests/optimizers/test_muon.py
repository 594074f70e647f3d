"""Muon's orthogonalisation, its division of the parameters, and its step."""

import pytest
import torch
from torch import nn

from thalweg.core.registry import load, settings_of
from thalweg.optimizers.muon import orthogonalised


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def muon(parameters, **given):
    return load("optimizer", "muon")(parameters, settings_of("optimizer", "muon", given))


@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 4, 9), (2, 16, 64)])
def test_singular_vectors_stay_and_singular_values_become_about_one(shape):
    u, values, v = torch.linalg.svd(drawn(*shape), full_matrices=False)
    # spread over a factor 20: five iterations lift smaller ones too, but not into the band
    values = values.clamp(min=values.amax(-1, keepdim=True) / 20)
    answer = orthogonalised(u * values.unsqueeze(-2) @ v)
    middle = u.mT @ answer @ v.mT
    assert (torch.diagonal(middle, dim1=-2, dim2=-1) - 0.95).abs().max() < 0.28
    assert (middle - torch.diag_embed(torch.diagonal(middle, dim1=-2, dim2=-1))).abs().max() < 1e-10
    assert torch.nn.functional.cosine_similarity(answer.flatten(1), (u @ v).flatten(1)).min() > 0.98


def test_five_quintic_iterations_are_those_of_the_singular_values():
    u, values, v = torch.linalg.svd(drawn(1, 3, 5), full_matrices=False)
    x = values / values.square().sum().sqrt()
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    assert torch.allclose(orthogonalised(u * values.unsqueeze(-2) @ v), u * x.unsqueeze(-2) @ v, atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 8), (16, 144), (32, 288)])
@pytest.mark.parametrize("spread", [1.0, 1e4])
def test_a_wide_matrix_in_float32_is_orthogonalised_as_its_singular_values_say(shape, spread):
    u, values, v = torch.linalg.svd(drawn(1, *shape), full_matrices=False)
    values = torch.logspace(0, -torch.log10(torch.tensor(spread)).item(), values.shape[-1], dtype=torch.float64)
    x = values / values.square().sum().sqrt()
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    found = orthogonalised((u * values @ v).float()).double()
    expected = u * x @ v
    assert (found - expected).norm() < 2e-3 * expected.norm()


def test_a_batch_equals_its_matrices_one_by_one():
    several = drawn(4, 3, 5)
    together = orthogonalised(several)
    assert torch.allclose(together, torch.cat([orthogonalised(one.unsqueeze(0)) for one in several]), atol=1e-12)


def test_a_matrix_of_zeros_stays_zero():
    assert (orthogonalised(torch.zeros(2, 3, 4)) == 0).all()


def test_bfloat16_is_close_to_float32():
    several = drawn(2, 8, 16).float()
    assert (orthogonalised(several, precision="bfloat16") - orthogonalised(several)).abs().max() < 0.1


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 3, 3), (40, 2, 3)])
def test_two_steps_are_those_of_the_papers(shape):
    start, gradients = drawn(*shape), [drawn(*shape, seed=seed) for seed in (1, 2)]
    parameter = nn.Parameter(start.clone())
    optimizer = muon([parameter], last="muon", weight_decay=0.1)
    w, velocity = start.flatten(1), torch.zeros_like(start.flatten(1))
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        # Jordan's form of the momentum, which differs from a running average by a factor alone
        velocity = 0.95 * velocity + gradient.flatten(1)
        direction = orthogonalised((gradient.flatten(1) + 0.95 * velocity).unsqueeze(0))[0]
        w = w - 0.02 * (0.2 * max(w.shape) ** 0.5 * direction + 0.1 * w)
        assert torch.allclose(parameter.detach().flatten(1), w, atol=1e-10)
        assert torch.equal(parameter.grad, gradient)


def test_the_update_is_as_large_as_adamws():
    parameter = nn.Parameter(torch.zeros(64, 256, dtype=torch.float64))
    parameter.grad = drawn(64, 256)
    muon([parameter], last="muon", rate=1.0).step()
    assert 0.15 < float(parameter.detach().square().mean().sqrt()) < 0.25


def held(optimizer):
    return {group["muon"]: [tuple(one.shape) for one in group["params"]] for group in optimizer.param_groups}


def test_matrices_go_to_muon_and_the_rest_and_the_last_matrix_to_adamw():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 5), nn.Linear(5, 2))
    assert held(muon(list(net.parameters()))) == {True: [(4, 3, 3, 3), (5, 4)], False: [(4,), (5,), (2, 5), (2,)]}
    assert held(muon(list(net.parameters()), last="muon"))[False] == [(4,), (5,), (2,)]


def test_a_group_decides_for_itself():
    embedding, hidden, head = (nn.Parameter(torch.zeros(shape)) for shape in ((9, 4), (4, 4), (3, 4)))
    optimizer = muon([{"params": [embedding], "muon": False}, {"params": [hidden, head]}])
    assert [(len(group["params"]), group["muon"]) for group in optimizer.param_groups] == [(1, False), (1, True), (1, False)]
    assert muon([{"params": [head], "muon": True}]).param_groups[0]["muon"]


def test_one_rate_set_on_all_groups_keeps_the_ratio_of_the_rest():
    bias = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    optimizer = muon([bias], rate=0.04, rest_rate=0.01)
    bias.grad = torch.ones(3, dtype=torch.float64)
    for group in optimizer.param_groups:
        group["lr"] = 0.02
    optimizer.step()
    assert bias.detach().numpy() == pytest.approx([-0.005] * 3, rel=1e-6)


def test_a_closure_is_measured_with_gradients():
    weights = nn.Parameter(torch.ones(2, 2))
    optimizer = muon([weights])

    def measure():
        loss = weights.square().sum()
        loss.backward()
        return loss

    assert float(optimizer.step(measure).detach()) == 4.0
    assert (weights < 1).all()


def test_the_first_matrix_may_be_left_to_adamw_as_the_last_is():
    table, middle, head = (nn.Parameter(drawn(4, 4, seed=seed)) for seed in range(3))
    groups = muon([table, middle, head], first="adamw").param_groups
    assert [[id(one) for one in group["params"]] for group in groups if group["muon"]] == [[id(middle)]]
    assert [[id(one) for one in group["params"]] for group in groups if not group["muon"]] == [[id(table), id(head)]]
