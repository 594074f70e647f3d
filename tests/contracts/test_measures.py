"""What `thalweg check-part` says of losses, metrics and other parts: those that ship hold it, and each fault is named."""

import re

import pytest

from tests.contracts.test_part_file import failed, written
from thalweg.contracts import measures
from thalweg.core import registry

LOSS = '''
import torch
from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import Loss, LossExample

@loss("my-loss", settings=Settings, output="values", target="values", unit="squared units")
class MyLoss(Loss[Settings]):
    """The mean squared difference."""

    def __call__(self, output, target, mask=None):
        return BODY

    @staticmethod
    def example():
        return LossExample(Settings(), torch.tensor([[0.5], [-1.0]]), torch.tensor([[1.0], [2.0]]))
'''
METRIC = '''
import torch
from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample

@metric("my-metric", settings=Settings, better="lower", reads="values", target="values", unit="own units")
class MyMetric(Metric[Settings]):
    """The mean difference."""

    def rows(self, prediction, target, mask=None):
        wrong = (prediction - target).abs().double()
        return BODY

    def formula(self, total):
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example():
        return MetricExample(Settings(), torch.tensor([1.0, 2.0]), torch.tensor([2.0, 5.0]), None, STATED)
'''
ROWS = "torch.stack([wrong, torch.ones_like(wrong)], 1)"


@pytest.mark.parametrize(("sort", "name"), [(sort, name) for sort in ("loss", "metric") for name in registry.names(sort)])
def test_what_ships_holds_its_contracts(sort, name):
    found = list(measures.of_class(registry.load(sort, name)))
    assert [str(one) for one in found if not one.passed] == []


@pytest.mark.parametrize(
    ("body", "contract", "said"),
    [
        ("(output - target).square().mean()", "it gives a row for each example", "for 2 examples it gives () float64; (2,)"),
        ("3.0", "it gives a row for each example", "it gives a float; a tensor (2,) is wanted"),
        ("(output - output.mean()).square().mean(1)", "an example does not depend on those beside it", "example 0"),
        ("(output.detach() - target).abs().mean(1) * output.mean(1) ** 2", "its slope is that of finite differences", "slope"),
        ("output.exp().mean(1)", "large outputs give finite losses and slopes", "outputs of 10000"),
        ("output.sub_(target).square().mean(1)", "what it compares stays untouched", "it changes what it is given"),
    ],
)
def test_what_is_wrong_with_a_loss_is_named(body, contract, said, tmp_path):
    faults = failed(written(tmp_path, LOSS.replace("BODY", body)))
    assert said in faults[contract]


def test_num_24_a_loss_with_a_wrong_slope_is_told_the_largest_error_and_where_it_is(tmp_path):
    body = "(output.detach() - target).square().mean(1) + (output - target).square().mean(1)"  # half of its slope
    said = failed(written(tmp_path, LOSS.replace("BODY", body)))["its slope is that of finite differences"]
    match = re.search(r"at output \((\d), 0\) it is (\S+), and (\S+) by finite differences: (\S+) apart", said)
    assert match, said
    given, seen, apart = (float(match[one]) for one in (2, 3, 4))
    assert seen == pytest.approx(2 * given, rel=1e-3)
    assert apart == pytest.approx(abs(given), rel=0.05)
    assert int(match[1]) == 1, "the second output is farther from its target, so its slope is farther off"


def test_a_good_loss_and_a_good_metric_hold_all_contracts(tmp_path):
    assert failed(written(tmp_path, LOSS.replace("BODY", "(output - target).square().mean(1)"))) == {}
    (tmp_path / "other").mkdir()
    assert failed(written(tmp_path / "other", METRIC.replace("BODY", ROWS).replace("STATED", "2.0"))) == {}


@pytest.mark.parametrize(
    ("body", "stated", "contract", "said"),
    [
        (ROWS, "3.0", "it comes to what its example states", "it comes to 2.0, its example states 3.0"),
        ("wrong", "None", "it gives a row for each example", "(2,) float64; (2, k) float64 is wanted"),
        (ROWS + ".float()", "2.0", "it gives a row for each example", "(2, 2) float32"),
    ],
)
def test_what_is_wrong_with_a_metric_is_named(body, stated, contract, said, tmp_path):
    faults = failed(written(tmp_path, METRIC.replace("BODY", body).replace("STATED", stated)))
    assert said in faults[contract]


def test_a_metric_without_a_formula_is_told_what_it_lacks(tmp_path):
    text = METRIC.replace("    def formula(self, total):\n        return total[..., 0] / total[..., 1]\n", "")
    [said] = failed(written(tmp_path, text)).values()
    assert said.startswith("MyMetric lacks formula; write them")


def test_of_other_sorts_the_declaration_is_looked_at(tmp_path):
    text = '''
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings

@augmentation("flip", settings=Settings, kinds=("image",))
class Mine:
    """Another flip."""
'''
    assert "already has a augmentation" in failed(written(tmp_path, text))["its name is its own"]
