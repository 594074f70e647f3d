"""`check_part` on files of a user's own, and a model of another package: learned by name with no file of ours edited."""

import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import thalweg as tw
from thalweg.contracts import models
from thalweg.contracts.finding import Broken, broken, found
from thalweg.contracts.part_file import check_part, imported, subject_of
from thalweg.core import registry
from thalweg.core.errors import UsageRefusal

DECLARED = '''
"""A softmax regression."""

import torch
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports


class SoftmaxSettings(Settings):
    """Whether there is a bias."""

    bias: bool = True


@model("softmax-regression", settings=SoftmaxSettings, tasks=("classification",), inputs=("numbers",))
class SoftmaxRegression(nn.Module):
    """One linear layer."""

    def __init__(self, ports: Ports, settings: SoftmaxSettings) -> None:
        super().__init__()
        self.head = nn.Linear(ports.inputs[0].width, ports.output.width, bias=settings.bias)

    def forward(self, numbers: Tensor) -> Tensor:
        """(B, numbers) to logits."""
        return self.head(numbers)

    @staticmethod
    def tiny():
        ports = Ports((Port("numbers", "numbers", (4,)),), (Port("class", "category", (), size=3),))
        return ports, SoftmaxSettings()

    @staticmethod
    def example(ports, generator):
        numbers = 3 * torch.randn(8, 4, generator=generator)
        return {"numbers": numbers, "class": numbers[:, :3].argmax(1)}
'''
PLAIN = """
import torch
from torch import nn

class MyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.relu(self.hidden(x)))
"""


def written(folder: Path, text: str, name: str = "my_model") -> Path:
    file = folder / f"{name}_{abs(hash(folder))}.py"
    file.write_text(text, encoding="utf-8")
    return file


def failed(file: Path) -> dict[str, str]:
    return {finding.contract: f"{finding.what}; {finding.fix}" for finding in check_part(file) if not finding.passed}


def says(file: Path, promise: str) -> str:
    """What one contract finds of the model in a file; empty where it holds."""
    module = imported(file, file.stem)
    kinds = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == file.stem]
    subject = subject_of(next(one for one in kinds if issubclass(one, nn.Module)), file)
    finding = found(promise, models.WHOLE[promise], subject, {})
    return "" if finding.passed else f"{finding.what}; {finding.fix}"


def test_a_declared_model_in_a_file_of_ones_own_passes_every_contract(tmp_path):
    assert failed(written(tmp_path, DECLARED)) == {}


def test_any_module_is_tried_as_far_as_it_goes(tmp_path):
    findings = check_part(written(tmp_path, PLAIN))
    assert all(finding.passed for finding in findings)
    assert "a row's answer does not depend on other rows" in {finding.contract for finding in findings}


def test_a_module_whose_rows_depend_on_each_other_is_told_so(tmp_path):
    file = written(tmp_path, PLAIN.replace("self.hidden(x))", "self.hidden(x - x.mean(0)))"))
    assert "changes with the other rows" in says(file, "a row's answer does not depend on other rows")


def test_a_module_that_draws_in_evaluation_is_told_so(tmp_path):
    file = written(tmp_path, PLAIN.replace("self.hidden(x)", "self.hidden(x) + torch.randn(8)"))
    assert "differ" in says(file, "two evaluations agree")


TWICE = """
class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, slope):
        return 2 * slope

class MyNet"""


@pytest.mark.parametrize("smooth", ["Twice.apply(self.hidden(x))", "self.hidden(x) * self.hidden(x).sigmoid().detach()"])
def test_slopes_that_are_not_those_of_forward_are_told_with_the_tensor_and_how_far_they_are_off(smooth, tmp_path):
    text = PLAIN.replace("class MyNet", TWICE).replace("torch.relu(self.hidden(x))", smooth)
    said = failed(written(tmp_path, text))["its slopes are those of finite differences"]
    assert "the slope in hidden" in said or "the slope in x" in said
    assert "of it apart" in said


def test_a_module_that_needs_arguments_is_told_what_to_add(tmp_path):
    file = written(tmp_path, PLAIN.replace("__init__(self)", "__init__(self, width)").replace("super().__init__(width)", ""))
    [said] = failed(file).values()
    assert "tiny()" in said


