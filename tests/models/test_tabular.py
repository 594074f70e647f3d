"""The net for tables: what members answer, and which recipe it takes for how many rows."""

import numpy as np
import pytest
import torch

from tests.training.resuming import assert_resumes_to_the_same_bits
from thalweg.core import registry
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.data.dataset import Examples
from thalweg.fields.ports import Port, Ports
from thalweg.layers.start import Start, start_from_data
from thalweg.models.tabular import Tabular, TabularSettings
from thalweg.packages.package import load_package
from thalweg.tasks._task import of_each_member
from thalweg.training.fit import fit
from thalweg.training.requested import run_settings
from thalweg.training.scaled import scaled


def net(size=None, **settings):
    output = Port("y", "category", (), size=size) if size else Port("y", "number", (1,))
    torch.manual_seed(0)
    return Tabular(Ports((Port("numbers", "numbers", (2,)),), (output,)), TabularSettings(members=3, hidden=(8,), **settings))


def test_members_answer_alone_in_training_and_as_their_mean_otherwise():
    x = torch.randn(5, 2)
    model = net(dropout=0.0)
    each = model(numbers=x)
    assert each.shape == (5, 3, 1)
    assert torch.allclose(model.eval()(numbers=x), each.mean(1), atol=1e-6)
    assert not torch.allclose(each[:, 0], each[:, 1])


def test_classes_are_answered_by_the_mean_probability():
    x = torch.randn(5, 2)
    model = net(size=4, dropout=0.0)
    probabilities = model(numbers=x).softmax(2).mean(1)
    assert torch.allclose(model.eval()(numbers=x).exp(), probabilities, atol=1e-6)


def test_the_loss_is_the_mean_of_the_members_own():
    loss = registry.load("loss", "cross-entropy")(registry.settings_of("loss", "cross-entropy"))
    answers, target = torch.randn(4, 3, 5), torch.tensor([0, 2, 1, 4])
    alone = torch.stack([loss(answers[:, member], target) for member in range(3)])
    assert torch.allclose(of_each_member(loss, answers, target), alone.mean(0))
    assert torch.equal(of_each_member(loss, answers[:, 0], target), alone[0])


def test_what_members_share_starts_apart_by_signs():
    model = net(shared=True)
    first = model.hidden[0]
    assert set(first.into.unique().tolist()) == {-1.0, 1.0}
    assert not torch.allclose(*model(numbers=torch.randn(5, 2))[:, :2].unbind(1))


def test_the_recipe_follows_the_task_and_the_rows():
    by_rows = {10: {"recipe": {"rate": 2}}, 100: {"settings": {"hidden": (4,)}}}
    facts = {"recipe": {"rate": 1, "epochs": 9}, "by_task": {"ranking": {"recipe": {"epochs": 5}}}, "by_rows": by_rows}
    few, some, many, endless = (scaled(facts, "regression", rows) for rows in (9, 10, 1000, None))
    assert (few["recipe"], few["settings"]) == ({"rate": 1, "epochs": 9}, {})
    assert some["recipe"] == {"rate": 2, "epochs": 9}
    assert many["settings"] == endless["settings"] == {"hidden": (4,)}
    assert scaled(facts, "ranking", 10)["recipe"] == {"rate": 2, "epochs": 5}


def test_a_few_rows_are_learned_for_so_many_steps_as_a_model_asks_for():
    facts = {"recipe": {"epochs": 20, "batch_size": 32}, "fewest_steps": 400}
    epochs = {rows: scaled(facts, "regression", rows)["recipe"]["epochs"] for rows in (90, 640, 641, 6000)}
    assert epochs == {90: 134, 640: 20, 641: 20, 6000: 20}
    assert scaled(facts, "regression", None)["recipe"]["epochs"] == 20
    assert "epochs" not in scaled({"recipe": {"steps": 30}, "fewest_steps": 400}, "regression", 90)["recipe"]


def test_many_rows_tell_the_best_weights_by_accuracy_few_by_log_loss():
    few, many = (scaled(registry.facts("model", "tabular"), "classification", rows) for rows in (500, 24_000))
    assert (few["watched"]["classification"], few["patience"]["classification"]) == ("log-loss", 0.25)
    assert (many["watched"]["classification"], many["patience"]["classification"]) == (None, None)


