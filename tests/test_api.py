"""A user's own model, task, loss and data go through the same call as those that ship."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

import thalweg as tw
from thalweg.api import Run
from thalweg.core.errors import Refusal
from thalweg.core.talk import Talk
from thalweg.tasks._task import Losses
from thalweg.tasks.classification import Classification
from thalweg.tasks.regression import Regression

ROWS = 240


class MyNet(nn.Module):
    """Two layers; its forward takes its input by position."""

    def __init__(self, inputs: int = 4, outputs: int = 3) -> None:
        super().__init__()
        self.hidden, self.head = nn.Linear(inputs, 32), nn.Linear(32, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.hidden(x)))


class Listening(Talk):
    """Keeps what it is warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray]:
    """Rows whose class is where the largest of their first three numbers stands."""
    x = np.random.default_rng(0).normal(size=(ROWS, 4)).astype("float32")
    return x, x[:, :3].argmax(1)


def trained(data: Any, tmp_path, **how: Any) -> Run:
    how = {"lr": 0.02, "steps": 150, "compare": False, "out": tmp_path / "run", **how}
    return tw.train(data, **how)


def refused(data: Any, tmp_path, **how: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        trained(data, tmp_path, **how)
    assert not (tmp_path / "run" / "model").exists()
    return caught.value


def accuracy(run: Run) -> float:
    assert run.results["metric"]["name"] == "accuracy"
    return run.results["metric"]["value"]


def test_a_module_learns_arrays_and_is_loaded_again_with_its_class(table, tmp_path):
    run = trained(table, tmp_path, model=MyNet())
    assert accuracy(run) > 0.8
    here = run.predict(table[0][:7])
    there = tw.load(tmp_path / "run", model=MyNet()).predict(table[0][:7])
    assert sorted(here) == sorted(there)
    assert all(np.array_equal(np.asarray(here[name]), np.asarray(there[name])) for name in here)


def test_a_package_of_ones_own_class_asks_for_it(table, tmp_path):
    trained(table, tmp_path, model=MyNet(), steps=2)
    with pytest.raises(Refusal, match="MyNet") as caught:
        tw.load(tmp_path / "run").predict(table[0])
    assert caught.value.exit_code == 4
    with pytest.raises(Refusal, match=r"hidden\.weight") as caught:
        tw.load(tmp_path / "run", model=MyNet(inputs=5)).predict(table[0])
    assert caught.value.exit_code == 4


def per_row(output: Tensor, target: Tensor) -> Tensor:
    return nn.functional.cross_entropy(output, target, reduction="none")


@pytest.mark.parametrize("loss", [per_row, nn.CrossEntropyLoss(), nn.CrossEntropyLoss(reduction="none")])
def test_a_loss_of_ones_own_gives_a_number_for_each_row_or_one_mean(loss, table, tmp_path):
    assert accuracy(trained(table, tmp_path, model=MyNet(), loss=loss)) > 0.8


def test_a_mean_loss_and_one_per_row_learn_the_same(table, tmp_path):
    torch.manual_seed(0)
    first = trained(table, tmp_path / "a", model=MyNet(), loss=nn.CrossEntropyLoss(), steps=20)
    torch.manual_seed(0)
    second = trained(table, tmp_path / "b", model=MyNet(), loss=per_row, steps=20)
    for ours, theirs in zip(first.package.model.parameters(), second.package.model.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


class Careful(Classification):
    """Classification in which confident answers cost a little."""

    declaration = Classification.declaration

    def objective(self, model: Any, batch: Any) -> Losses:
        losses = super().objective(model, batch)
        return Losses(losses.loss + 0.01, losses.weight, {"careful": losses.loss.detach().mean()})


def test_a_task_of_ones_own_is_learned(table, tmp_path):
    run = trained(table, tmp_path, model=MyNet(), task=Careful)
    assert accuracy(run) > 0.8
    assert isinstance(tw.load(tmp_path / "run", model=MyNet(), task=Careful).package.task, Careful)


class Rows(Dataset):
    """A map-style dataset of pairs."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.from_numpy(self.x[index]), int(self.y[index])


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda x, y: Rows(x, y), id="torch dataset"),
        pytest.param(lambda x, y: TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), id="tensor dataset"),
        pytest.param(lambda x, y: list(zip(x, y, strict=True)), id="list of pairs"),
        pytest.param(lambda x, y: (pair for pair in zip(x, y, strict=True)), id="generator of pairs"),
        pytest.param(lambda x, y: {"x": x, "y": y}, id="mapping of arrays"),
        pytest.param(lambda x, y: (torch.from_numpy(x), torch.from_numpy(y)), id="tensors"),
        pytest.param(lambda x, y: (x, np.array(["a", "b", "c"])[y]), id="words for classes"),
    ],
)
def test_data_of_any_form_are_learned(given, table, tmp_path):
    run = trained(given(*table), tmp_path, model=MyNet(), task="classification")
    assert accuracy(run) > 0.8


def test_numbers_are_learned_too(table, tmp_path):
    x, _ = table
    run = trained((x, x.sum(1) + 10.0), tmp_path, model=MyNet(outputs=1), loss=nn.MSELoss())
    assert isinstance(run.package.task, Regression)
    assert run.results["metric"]["value"] < 1.0


def detached(output: Tensor, target: Tensor) -> Tensor:
    return per_row(output.detach(), target)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda output, target: per_row(output, target)[:, None] * torch.ones(1, 3), "(8, 3) for 8 rows"),
        (lambda output, target: per_row(output, target)[:2], "(2,) for 8 rows"),
        (detached, "requires_grad=False"),
        (lambda output, target: float(per_row(output, target).mean()), "a float"),
        (lambda output, target: 3, "a int"),
        (lambda output, target: (output.argmax(1) != target).sum(), "int64"),
    ],
)
def test_num_21_a_loss_that_gives_something_else_is_refused_with_what_it_gave(loss, said, table, tmp_path):
    refusal = refused(table, tmp_path, model=MyNet(), loss=loss)
    assert (refusal.code, refusal.exit_code) == ("LOSS_UNFIT", 2)
    assert said in refusal.what


@pytest.mark.parametrize("loss", [nn.BCEWithLogitsLoss(), nn.MSELoss(), nn.L1Loss()])
def test_a_loss_for_another_task_is_refused_with_the_shapes(loss, table, tmp_path):
    refusal = refused(table, tmp_path, model=MyNet(), loss=loss)
    assert (refusal.code, refusal.exit_code) == ("LOSS_MISFIT", 2)
    assert "(8, 3) float32" in refusal.where
    assert "(8,) int64" in refusal.where


def test_a_named_loss_for_another_task_is_refused(table, tmp_path):
    assert refused(table, tmp_path, model=MyNet(), loss="binary-cross-entropy").exit_code == 2


def test_a_loss_that_compares_every_row_with_every_other_by_mistake_is_refused(table, tmp_path):
    x, _ = table

    def flat(output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.mse_loss(output, target.flatten())

    refusal = refused((x, x.sum(1)), tmp_path, model=MyNet(outputs=1), loss=flat)
    assert refusal.code == "LOSS_MISFIT"


class Misfit(MyNet):
    """Its head wants 512 features and gets 32."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(512, 3)


def test_layers_that_do_not_fit_are_refused_by_name_with_both_sizes(table, tmp_path):
    refusal = refused(table, tmp_path, model=Misfit())
    assert (refusal.code, refusal.exit_code) == ("MODEL_LAYER_MISFIT", 2)
    assert "layer head" in refusal.what
    assert "512" in refusal.what
    assert "(8, 32)" in refusal.what


def test_a_first_layer_that_does_not_fit_the_data_is_refused_by_name(table, tmp_path):
    refusal = refused(table, tmp_path, model=MyNet(inputs=5))
    assert "layer hidden" in refusal.what
    assert "(8, 4)" in refusal.what


def test_a_model_with_too_few_outputs_is_refused_with_the_number_of_classes(table, tmp_path):
    refusal = refused(table, tmp_path, model=MyNet(outputs=7))
    assert refusal.code == "MODEL_OUTPUT_MISFIT"
    assert "3 classes" in refusal.what


class Two(MyNet):
    """Wants two inputs."""

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return super().forward(x + z)


def test_a_forward_that_wants_more_than_there_is_is_told_what_it_is_given(table, tmp_path):
    refusal = refused(table, tmp_path, model=Two())
    assert refusal.code == "MODEL_LAYER_MISFIT"
    assert refusal.what == "forward of Two takes x, z; there is numbers"
    assert "(8, 4)" in refusal.why
    assert "forward(self, numbers)" in refusal.fix


class Idle(MyNet):
    """Has a layer that forward forgets."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = nn.Linear(4, 4)


def test_num_22_parameters_that_take_no_part_are_warned_of_by_name_and_stay(table, tmp_path):
    talk, net = Listening(), Idle()
    before = net.forgotten.weight.detach().clone()
    run = trained(table, tmp_path, model=net, talk=talk, steps=20, settings={"rule": {"optimizer": "sgd"}})
    assert [text for text in talk.warnings if "forgotten.weight" in text]
    assert torch.equal(run.package.model.forgotten.weight, before)


def test_a_model_all_frozen_is_refused(table, tmp_path):
    refusal = refused(table, tmp_path, model=MyNet().requires_grad_(False))
    assert (refusal.code, refusal.exit_code) == ("MODEL_NOTHING_TO_TRAIN", 2)


def test_a_frozen_part_stays_and_the_rest_learns(table, tmp_path):
    net = MyNet()
    net.hidden.requires_grad_(False)
    before = net.hidden.weight.clone()
    run = trained(table, tmp_path, model=net)
    assert torch.equal(run.package.model.hidden.weight, before)
    assert accuracy(run) > 0.7


def test_the_rehearsal_leaves_no_hook_and_no_trace_in_the_statistics(table, tmp_path):
    class Normalised(MyNet):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.seen = nn.BatchNorm1d(4), []

        def forward(self, x: Tensor) -> Tensor:
            self.seen.append(self.first.num_batches_tracked.item())
            return super().forward(self.first(x))

    net = Normalised()
    trained(table, tmp_path, model=net, steps=3)
    assert net.seen[:2] == [0, 0]
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in net.modules())


def test_two_inputs_reach_a_forward_that_names_them(table, tmp_path):
    class Named(MyNet):
        def forward(self, *, numbers: Tensor, picture: Tensor) -> Tensor:
            return super().forward(numbers + 0.0 * picture.flatten(1)[:, :1])

    x, y = table
    columns = {**{name: x[:, i] for i, name in enumerate("abcd")}, "picture": np.zeros((ROWS, 8, 8), "uint8"), "y": y}
    run = trained(columns, tmp_path, model=Named(), target="y", task="classification")
    assert accuracy(run) > 0.8


def test_the_threads_that_a_run_took_are_given_back(tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run = tw.train("iris", steps=2, out=tmp_path / "run", compare=False)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert json.loads(run.folder.environment.read_text())["threads"] == 1  # a small net learns on one


def test_a_class_in_the_place_of_a_model_is_refused():
    with pytest.raises(Refusal, match=r"model=Linear\(\)"):
        tw.train("iris", model=nn.Linear)


def test_the_verb_report_stays_a_verb_after_its_room_was_imported(tmp_path):
    run = tw.train("iris", steps=2, out=tmp_path / "run", compare=False)
    assert tw.report(run) == run.folder.report


def test_ten_rows_are_compared_with_what_can_be_fitted_on_them(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20, 3))
    run = tw.train((rows, np.arange(20) % 2), steps=2, out=tmp_path / "run")
    assert run.results["baselines"]


def test_arrays_are_predicted_for_by_the_order_of_their_columns(tmp_path):
    run = tw.train("iris", steps=5, out=tmp_path / "run", compare=False)
    rows = [[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0]]
    names = [name for one in run.package.encodings.inputs for name in one.fields]
    named = run.predict({name: [row[i] for row in rows] for i, name in enumerate(names)})
    for given in (np.array(rows), rows):
        assert np.array_equal(run.predict(given)["probabilities"], named["probabilities"])
        assert np.array_equal(run.package.predict(given)["probabilities"], named["probabilities"])
    with pytest.raises(Refusal, match="sepal length"):
        run.predict(np.zeros((2, 3)))


class Scores(nn.Module):
    """A layer whose answer is changed by what it is given."""

    def __init__(self, change, inputs: int = 4, outputs: int = 3) -> None:
        super().__init__()
        self.head, self.change = nn.Linear(inputs, outputs), change

    def forward(self, x: Tensor):
        return self.change(self.head(x))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda scores: (scores, scores), "returns a tuple of (8, 3) float32, (8, 3) float32; one tensor is wanted"),
        (lambda scores: {"logits": scores}, "returns a dict with logits; one tensor is wanted"),
        (lambda scores: None, "returns nothing; one tensor is wanted"),
        (lambda scores: scores.detach().numpy(), "returns a ndarray; one tensor is wanted"),
        (lambda scores: scores[:1], "gives (1, 3) float32 for 8 rows"),
        (lambda scores: scores.detach(), "does not hang on its weights"),
        (lambda scores: scores.argmax(1), "does not hang on its weights"),
        (lambda scores: scores[:, :1], "gives 1 number for each row, 3 are wanted: y has 3 classes"),
        (lambda scores: scores[:, 0], "gives 1 number for each row, 3 are wanted"),
        (lambda scores: scores[:, None].expand(-1, 5, -1), "gives an array (5, 3) for each row, 3 are wanted"),
    ],
)
def test_an_answer_of_another_form_is_laid_to_the_model_and_not_to_the_loss(change, said, table, tmp_path):
    refusal = refused(table, tmp_path, model=Scores(change))
    assert (refusal.code, refusal.exit_code) == ("MODEL_OUTPUT_MISFIT", 2)
    assert said in refusal.what
    assert "Scores" in refusal.where


def test_a_last_layer_that_is_too_narrow_is_named_with_its_size(table, tmp_path):
    refusal = refused(table, tmp_path, model=Scores(lambda scores: scores, outputs=2))
    assert refusal.what == "the model gives 2 numbers for each row, 3 are wanted: y has 3 classes"
    assert refusal.fix == "let layer head have out_features=3"


def test_too_many_numbers_for_a_regression_are_laid_to_the_model(table, tmp_path):
    x, _ = table
    refusal = refused((x, x.sum(1)), tmp_path, model=Scores(lambda scores: scores))
    assert refusal.what == "the model gives 3 numbers for each row, 1 is wanted: y is one number"


@pytest.mark.parametrize(
    ("change", "where"),
    [(lambda scores: scores / 0 * 0, "forward itself"), (lambda scores: (scores - scores).abs().sqrt(), "or the loss")],
    ids=["answers", "slopes"],
)
def test_a_model_that_is_not_finite_at_once_is_refused_before_training(change, where, table, tmp_path):
    refusal = refused(table, tmp_path, model=Scores(change))
    assert (refusal.code, refusal.exit_code) == ("MODEL_NOT_FINITE", 2)
    assert where in refusal.where


def test_weights_that_are_not_finite_are_refused_by_layer(table, tmp_path):
    net = MyNet()
    with torch.no_grad():
        net.head.weight[0, 0] = torch.nan
    refusal = refused(table, tmp_path, model=net)
    assert refusal.code == "MODEL_NOT_FINITE"
    assert "layer head" in refusal.where


def test_num_04_a_loss_that_is_not_finite_at_once_is_refused_before_training(table, tmp_path):
    refusal = refused(table, tmp_path, model=MyNet(), loss=lambda output, target: (0 * output).log().sum(1))
    assert (refusal.code, refusal.exit_code) == ("LOSS_NOT_FINITE", 2)
    assert "8 of 8 rows" in refusal.what


def test_a_class_in_the_place_of_a_loss_is_refused(table, tmp_path):
    refusal = refused(table, tmp_path, model=MyNet(), loss=nn.CrossEntropyLoss)
    assert refusal.fix == "give an instance: loss=CrossEntropyLoss()"


@pytest.mark.parametrize("kind", ["meta", "lazy"])
def test_weights_that_do_not_exist_yet_are_refused(kind, table, tmp_path):
    model = nn.Sequential(nn.LazyLinear(3)) if kind == "lazy" else MyNet().to("meta")
    refusal = refused(table, tmp_path, model=model)
    assert (refusal.code, refusal.exit_code) == ("MODEL_WITHOUT_WEIGHTS", 2)


@pytest.mark.parametrize(
    ("model", "fix"),
    [
        (nn.Sequential(nn.Embedding(10, 3), nn.Flatten(), nn.Linear(12, 3)), "reads codes (int64)"),
        (nn.Sequential(nn.Linear(5, 3)), "Linear(in_features=4, ...)"),
        (nn.Sequential(nn.Unflatten(1, (2, 2)), nn.Linear(4, 3)), "nn.Flatten()"),
    ],
    ids=["codes", "size", "axes"],
)
def test_a_layer_that_does_not_fit_is_told_with_the_edit(model, fix, table, tmp_path):
    refusal = refused(table, tmp_path, model=model)
    assert refusal.code == "MODEL_LAYER_MISFIT"
    assert fix in refusal.fix


def test_a_line_of_forward_that_raises_is_named(table, tmp_path):
    class Three(MyNet):
        def forward(self, x: Tensor) -> Tensor:
            rows, height, width = x.shape
            return super().forward(x.reshape(rows, height * width))

    refusal = refused(table, tmp_path, model=Three())
    assert "test_api.py:" in refusal.where
    assert "(8, 4) float32" in refusal.why


def test_a_net_that_was_evaluating_learns_in_training_mode(table, tmp_path):
    class Told(MyNet):
        def forward(self, x: Tensor) -> Tensor:
            if torch.is_grad_enabled():
                self.modes = [*getattr(self, "modes", []), self.training]
            return super().forward(x)

    net = Told().eval()
    trained(table, tmp_path, model=net, steps=3)
    assert net.modes
    assert all(net.modes)


def test_a_wrapper_that_takes_anything_hands_its_inputs_on_by_position(table, tmp_path):
    class Wrapper(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = MyNet()

        def forward(self, *arguments, **named) -> Tensor:
            return self.inner(*arguments, **named)

    assert accuracy(trained(table, tmp_path, model=Wrapper())) > 0.8


def test_a_net_that_a_task_calls_its_own_way_is_rehearsed_too(tmp_path):
    net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    run = tw.train("sinusoids", model=net, steps=2, compare=False, out=tmp_path / "run")
    assert run.package.model is net
