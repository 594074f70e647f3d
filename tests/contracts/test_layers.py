"""What every activation, initialisation, normalisation and dropout must do."""

import json
import warnings

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from tests.contracts.alternatives import alternatives
from thalweg.core import registry

SORTS = ("activation", "initialisation", "normalisation", "dropout")
EVERY = [(sort, name) for sort in SORTS for name in registry.names(sort)]
ACTIVATIONS, INITIALISATIONS = registry.names("activation"), registry.names("initialisation")
NORMALISATIONS, DROPOUTS = registry.names("normalisation"), registry.names("dropout")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def example(sort, name, dtype=torch.float64, device="cpu"):
    shape = registry.facts(sort, name).get("example", (2, 3))
    return torch.randn(shape, generator=seeded(), dtype=dtype).to(device)


def built(sort, name, settings=None, dims=1):
    settings = settings or registry.settings_of(sort, name)
    part = registry.load(sort, name)
    if sort != "normalisation":
        return part(settings)
    module = part(6, dims=dims, settings=settings)
    return module.double()


def drawn(name, settings=None, dtype=torch.float64):
    tensor = torch.full((8, 32), 9.0, dtype=dtype)
    registry.load("initialisation", name)(
        tensor, generator=seeded(), settings=settings or registry.settings_of("initialisation", name)
    )
    return tensor


def observed(sort, name, settings):
    """All that a setting may change: weights, answers in training, and answers in evaluation after it."""
    if sort == "initialisation":
        return [drawn(name, settings)]
    x, module = example(sort, name), built(sort, name, settings)
    torch.manual_seed(0)
    return [*module.parameters(), module(x), module.eval()(x)]


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
        with pytest.raises(ValueError, match="slop"):
            registry.settings_of(sort, name, {"slop": 1})

    def test_every_setting_is_described_and_matters(self, sort, name):
        kind = registry.load(sort, name).declaration.settings
        usual = observed(sort, name, kind())
        for field, information in kind.model_fields.items():
            assert information.description, field
            others = [observed(sort, name, settings) for settings in alternatives(kind, field)]
            assert any(
                len(other) != len(usual) or any(not torch.equal(a, b) for a, b in zip(usual, other, strict=True))
                for other in others
            ), field