def test_a_table_of_numbers_gaps_and_categories_is_learned_and_packaged(tmp_path):
    generator = np.random.default_rng(0)
    number, colour = generator.normal(size=300), generator.choice(["red", "green", "blue"], 300)
    hidden = np.where(generator.random(300) < 0.2, np.nan, generator.integers(0, 50, 300))
    target = np.where(colour == "red", number > 0, np.isnan(hidden))
    examples = Examples("table", {"number": number, "colour": list(colour), "hidden": hidden, "y": target})
    settings = run_settings({"data": {"target": "y"}, "model": "tabular", "rule": {"epochs": 20, "rate": 0.003}, "threads": 1})
    run = fit(settings, given=examples, folder=RunFolder.create(tmp_path / "run"))
    assert run.package.named["name"] == "tabular"
    assert run.package.model.trees.share == 0.5
    assert "1,600 boosted trees" in run.package.model.trees.note
    columns = {name: column for name, column in examples.columns.items() if name != "y"}
    said = run.package.predict(columns, talk=Talk())
    assert np.mean(said["y"] == target) > 0.9
    again = load_package(run.folder.model).predict(columns, talk=Talk())
    assert np.array_equal(said["probability"], again["probability"])


def test_a_package_of_words_heaps_and_neighbouring_numbers_is_finite_and_loads(tmp_path):
    generator = np.random.default_rng(0)
    fare = np.where(generator.random(200) < 0.5, 0.0, 7.0 + 1e-9 * np.arange(200))
    names = [f"{title} {word} of {place}" for title, word, place in generator.choice(["Mr", "Mrs", "Dr", "Rev"], (200, 3))]
    columns = {"fare": fare, "age": np.where(generator.random(200) < 0.3, np.nan, generator.normal(size=200)), "name": names}
    examples = Examples("ship", {**columns, "y": ["yes" if name.startswith("M") else "no" for name in names]})
    settings = run_settings({"data": {"target": "y", "fields": {"name": "text"}}, "rule": {"epochs": 1}, "threads": 1})
    run = fit(settings, given=examples, folder=RunFolder.create(tmp_path / "run"))
    assert run.package.named["name"] == "tabular"
    assert run.package.model.trees is None, "trees cannot read names"
    loaded = load_package(run.folder.model)
    assert all(one.isfinite().all() for one in loaded.model.state_dict().values())
    assert len(loaded.predict(columns, talk=Talk())["y"]) == 200


def test_trees_count_for_half_of_the_answer_and_for_nothing_in_a_later_stage(tmp_path):
    x = np.random.default_rng(0).normal(size=(150, 2))
    examples = Examples("steps", {"a": x[:, 0], "b": x[:, 1], "y": np.where(x[:, 0] > 0.2, 3.0, -1.0) + 0.1 * x[:, 1]})
    rule = {"epochs": 1, "rate": 1e-9}
    settings = {"data": {"target": "y"}, "model": {"name": "tabular", "trees": 40, "members": 2}, "rule": rule, "threads": 1}
    shares = {}
    for count in (1, 2):
        made = run_settings({**settings, "stages": [{}] * count})
        model = fit(made, given=examples, folder=RunFolder.create(tmp_path / str(count))).package.model
        shares[count] = float(model.trees.share)
    assert shares == {1: 0.5, 2: 0.0}


def test_numbers_are_answered_within_the_range_of_the_training_rows():
    model, target = net(dropout=0.0), torch.tensor([[-1.0], [0.5], [0.25]])
    batches = [{"numbers": torch.randn(3, 2), "y": target}]
    start_from_data(model, Start(batches, Port("y", "number", (1,)), torch.Generator().manual_seed(0)))
    with torch.no_grad():
        model.head.bias += torch.tensor([[100.0]])
    assert model.eval()(numbers=torch.randn(5, 2)).flatten().tolist() == [0.5] * 5


@pytest.mark.slow
def test_what_neighbours_tell_is_resumed_and_packaged_to_the_same_bits(tmp_path):
    x = np.random.default_rng(0).normal(size=(1800, 3))
    columns = {name: x[:, j] for j, name in enumerate(("east", "north", "size"))}
    examples = Examples("homes", {**columns, "price": np.sin(3 * x[:, 0] * x[:, 1]) + x[:, 2]})
    encoders = {"numbers": {"pairs": 1, "neighbours": 1536}}
    model = {"name": "tabular", "members": 2, "apart": True, "hidden": [8], "encoders": encoders}
    settings = {"data": {"target": "price"}, "model": model, "rule": {"epochs": 1, "batch_size": 256}}
    run = assert_resumes_to_the_same_bits(settings, tmp_path, given=examples, cuts=(2,))
    net = run.package.model
    assert net.encoded.encoders["numbers"].neighbours.own.any()
    again = load_package(run.folder.model)
    assert np.array_equal(run.package.predict(columns, talk=Talk())["price"], again.predict(columns, talk=Talk())["price"])
