"""The contract of every loss that the registry finds."""

import pytest
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.losses._loss import Loss, LossExample

NAMES = registry.names("loss")


def smallest(name: str) -> tuple[Loss, LossExample]:
    """The loss of that name with its example's settings, a variant's own on top, and the example in float64."""
    cls = registry.load("loss", name)
    example = cls.example()
    variant = cls.declaration.variants.get(name)
    settings = variant or example.settings
    return cls(settings), example._replace(settings=settings, output=example.output.double())


def with_garbage(values: Tensor, mask: Tensor, garbage: float) -> Tensor:
    """`values` with garbage under the mask, where they have its axes."""
    if values.shape[: mask.ndim] != mask.shape:
        return values
    changed = values.clone()
    changed[~mask] = garbage
    return changed


def first_row(values: Tensor | None) -> Tensor | None:
    return None if values is None else values[:1]


@pytest.mark.parametrize("name", NAMES)
def test_facts_say_what_is_read_and_in_what_unit(name: str) -> None:
    assert {"output", "target", "unit"} <= set(registry.facts("loss", name))


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_one_finite_number_per_example(name: str) -> None:
    loss, (_, output, target, mask) = smallest(name)
    values = loss(output, target, mask)
    assert values.shape == (len(output),)
    assert values.dtype == torch.float64
    assert values.isfinite().all()
    assert (values >= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_settings_survive_json_and_change_nothing_by_it(name: str) -> None:
    loss, (settings, output, target, mask) = smallest(name)
    again = type(settings).model_validate_json(settings.model_dump_json())
    assert again == settings
    torch.testing.assert_close(type(loss)(again)(output, target, mask), loss(output, target, mask), rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    loss, (_, output, target, mask) = smallest(name)
    assert torch.autograd.gradcheck(lambda given: loss(given, target, mask), output.requires_grad_())


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("name", NAMES)
def test_what_the_mask_hides_changes_neither_loss_nor_gradient(name: str, garbage: float) -> None:
    loss, (_, output, target, mask) = smallest(name)
    assert mask is not None, "the example has a mask, so that this can be seen"
    filled = with_garbage(output, mask, garbage).requires_grad_()
    label = garbage if target.is_floating_point() else 10**6
    values = loss(filled, with_garbage(target, mask, label), mask)
    torch.testing.assert_close(values, loss(output, target, mask), rtol=0, atol=0)
    (slope,) = torch.autograd.grad(values.sum(), filled)
    assert slope.isfinite().all()
    assert (slope[~mask] == 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_that_shows_all_is_no_mask(name: str) -> None:
    loss, (_, output, target, mask) = smallest(name)
    shown = torch.ones(output.shape[: 1 if mask is None else mask.ndim], dtype=torch.bool)
    torch.testing.assert_close(loss(output, target, shown), loss(output, target), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_independent_unless_the_facts_say_otherwise(name: str) -> None:
    loss, (_, output, target, mask) = smallest(name)
    alone = loss(output[:1], target[:1], first_row(mask))
    same = torch.allclose(alone, loss(output, target, mask)[:1], rtol=1e-12, atol=1e-15)
    assert same == registry.facts("loss", name).get("rows_independent", True)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_of_ten_thousand_give_finite_losses_and_gradients(name: str) -> None:
    loss, (_, output, target, mask) = smallest(name)
    signs = torch.where(torch.arange(output.numel()).reshape(output.shape) % 3 == 0, -1e4, 1e4)
    for extreme in (signs, -signs, torch.full_like(signs, 1e4)):
        given = extreme.float().requires_grad_()
        values = loss(given, target, mask)
        (slope,) = torch.autograd.grad(values.sum(), given)
        assert values.isfinite().all()
        assert slope.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_half_outputs_are_judged_in_float32(name: str, dtype: torch.dtype) -> None:
    loss, (_, output, target, mask) = smallest(name)
    values = loss(output.to(dtype), target, mask)
    assert values.dtype == torch.float32
    torch.testing.assert_close(values, loss(output.to(dtype).float(), target, mask))


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_left_as_they_were(name: str) -> None:
    loss, (_, output, target, mask) = smallest(name)
    before = [None if tensor is None else tensor.clone() for tensor in (output, target, mask)]
    loss(output, target, mask)
    for was, tensor in zip(before, (output, target, mask), strict=True):
        assert was is None or torch.equal(was, tensor)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_one_graph_unless_the_facts_say_otherwise(name: str) -> None:
    loss, (_, output, target, mask) = smallest(name)
    torch.compiler.reset()  # else the graphs of all losses count against one limit
    compiled = torch.compile(loss.__call__, backend="eager", fullgraph=True)
    if registry.facts("loss", name).get("compiles", True):
        torch.testing.assert_close(compiled(output, target, mask), loss(output, target, mask))
    else:
        with pytest.raises((torch._dynamo.exc.Unsupported, torch._dynamo.exc.UserError)):
            compiled(output, target, mask)


@pytest.mark.parametrize("name", NAMES)
def test_settings_that_do_not_exist_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="colour"):
        registry.settings_of("loss", name, {"colour": 3})