@pytest.mark.parametrize(("sort", "name"), [pair for pair in EVERY if pair[0] != "initialisation"])
class TestModules:
    def test_shape_dtype_and_input_are_kept(self, sort, name):
        x = example(sort, name)
        before = x.clone()
        answer = built(sort, name)(x)
        assert (answer.shape, answer.dtype) == (x.shape, x.dtype)
        assert torch.equal(x, before)

    def test_two_evaluations_agree(self, sort, name):
        x, module = example(sort, name), built(sort, name).eval()
        assert torch.equal(module(x), module(x))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_shorter_numbers_run(self, sort, name, dtype):
        answer = built(sort, name).to(dtype)(example(sort, name, dtype))
        assert answer.dtype == dtype
        assert answer.isfinite().all()

    def test_shapes_are_known_without_memory(self, sort, name):
        module, x = built(sort, name).to("meta"), example(sort, name, device="meta")
        assert module(x).shape == x.shape

    @pytest.mark.parametrize("size", [1e4, -1e4, 0.0])
    def test_extreme_inputs_stay_finite(self, sort, name, size):
        x = torch.full_like(example(sort, name), size)
        assert built(sort, name)(x).isfinite().all()

    def test_an_exported_module_answers_the_same(self, sort, name):
        x, module = example(sort, name), built(sort, name).eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = torch.export.export(module, (x,), strict=False).module()
        assert torch.allclose(exported(x), module(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("sort", "name"),
    [
        (sort, name)
        for sort, name in EVERY
        if sort != "initialisation" and registry.facts(sort, name).get("differentiable", True)
    ],
)
def test_gradients_are_right(sort, name):
    module = built(sort, name)
    if sort == "dropout":
        module.eval()
    assert torch.autograd.gradcheck(module, example(sort, name).requires_grad_())


@pytest.mark.parametrize("name", ACTIVATIONS)
class TestActivations:
    def test_elementwise_ones_see_one_number_at_a_time(self, name):
        x, module = example("activation", name), built("activation", name)
        alone = torch.stack([module(one.view(1, 1)).view(()) for one in x.flatten()]).view(x.shape)
        assert torch.allclose(module(x), alone) == registry.facts("activation", name).get("elementwise", True)

    def test_it_holds_no_state(self, name):
        assert not built("activation", name).state_dict()


@pytest.mark.parametrize("name", INITIALISATIONS)
class TestInitialisations:
    def test_every_number_is_set_and_the_seed_decides(self, name):
        torch.manual_seed(1)
        first = drawn(name)
        torch.manual_seed(2)
        assert torch.equal(first, drawn(name))
        assert first.isfinite().all()
        assert not (first == 9.0).any()

    def test_the_global_generator_is_left_alone(self, name):
        before = torch.get_rng_state()
        drawn(name)
        assert torch.equal(before, torch.get_rng_state())

    @pytest.mark.parametrize("shape", [(8, 4, 3), (8, 4, 3, 3), (4, 32)])
    def test_kernels_of_any_shape_are_filled(self, name, shape):
        tensor = torch.full(shape, 9.0)
        registry.load("initialisation", name)(tensor, generator=seeded(), settings=registry.settings_of("initialisation", name))
        assert not (tensor == 9.0).any()


def laid_out(x, dims):
    """(B, T, C) rows as dims=0 or dims=1 want them."""
    return x if dims == 0 else x.mT


WITH_PLACES = [
    (name, dims)
    for name in NORMALISATIONS
    for dims in (0, 1)
    if registry.facts("normalisation", name).get("least_dims", 0) <= dims
]
"""Each normalisation with the numbers of axes that it takes."""


@pytest.mark.parametrize(("name", "dims"), WITH_PLACES)
class TestNormalisations:
    def test_padding_does_not_change_the_answer(self, name, dims):
        x = torch.randn(3, 5, 6, generator=seeded(), dtype=torch.float64)
        mask = torch.arange(5) < torch.tensor([[5], [3], [4]])
        noisy = torch.where(mask.unsqueeze(-1), x, torch.full_like(x, torch.nan))
        longer = torch.cat([x, torch.full_like(x, 1e6)], dim=1)
        answers = []
        for rows, real in ((x, mask), (noisy, mask), (longer, torch.cat([mask, torch.zeros_like(mask)], dim=1))):
            module = built("normalisation", name, dims=dims)
            trained = laid_out(module(laid_out(rows, dims), real), dims)[:, :5]
            evaluated = laid_out(module.eval()(laid_out(rows, dims), real), dims)[:, :5]
            answers.append(torch.stack([trained, evaluated]))
        assert torch.allclose(answers[0], answers[1], rtol=0, atol=1e-12)
        assert torch.allclose(answers[0], answers[2], rtol=0, atol=1e-12)
        assert (answers[0][:, ~mask] == 0).all()

    def test_a_mask_that_hides_nothing_changes_nothing(self, name, dims):
        x = torch.randn(3, 5, 6, generator=seeded(), dtype=torch.float64)
        plain, masked = built("normalisation", name, dims=dims), built("normalisation", name, dims=dims)
        for _ in range(2):
            rows = laid_out(x, dims)
            assert torch.allclose(plain(rows), masked(rows, torch.ones(3, 5, dtype=torch.bool)), rtol=0, atol=1e-12)
        for one, other in zip(plain.state_dict().values(), masked.state_dict().values(), strict=True):
            assert torch.allclose(one, other, rtol=0, atol=1e-12)

    def test_masked_gradients_are_right(self, name, dims):
        x = laid_out(torch.randn(2, 4, 6, generator=seeded(), dtype=torch.float64), dims).requires_grad_()
        mask = torch.arange(4) < torch.tensor([[4], [3]])
        module = built("normalisation", name, dims=dims)
        assert torch.autograd.gradcheck(lambda rows: module(rows, mask), x)


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_rows_are_independent_unless_the_facts_say_otherwise(name):
    x = example("normalisation", name)
    whole = built("normalisation", name)(x)[:2]
    independent = torch.allclose(whole, built("normalisation", name)(x[:2]), rtol=0, atol=1e-12)
    assert independent == registry.facts("normalisation", name).get("rows_independent", True)


@pytest.mark.parametrize("name", DROPOUTS)
class TestDropouts:
    def test_evaluation_is_the_identity(self, name):
        x = example("dropout", name)
        assert torch.equal(built("dropout", name).eval()(x), x)

    def test_training_keeps_the_mean_and_follows_the_seed(self, name):
        module = built("dropout", name)
        # where whole rows are dropped the mean of 4,000 has a deviation of 1 / sqrt(4000) = .016: five of these
        x = torch.randn(4000, 3, 5, generator=seeded(), dtype=torch.float64) * 0.1 + (0.0 if name == "alpha" else 1.0)
        torch.manual_seed(1)
        first = module(x)
        torch.manual_seed(1)
        assert torch.equal(first, module(x))
        assert not torch.equal(first, x)
        assert abs(float(first.mean() - x.mean())) < 0.08

    def test_dropping_everything_is_refused(self, name):
        with pytest.raises(ValidationError):
            registry.load("dropout", name).declaration.settings(probability=1.0)


def test_building_blocks_by_name_equals_loading_them():
    from thalweg.layers.build import build_activation, build_dropout, build_normalisation

    assert isinstance(build_activation("leaky-relu", {"slope": 0.2}), nn.LeakyReLU)
    assert isinstance(build_normalisation("group", 6, dims=2, given={"groups": 3}), nn.GroupNorm)
    assert isinstance(build_dropout("plain", 0.1), nn.Dropout)
    assert isinstance(build_dropout("word", 0.0), nn.Identity)