def test_a_declared_model_without_an_example_is_told_what_to_add(tmp_path):
    [said] = failed(written(tmp_path, DECLARED.replace("def example", "def instance"))).values()
    assert "has no example()" in said
    assert "example(ports, generator)" in said


@pytest.mark.parametrize(
    ("before", "after", "promise"),
    [
        ("bias=settings.bias", "bias=True", "every setting changes something"),
        ("return self.head(numbers)", "return self.head(numbers) * 0", "every parameter gets a finite slope"),
        ("return self.head(numbers)", "return self.head(numbers) * 0", "it learns its example by its own rule and task"),
        ("return self.head(numbers)", "numbers += 1\n        return self.head(numbers)", "inputs stay untouched"),
        ("return self.head(numbers)", "return self.head(numbers)[:, :2]", "it gives its declared outputs for 1, 2 and 5 rows"),
        ("return self.head(numbers)", "return self.head(numbers.float()).float()", "it runs in float64"),
        ('tasks=("classification",)', 'tasks=("clasification",)', "its facts name tasks, rules and kinds that exist"),
        ("bias: bool = True", "bias: object = True", "illegal settings are refused by name"),
        ('"softmax-regression"', '"mlp"', "its name is its own"),
        ("class SoftmaxSettings(Settings)", "class SoftmaxSettings(Loose)", "unknown settings are refused by name"),
    ],
)
def test_each_fault_is_found_by_its_contract(before, after, promise, tmp_path):
    text = DECLARED.replace(before, after)
    loose = 'class Loose(Settings):\n    model_config = {"extra": "ignore"}\n\n\nclass SoftmaxSettings'
    assert says(written(tmp_path, text.replace("class SoftmaxSettings", loose, 1)), promise)


def test_an_excuse_that_is_not_needed_fails_and_one_that_is_holds():
    def fails(subject: object) -> None:
        broken("it is broken", "mend it")

    assert found("a promise", fails, None, {"a promise": "because of a known bug"}).passed
    assert not found("a promise", fails, None, {}).passed
    assert not found("a promise", lambda subject: None, None, {"a promise": "because of a known bug"}).passed


def test_what_a_contract_says_names_the_fault_and_the_remedy():
    with pytest.raises(Broken) as caught:
        broken("it is broken", "mend it")
    assert (caught.value.what, caught.value.fix) == ("it is broken", "mend it")


@pytest.mark.parametrize(
    ("text", "code"),
    [("x = 1\n", "PART_NONE_FOUND"), ("raise RuntimeError('at once')\n", "PART_NOT_IMPORTED"), (None, "PART_NO_FILE")],
)
def test_a_file_without_parts_is_refused(text, code, tmp_path):
    file = written(tmp_path, text) if text else tmp_path / "absent.py"
    with pytest.raises(UsageRefusal) as caught:
        check_part(file)
    assert caught.value.code == code


@pytest.fixture
def installed(tmp_path, monkeypatch) -> str:
    """A package of somebody else's with a model, found through its entry point."""
    (tmp_path / "their_models.py").write_text(DECLARED.replace("softmax-regression", "their-softmax"), encoding="utf-8")
    facts = tmp_path / "their_models-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: their-models\nVersion: 1.0\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text(
        "[thalweg.model]\ntheir-softmax = their_models:SoftmaxRegression\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "their-softmax"
    sys.modules.pop("their_models", None)


def test_a_model_of_another_package_is_listed_checked_and_trained_by_name(installed, tmp_path):
    assert installed in registry.names("model")
    assert failed(tmp_path / "their_models.py") == {}
    generator = np.random.default_rng(0)
    x = generator.normal(size=(300, 4))
    run = tw.train((x, x[:, :3].argmax(1)), model=installed, lr=0.1, steps=200, compare=False, out=tmp_path / "run")
    assert run.package.named["name"] == installed
    assert run.results["metric"]["value"] > 0.85
    answers = tw.load(tmp_path / "run").predict(x[:5])
    assert len(next(iter(answers.values()))) == 5
