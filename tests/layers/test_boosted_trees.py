"""Boosted trees: what they grow from, how they agree with scikit-learn's, and how they answer beside a net."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from thalweg.fields.ports import Port, Ports
from thalweg.layers.boosted_trees import MOST_ANSWERS, BoostedTrees, can_grow
from thalweg.layers.start import Start
from thalweg.layers.tree_growing import BINS, RATE, Classes, Cut, Values, sequence

NUMBERS, COLOURS = Port("numbers", "numbers", (3,)), Port("colours", "categories", (1,), sizes=(5,))
VALUE, KIND = Port("y", "number", (1,)), Port("y", "category", (), size=2)


def steps(seed=0, *, noise=0.1):
    """Numbers whose first two tell a target in steps, and a colour of which the third tells something."""
    rows, generator = 300, torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=generator)
    colour = torch.randint(1, 5, (rows, 1), generator=generator)
    y = (x[:, 0] > 0.3).float() * (x[:, 1] > 0).float() * 2 + (colour[:, 0] == 3).float()
    return {"numbers": x, "colours": colour, "y": y[:, None] + noise * torch.randn(rows, 1, generator=generator)}


def grown(batch, output, *, weight="", trees=60, depth=3):
    model = BoostedTrees(Ports((NUMBERS, COLOURS), (output,)), trees=trees, depth=depth)
    model.start(Start([batch], output, torch.Generator().manual_seed(0), weight=weight))
    return model


def test_before_they_have_grown_a_net_answers_alone():
    model, answers = BoostedTrees(Ports((NUMBERS, COLOURS), (KIND,)), trees=3, depth=2), torch.randn(300, 2).log_softmax(1)
    assert torch.allclose(model(steps(), answers), answers)


def test_numbers_told_in_steps_are_answered_as_well_as_scikit_learn_does():
    seen, new = steps(), steps(1)
    rows, others = (torch.cat([one["numbers"], one["colours"]], 1).numpy() for one in (seen, new))
    theirs = HistGradientBoostingRegressor(max_leaf_nodes=8).fit(rows, seen["y"][:, 0].numpy()).predict(others)
    ours = 2 * grown(seen, VALUE)(new, torch.zeros(300, 1))[:, 0].numpy()  # the net's half is nothing
    errors = [float(np.sqrt(np.mean((one - new["y"][:, 0].numpy()) ** 2))) for one in (ours, theirs)]
    assert errors[0] < min(0.2, 1.1 * errors[1])


@pytest.mark.parametrize("count", [2, 3])
def test_classes_are_answered_as_well_as_scikit_learn_does(count):
    seen, new = (
        {**one, "y": one["y"][:, 0].round().long().clamp(0, count - 1)} for one in (steps(noise=0.6), steps(1, noise=0.6))
    )
    rows, others = (torch.cat([one["numbers"], one["colours"]], 1).numpy() for one in (seen, new))
    theirs = HistGradientBoostingClassifier(max_leaf_nodes=8).fit(rows, seen["y"].numpy()).predict_proba(others)
    model = grown(seen, Port("y", "category", (), size=count))
    even = torch.full((300, count), 1 / count).log()
    mixed = model(new, even).exp()
    ours = (2 * mixed - 1 / count).numpy()
    assert np.allclose(mixed.sum(1), 1, atol=1e-5)
    losses = [-np.log(np.clip(one, 1e-6, 1))[np.arange(300), new["y"].numpy()].mean() for one in (ours, theirs)]
    assert losses[0] < 1.05 * losses[1] < np.log(count)


def test_the_first_tree_splits_where_the_target_jumps_and_holds_its_means():
    x, y = np.linspace(-1, 1, 400)[:, None], np.where(np.linspace(-1, 1, 400) > 0.5, 4.0, 0.0)[:, None]
    cut, aim = Cut.of(x, np.array([False])), Values(y, np.ones(400))
    (tree,) = sequence(cut, aim, np.arange(400) % 4 == 0, trees=1, depth=1, generator=np.random.default_rng(0))
    assert abs(float(tree.limits[0]) - 0.5) < 2 / BINS
    low, high = tree.leaves[:, 0] / RATE
    assert (low, high) == (pytest.approx(-1, abs=0.1), pytest.approx(3, rel=0.1))


def test_one_category_is_split_from_all_others():
    colour = np.arange(400)[:, None] % 5
    cut, aim = Cut.of(colour.astype(float), np.array([True])), Classes((colour[:, 0] == 2).astype(int), 2, np.ones(400))
    (tree,) = sequence(cut, aim, np.arange(400) % 3 == 0, trees=1, depth=1, generator=np.random.default_rng(0))
    assert tree.limits[0] == 2
    assert tree.leaves[0, 0] < 0 < tree.leaves[1, 0]


def test_slopes_and_curvatures_are_those_of_the_loss():
    scores = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    classes, weight = torch.tensor([0, 1, 2, 0, 1, 2]), torch.rand(6, dtype=torch.float64)
    loss = weight * torch.nn.functional.cross_entropy(scores, classes, reduction="none")
    (slope,) = torch.autograd.grad(loss.sum(), scores, create_graph=True)
    curvature = [torch.autograd.grad(slope[:, k].sum(), scores, retain_graph=True)[0][:, k] for k in range(3)]
    ours = Classes(classes.numpy(), 3, weight.numpy()).bends(scores.detach().numpy(), np.arange(6))
    assert np.allclose(ours[0], slope.detach())
    assert np.allclose(ours[1], torch.stack(curvature, 1))


def test_a_sequence_ends_where_it_no_longer_serves_rows_left_out():
    generator = np.random.default_rng(0)
    cut, aim = (
        Cut.of(generator.normal(size=(300, 3)), np.zeros(3, dtype=bool)),
        Values(generator.normal(size=(300, 1)), np.ones(300)),
    )
    assert len(sequence(cut, aim, np.arange(300) % 4 == 0, trees=500, depth=3, generator=generator)) < 10


def test_rows_that_count_for_nothing_are_not_learned():
    batch = steps()
    spoilt = batch["numbers"][:, 2] > 0
    batch = {**batch, "y": torch.where(spoilt[:, None], torch.full_like(batch["y"], 50.0), batch["y"]), "w": (~spoilt).float()}
    answers = [grown(batch, VALUE, weight=weight)(batch, torch.zeros(300, 1)).abs().max() for weight in ("w", "")]
    assert answers[0] < 2 < answers[1]


def test_a_row_is_answered_alike_alone_and_among_others_and_in_double_precision():
    batch = steps()
    model, answers = grown(batch, VALUE), torch.zeros(300, 1)
    whole = model(batch, answers)
    alone = model({name: one[7:8] for name, one in batch.items()}, answers[7:8])
    assert torch.allclose(whole[7:8], alone)
    assert torch.allclose(model.double()(batch, answers.double()).float(), whole, atol=1e-5)


def test_what_outlives_its_start_says_no_more():
    batch, answers = steps(), torch.randn(300, 1)
    model = grown(batch, VALUE)
    assert not torch.allclose(model(batch, answers), answers)
    model.outlive()
    assert torch.equal(model(batch, answers), answers)


def test_trees_grow_where_they_see_all_that_a_net_sees():
    text = Port("text", "text", (None, 3), masked=True)
    many = Port("y", "category", (), size=MOST_ANSWERS + 1)
    told = [
        can_grow(Ports(inputs, (output,)))
        for inputs, output in (((NUMBERS, COLOURS), KIND), ((NUMBERS, text), KIND), ((NUMBERS,), many), ((), KIND))
    ]
    assert told == [True, False, False, False]
