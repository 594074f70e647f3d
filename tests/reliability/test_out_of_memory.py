"""R10: memory that runs out splits the batch further, and changes nothing else: batch, rates, order, result."""

import copy
from pathlib import Path

import pytest

from tests.packages.trained import Heard
from tests.refusing import expect_refusal
from tests.reliability.figures import WHOLE, Row
from tests.reliability.scarce import FITS, HOW, ROWS, STEPS, Scarce, kernel, run, same_bits, weights
from tests.training.resuming import At, StopAt
from thalweg.core.run_folder import RunFolder
from thalweg.report.report import report_of
from thalweg.report.run_facts import Facts
from thalweg.training.fit import Fitted
from thalweg.training.interruption import Interrupted

SPLIT = Row("R10", "refusals of memory by phase and step: the result of the un-split run", "Composer halves too, no figure")
ONCE = Row("R10", "refusals in the midst of a step (update, search, program, second player): nothing counts twice", order=1)
AT = (0, 1, 5, STEPS - 1) if WHOLE else (5,)
"""Steps at which memory is refused."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, Fitted]:
    """Runs that memory was never refused to."""
    path = tmp_path_factory.mktemp("whole")
    return {name: run(path / name, Scarce(), asked=dict(one)) for name, one in HOW.items()}


@pytest.mark.parametrize("how", ["plain", "adam"])
@pytest.mark.parametrize("phase", ["forward", "backward", "lanes"])
@pytest.mark.parametrize("step", AT)
def test_num_17_a_refusal_splits_the_batch_and_changes_nothing_else(tmp_path, whole, phase, step, how):
    net, heard = Scarce(), Heard()
    scarce = {"forward" if phase == "lanes" else phase: FITS}
    settings = HOW[how] | ({"speed": [{"lanes": 2, "threads": 1}]} if phase == "lanes" else {})
    listeners = {"scarce": At(step, lambda: net.most.update(scarce))}
    if step == 0:
        net.most.update(scarce)
    trained = run(tmp_path / "run", net, talk=heard, asked=dict(settings), listeners=listeners)
    apart = float((weights(trained) - weights(whole[how])).abs().max())
    [said] = [text for text in heard.warned if "memory ran out" in text]
    held = apart <= 1e-6 and f"in step {step + 1:,}" in said and "in 4 parts" in said
    SPLIT.note(1, int(held), apart=apart)
    assert apart <= 1e-6
    assert "in 4 parts" in said
    assert f"in step {step + 1:,}" in said
    told = f"Memory ran out in step {step + 1:,}: from there on each batch was taken in 4 parts"
    assert told in report_of(Facts.of(trained.folder))
    assert [line["step"] for line in trained.history] == [line["step"] for line in whole[how].history]


@pytest.mark.parametrize("how", ["plain", "adam"])
def test_a_run_that_is_refused_at_once_ends_with_the_bits_of_one_that_was_asked_for_so_many_parts(tmp_path, how):
    net = Scarce()
    net.most["backward"] = FITS
    split = run(tmp_path / "split", net, asked=dict(HOW[how]))
    settings = HOW[how] | {"rule": {**HOW[how].get("rule", {}), "accumulate": 4}}
    assert same_bits(split, run(tmp_path / "asked", Scarce(), asked=settings))


@pytest.mark.parametrize("stop", [3, 7])
def test_a_resumed_run_splits_at_the_same_step_though_memory_is_there_again(tmp_path, stop):
    scarce = Scarce()
    listeners = {"scarce": At(5, lambda: scarce.most.update(forward=FITS))}
    whole = run(tmp_path / "whole", scarce, listeners=listeners)
    net = Scarce()
    again = {"scarce": At(5, lambda: net.most.update(forward=FITS)), "stop": StopAt(stop)}
    with pytest.raises(Interrupted):
        run(tmp_path / "cut", net, listeners=again)
    roomy, heard = Scarce(), Heard()
    if stop == 3:  # it was never refused before it stopped, and has all memory afterwards
        assert same_bits(run(tmp_path / "cut", roomy, resume=True), run(tmp_path / "never", Scarce()))
        return
    resumed = run(tmp_path / "cut", roomy, resume=True, talk=heard)
    assert same_bits(resumed, whole)
    assert heard.warned == []


def test_a_run_killed_before_its_next_checkpoint_splits_at_the_same_step_again(tmp_path):
    scarce = Scarce()
    whole = run(tmp_path / "whole", scarce, listeners={"scarce": At(5, lambda: scarce.most.update(forward=FITS))})
    net = Scarce()
    listeners = {"scarce": At(5, lambda: net.most.update(forward=FITS)), "dies": At(9, _die)}
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", net, asked={"checkpoint_steps": 4}, listeners=listeners)
    newest = RunFolder(tmp_path / "cut").newest_checkpoint()
    assert newest.folder.manifest.stamp["step"] == 8
    (folder,) = [one for one in (tmp_path / "cut" / "checkpoints").iterdir() if one.name == "8"]
    _forget(folder)
    assert same_bits(run(tmp_path / "cut", Scarce(), asked={"checkpoint_steps": 4}, resume=True), whole)


def _die() -> None:
    raise KeyboardInterrupt


def _forget(checkpoint: Path) -> None:
    """Remove a checkpoint, so that an earlier one is gone on from."""
    for file in checkpoint.iterdir():
        file.unlink()
    checkpoint.rmdir()


UPDATES = {"sgd": "_fused_sgd_", "momentum": "_fused_sgd_", "adamw": "_fused_adamw_", "adam": "_fused_adam_"}


@pytest.mark.parametrize("optimizer", UPDATES)
@pytest.mark.parametrize("step", AT)
def test_an_update_that_was_refused_is_made_once(tmp_path, optimizer, step):
    settings = {"rule": {"optimizer": optimizer, "rate": 0.01, "schedule": "cosine"}, "precision": "float64"}
    unsplit = run(tmp_path / "whole", Scarce(), asked=dict(settings))
    heard = Heard()
    with kernel(UPDATES[optimizer]) as one:
        if step == 0:
            one.refuse()
        listeners = {"scarce": At(step, one.refuse)}
        split = run(tmp_path / "run", Scarce(), asked=dict(settings), listeners=listeners, talk=heard)
    apart = float((weights(split) - weights(unsplit)).abs().max())
    ONCE.note(1, int(apart <= 1e-12), apart=apart)
    assert apart <= 1e-12
    assert any("in 2 parts" in text for text in heard.warned)


@pytest.mark.parametrize(("optimizer", "function"), [("rmsprop", "_foreach_sqrt"), ("muon", "baddbmm")])
def test_an_update_that_was_half_made_is_not_made_again(tmp_path, optimizer, function):
    settings = {"rule": {"optimizer": optimizer, "rate": 0.01}, "checkpoint_steps": 1}
    with kernel(function) as one, expect_refusal("STEP_HALF_DONE", exit_code=6):
        listeners = {"scarce": At(5, one.refuse)}
        run(tmp_path / "run", Scarce(), asked=dict(settings), listeners=listeners)
    assert RunFolder(tmp_path / "run").newest_checkpoint().folder.manifest.stamp["step"] == 5
    resumed = run(tmp_path / "run", Scarce(), asked=dict(settings), resume=True)
    ONCE.note(1, int(same_bits(resumed, run(tmp_path / "whole", Scarce(), asked=dict(settings)))))
    assert same_bits(resumed, run(tmp_path / "again", Scarce(), asked=dict(settings)))


def test_a_first_update_that_was_refused_before_weights_moved_is_made_once(tmp_path):
    settings = {"rule": {"optimizer": "rmsprop", "rate": 0.01}, "precision": "float64"}
    unsplit = run(tmp_path / "whole", Scarce(), asked=dict(settings))
    with kernel("_foreach_sqrt") as one:
        one.refuse()
        split = run(tmp_path / "run", Scarce(), asked=dict(settings))
    apart = float((weights(split) - weights(unsplit)).abs().max())
    ONCE.note(1, int(apart <= 1e-12), apart=apart)
    assert apart <= 1e-12


class Late(Scarce):
    """Is refused memory in the measurement of that number."""

    def forward(self, numbers):
        if self.training and len(self.tried) == self.most.get("call"):
            self.most["forward"] = 50
        return super().forward(numbers)


class Splits(At):
    """Has batches split into four parts once so many steps are done, as a refusal would."""

    def __init__(self, step):
        super().__init__(step, lambda: None)

    def __call__(self, progress, rule):
        if progress.position.step == self.step:
            rule.take_in(4)


@pytest.mark.parametrize("step", [1, 2])
def test_a_line_search_that_was_refused_on_its_way_begins_anew(tmp_path, step):
    rule = {"optimizer": "lbfgs", "rate": 1.0, "schedule": "constant", "steps": 4, "batch_size": ROWS}
    settings = {"rule": rule, "precision": "float64", "data": {"target": "kind"}, "evaluate_every": 9}
    net = Late()
    scarce = At(step, lambda: net.most.update(call=len(net.tried) + 3))
    split = run(tmp_path / "run", net, settings=copy.deepcopy(settings), listeners={"scarce": scarce})
    wanted = run(tmp_path / "wanted", Scarce(), settings=copy.deepcopy(settings), listeners={"splits": Splits(step)})
    ONCE.note(1, int(same_bits(split, wanted)))
    assert min(net.tried) <= 50
    assert same_bits(split, wanted)
