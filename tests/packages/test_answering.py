"""Answers: the same on any number of threads, from a chain by hand as from the model, and from models that remember."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.packages.trained import Heard, inputs, trained
from thalweg.core.lanes import Lanes
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.engine.answering_chain import AnsweringChain
from thalweg.fields.ports import Port, Ports
from thalweg.fields.straight import Straight
from thalweg.models.perceptron import MultilayerPerceptron, PerceptronSettings
from thalweg.packages.answering import Answered, side_by_side
from thalweg.packages.package import load_package


@pytest.fixture
def two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


class Counting(nn.Module):
    """Says how many rows it has seen, where it is told to count."""

    def __init__(self, counts: bool) -> None:
        super().__init__()
        self.counts = counts
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.counts:
            self.seen += len(x)
        return x + self.seen


def answered(model: nn.Module, batches: int) -> list[np.ndarray]:
    def answer(batch: Batch, at: Position) -> Answered:
        return {"x": model(batch["x"]).numpy()}, []

    supply = ((Batch.of({"x": torch.full((3,), float(i))}), Position(index=i)) for i in range(batches))
    return [np.asarray(piece["x"]) for piece, _ in side_by_side(supply, answer, model)]


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("batches", [1, 2, 40])
def test_answers_come_in_the_order_of_their_batches(batches: int) -> None:
    assert np.array_equal(answered(nn.Identity(), batches), [[i] * 3 for i in range(batches)])
    assert np.array_equal(answered(Counting(counts=False), batches), [[i] * 3 for i in range(batches)])
    assert torch.get_num_threads() == 2


class Keeping(nn.Module):
    """Keeps what it was given for the end of its way."""

    def forward(self, x: Tensor) -> Tensor:
        self.kept = x
        time.sleep(0.001)
        return self.kept


@pytest.mark.usefixtures("two_threads")
def test_a_part_of_ones_own_that_keeps_something_answers_one_batch_after_the_other() -> None:
    assert np.array_equal(answered(nn.Sequential(Keeping()), 40), [[i] * 3 for i in range(40)])


@pytest.mark.usefixtures("two_threads")
def test_a_model_that_counts_answers_one_batch_after_the_other() -> None:
    assert np.array_equal(answered(Counting(counts=True), 20), [[i + 3 * (i + 1)] * 3 for i in range(20)])


def test_an_error_within_a_lane_is_raised_and_the_lanes_go_on() -> None:
    lanes = Lanes(3)

    def act(part: int) -> int:
        if part == 7:
            raise ValueError("seven")
        return part

    with pytest.raises(ValueError, match="seven"):
        list(lanes.ahead(act, range(100)))
    assert list(lanes.ahead(act, range(5))) == list(range(5))


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "silu"])
def test_a_chain_answers_as_its_model(activation: str) -> None:
    ports = Ports(
        (Port("numbers", "numbers", (3,)), Port("categories", "categories", (2,), sizes=(4, 3))),
        (Port("class", "category", (), size=3),),
    )
    model = MultilayerPerceptron(ports, PerceptronSettings(hidden=(8, 5), activation=activation)).eval()
    chain = AnsweringChain.of(model)
    assert chain is not None
    with torch.inference_mode():
        first = None
        for rows in (7, 3, 20):
            inputs = {"numbers": torch.randn(rows, 3), "categories": torch.randint(0, 3, (rows, 2))}
            answer, expected = chain(**inputs), model(**inputs)
            torch.testing.assert_close(answer, expected, rtol=1e-5, atol=1e-6)
            first = (answer, expected) if first is None else first
        torch.testing.assert_close(*first, rtol=1e-5, atol=1e-6)  # type: ignore[misc]


def test_a_model_with_more_in_it_than_dense_layers_is_no_chain() -> None:
    ports = Ports((Port("numbers", "numbers", (3,)),), (Port("class", "category", (), size=3),))
    for settings in (PerceptronSettings(normalisation="batch"), PerceptronSettings(normalisation="layer")):
        assert AnsweringChain.of(MultilayerPerceptron(ports, settings)) is None
    model = MultilayerPerceptron(ports, PerceptronSettings())
    model.head.register_forward_hook(lambda *given: None)
    assert AnsweringChain.of(model) is None


@pytest.mark.usefixtures("two_threads")
def test_many_rows_answer_the_same_on_any_number_of_threads_and_as_they_do_batch_by_batch(tmp_path: Path) -> None:
    package = load_package(trained(tmp_path / "run").folder.model)
    many = 5 * 2048 + 11
    columns = {name: [column[i % len(column)] for i in range(many)] for name, column in inputs(120).items()}
    columns["width"], columns["height"] = (np.asarray(columns[name]) for name in ("width", "height"))
    columns["height"][5] = np.nan
    two = package.predict(columns, talk=Heard())
    torch.set_num_threads(1)
    one, batches = package.predict(columns, talk=Heard()), package.predict(columns, talk=Heard(), batch_size=512)
    assert list(one) == list(two) == list(batches)
    for name in one:
        assert np.array_equal(one[name], two[name])
        assert (one[name].dtype, one[name].shape) == (batches[name].dtype, batches[name].shape)
    assert np.array_equal(one["kind"], batches["kind"])
    np.testing.assert_allclose(one["probabilities"], batches["probabilities"], atol=1e-5)


def test_a_chain_takes_over_what_its_inputs_are_scaled_by() -> None:
    ports = Ports(
        (Port("bytes", "image", (1, 2, 3)), Port("codes", "categories", (2,), sizes=(4, 3))), (Port("y", "number", (40,)),)
    )
    model = MultilayerPerceptron(ports, PerceptronSettings(hidden=(8, 5))).eval()
    factor, offset = np.linspace(0.001, 0.02, 6), np.linspace(-1, 1, 6)
    chain = AnsweringChain.of(model, {"bytes": Straight(lambda first, last: torch.empty(0), factor, offset)})
    assert chain is not None
    given, codes = torch.randint(0, 256, (9, 1, 2, 3), dtype=torch.uint8), torch.randint(0, 3, (9, 2))
    read = (given.flatten(1) * torch.from_numpy(factor) + torch.from_numpy(offset)).float().view(9, 1, 2, 3)
    with torch.inference_mode():
        torch.testing.assert_close(chain(bytes=given, codes=codes), model(bytes=read, codes=codes), rtol=1e-5, atol=1e-6)
