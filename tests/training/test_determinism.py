"""Equal seeds give equal bits; what breaks that is told in one line and kept, or refused where that is asked for."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from tests.packages.trained import Heard, table
from tests.refusing import expect_refusal
from tests.training.resuming import StopAt, fitted
from thalweg import api
from thalweg.core.run_folder import RunFolder
from thalweg.report.report import write_report
from thalweg.training.interruption import Interrupted
from thalweg.training.stage import Own

ASKED = {
    "data": {"target": "kind"},
    "model": {"name": "mlp", "hidden": [8]},
    "rule": {"name": "backpropagation", "steps": 8, "batch_size": 16},
}


def scattering(output, target):
    """A loss with an operation that torch has no deterministic form of."""
    weights = torch.zeros(len(output)).put_(torch.arange(len(output)), torch.ones(len(output)))
    return nn.functional.cross_entropy(output, target, reduction="none") * weights


def test_num_23_an_operation_without_a_deterministic_form_is_told_once_and_kept_with_the_run(tmp_path):
    heard = Heard()
    run = fitted(ASKED, tmp_path / "run", given=table(), own=Own(loss=scattering), talk=heard)
    assert [one for one in heard.warned if "put_" in one] == [
        "equal seeds will not give equal bits: put_ is not deterministic; --deterministic refuses such"
    ]
    assert json.loads(run.folder.environment.read_text())["not deterministic"] == ["put_"]
    assert not torch.are_deterministic_algorithms_enabled(), "torch's own switch stands as it stood"


def test_num_23_such_an_operation_is_refused_where_determinism_is_required(tmp_path):
    with expect_refusal("NOT_DETERMINISTIC", exit_code=2) as caught:
        fitted(ASKED | {"deterministic": True}, tmp_path / "run", given=table(), own=Own(loss=scattering))
    assert caught.value.what.startswith("put_ ")
    assert not torch.are_deterministic_algorithms_enabled()


class Gathered(nn.Module):
    """Looks rows up by indexing, whose gradient several threads would sum in whatever order they come."""

    def __init__(self):
        super().__init__()
        self.rows = nn.Parameter(torch.randn(50, 32, generator=torch.Generator().manual_seed(0)))
        self.out = nn.Linear(32, 2)

    def forward(self, x):
        found = self.rows[(x.abs() * 1000).long() % 50]  # (B, 200, 32)
        return self.out(found.mean(1))


def test_sums_over_threads_come_in_the_same_order_every_time(tmp_path):
    drawn = np.random.default_rng(0).normal(size=(700, 200)).astype("float32")
    asked = {"rule": {"name": "backpropagation", "steps": 3, "batch_size": 256}, "threads": 4, "task": "classification"}
    torch.manual_seed(0)
    first = Gathered()
    weights = {name: one.clone() for name, one in first.state_dict().items()}
    found = []
    for number in range(4):
        net = Gathered()
        net.load_state_dict(weights)
        given = (drawn, np.where(drawn[:, 0] > 0, "up", "down"))
        run = fitted(asked, tmp_path / str(number), given=given, own=Own(model=net))
        found.append((run.folder.model / "weights.safetensors").read_bytes())
    torch.set_num_threads(1)
    assert len(set(found)) == 1


def stopped(path, **more):
    with pytest.raises(Interrupted):
        fitted(ASKED | {"checkpoint_steps": 1} | more, path, given=table(), listeners={"stop": StopAt(3)})
    return RunFolder(path)


def resumed(path, **more):
    heard = Heard()
    run = fitted(ASKED | {"checkpoint_steps": 1} | more, path, given=table(), resume=True, talk=heard)
    return run, [one for one in heard.warned if "bits" in one]


def test_pkg_25_a_run_that_goes_on_as_it_began_says_nothing_of_bits(tmp_path):
    run, told = resumed(stopped(tmp_path / "run").path)
    assert told == []
    assert "resumed elsewhere" not in json.loads(run.folder.environment.read_text())


@pytest.mark.parametrize(
    ("fact", "before"), [("torch", "2.1.0"), ("thalweg", "0.0.1"), ("processor", "an abacus"), ("machine", "vax")]
)
def test_pkg_25_a_run_that_goes_on_under_other_facts_says_so_and_its_report_does(tmp_path, fact, before):
    folder = stopped(tmp_path / "run")
    facts = json.loads(folder.environment.read_text())
    folder.environment.write_text(json.dumps(facts | {fact: before}))
    run, told = resumed(folder.path)
    [line] = told
    assert line == f"its bits will not be those of a run that was never stopped: {fact} {before} there, {facts[fact]} here"
    kept = json.loads(run.folder.environment.read_text())
    assert kept["resumed elsewhere"] == [{"stage": 0, "step": 3, "changed": {fact: [before, facts[fact]]}}]
    write_report(run.folder)
    assert f"at step 3: {fact} {before} there" in run.folder.report.read_text()


def test_pkg_25_facts_of_a_run_that_somebody_wrote_anything_into_are_told_harmlessly(tmp_path):
    folder = stopped(tmp_path / "run")
    facts = json.loads(folder.environment.read_text())
    folder.environment.write_text(json.dumps(facts | {"torch": "\x1b[2J", "machine": ["y" * 5000]}))
    _, [line] = resumed(folder.path)
    assert line.isprintable()
    assert "torch \\x1b[2J there" in line
    assert len(line) < 400


def test_pkg_25_other_threads_are_told_and_not_refused(tmp_path):
    folder = stopped(tmp_path / "run")
    _, told = resumed(folder.path, threads=2)
    torch.set_num_threads(1)
    assert told == ["its bits will not be those of a run that was never stopped: threads 1 there, 2 here"]


SOURCE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x){}
"""


def net_of(path, change, monkeypatch):
    """The user's own net from a file of theirs, as it stands now."""
    import importlib
    import linecache
    import sys

    (path / "their_net.py").write_text(SOURCE.format(change))
    monkeypatch.syspath_prepend(str(path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    sys.modules.pop("their_net", None)
    importlib.invalidate_caches()
    linecache.checkcache()
    torch.manual_seed(0)
    return importlib.import_module("their_net").Net()


def test_pkg_25_code_of_the_users_own_that_changed_under_a_run_is_told_or_begins_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(120, 2)).astype("float32")
    data = (x, np.where(x[:, 0] > 0, "up", "down"))
    asked = {"rule": {"steps": 8}, "checkpoint_steps": 1, "threads": 1, "compare": False, "check": False}
    from tests.cli.test_interrupts import interrupted_in

    with interrupted_in(4):
        api.train(data, model=net_of(tmp_path, "", monkeypatch), settings=asked, talk=Heard())
    other = net_of(tmp_path, " * 2", monkeypatch)
    assert str(api.train(data, model=other, settings=asked).path) == "runs/arrays-2"
    heard = Heard()
    api.train(data, model=net_of(tmp_path, " * 2", monkeypatch), settings=asked, out="runs/arrays", talk=heard)
    assert any("the code of your own model is not what it was" in one for one in heard.warned)
    assert "Gone on with elsewhere than it began" in Path("runs/arrays/model/README.md").read_text()
    assert yaml.safe_load(Path("runs/arrays/settings.yaml").read_text())["own"] == {"model": "Net"}
