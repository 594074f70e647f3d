"""A time limit fixes the length, is kept by measuring, and what was decided is repeated on resume."""

import json
from functools import partial

import numpy as np
import pytest

from tests.training.resuming import _compare, _killed, fitted
from thalweg.core.errors import Refusal
from thalweg.core.files import write_json
from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.core.run_folder import RunFolder
from thalweg.rules._gradient import GradientRule
from thalweg.training import fit, trial
from thalweg.training.duration import seconds_of
from thalweg.training.loop import Progress
from thalweg.training.pacing import Pace, Pacing
from thalweg.training.planned import Planned
from thalweg.training.reopened import settings_of_run
from thalweg.training.requested import asked_by_options, run_settings
from thalweg.training.trial import Costs


def rows() -> dict[str, np.ndarray]:
    """A small table of numbers whose sum tells the class."""
    x = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    return {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "kind": np.where(x.sum(1) > 0, "up", "down")}


SMALL = {
    "data": {"target": "kind"},
    "model": {"name": "tabular", "members": 2, "hidden": [8], "trees": 0},
    "rule": {"name": "backpropagation", "average": 0.9},
}


@pytest.mark.parametrize(("told", "seconds"), [("90s", 90), ("2m", 120), ("1h30m", 5400), ("1.5 min", 90), (45, 45), ("7", 7)])
def test_durations_are_read_as_people_write_them(told, seconds):
    assert seconds_of(told) == seconds


@pytest.mark.parametrize("told", ["", "soon", "2x", "-3s", "0", "0.2s", "1m30", True, "90d", "nan", "1e400h", None])
def test_what_is_no_duration_is_refused(told):
    with pytest.raises(ValueError, match="a duration"):
        seconds_of(told)


class Told:
    """A clock that shows what it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class EveryTenth:
    """Stands for evaluations: one after every tenth step."""

    def period(self, total, length):
        return 10


class Alone:
    """Stands for a rule: one process."""

    class context:  # noqa: N801
        processes = Processes()


@pytest.mark.parametrize("later", [1.0, 2.0, 0.4])
def test_the_end_keeps_the_limit_also_where_the_pace_changes_on_the_way(later):
    clock, planned = Told(), Planned()
    pace = Pace(EveryTenth(), planned, clock, until=100.0, slack=1.5)
    pace.costs = Costs(0.0, 0.1, 0.3)
    progress = Progress(Position(total=1), None)
    progress.take_in_all(pace.fitting(progress, 100.0))
    first = progress.position.total
    while not progress.stop:
        clock.now += 0.1 * (later if clock.now > 40 else 1.0)
        progress.position = progress.position.advanced(None)
        pace(progress, Alone())
        if progress.position.step % 10 == 0:
            clock.now += 0.3
    assert abs(clock.now - 100.0) < 2.5
    assert (progress.position.total == first) == (later == 1.0)
    assert [one.total for one in planned.lengths][-1:] == ([] if later == 1.0 else [progress.position.total])


def test_a_plan_is_repeated_to_the_same_bits_from_wherever_it_is_taken_up(tmp_path):
    settings = {**SMALL, "time_limit": "20s", "checkpoint_steps": 4, "checkpoints_kept": 1000}
    lengths = [{"stage": 0, "step": at, "total": total} for at, total in ((0, 18), (6, 14), (11, 13))]
    RunFolder.create(tmp_path / "whole")
    write_json(tmp_path / "whole" / "plan.json", {"lengths": lengths, "found": {}, "seconds": None})
    whole = fitted(settings, tmp_path / "whole", given=rows(), resume=True)
    assert whole.steps == 13
    for cut in (0, 4, 8):
        killed = _killed(whole.folder.path, tmp_path / f"cut-{cut}", after=cut)
        _compare(whole, fitted(settings, killed, given=rows(), resume=True), f"cut after step {cut}")


def test_a_limited_training_begins_once_and_repeats_its_own_plan_without_a_clock(tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr(GradientRule, "begin", lambda *given, begin=GradientRule.begin: begun.append(1) or begin(*given))
    settings = {**SMALL, "model": {**SMALL["model"], "trees": 20}, "time_limit": "6s"}
    whole = fitted(settings, tmp_path / "whole", given=rows())
    assert len(begun) == 1  # in the trial, of which the training took it over
    plan = json.loads((tmp_path / "whole" / "plan.json").read_text())
    assert plan["lengths"][0]["step"] == 0
    assert plan["lengths"][-1]["total"] == whole.steps
    assert plan["seconds"] > 0
    assert settings_of_run(whole.folder).time_limit == 6
    again = _killed(whole.folder.path, tmp_path / "again", after=0)
    _compare(whole, fitted(settings, again, given=rows(), resume=True), "by its plan alone, which had measured nothing")
    assert len(begun) == 2


RULES = {
    "adversarial": {"source": "digits", "task": "conditional-synthesis"},
    "competitive": {"source": "iris", "model": {"name": "map", "rows": 3, "columns": 5}},
    "contrastive divergence": {"source": "digits", "task": "reconstruction", "model": "rbm"},
    "k-means": {"source": "digits", "model": {"name": "rbf", "units": 16}},
    "members": {"source": "iris", "model": "mlp", "rule": {"name": "members", "members": 3}},
    "muon": {"source": "digits", "rule": {"optimizer": "muon"}},
    "temporal difference": {"source": "cartpole"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_a_trial_leaves_nothing_behind_whatever_the_rule(tmp_path, name):
    settings = {**RULES[name], "time_limit": "20s"}
    whole = fitted(settings, tmp_path / "whole")
    assert whole.steps >= 10
    again = _killed(whole.folder.path, tmp_path / "again", after=0)
    _compare(whole, fitted(settings, again, resume=True), "by its plan alone, which had measured nothing")


def refused(settings, tmp_path) -> Refusal:
    """What a training says no with."""
    with pytest.raises(Refusal) as caught:
        fitted(settings, tmp_path / "run", given=rows())
    return caught.value


def test_a_limit_that_leaves_no_time_to_learn_is_refused_with_one_that_does(tmp_path):
    wide = {"name": "tabular", "members": 8, "hidden": [1500, 1500]}
    no = refused({**SMALL, "model": wide, "rule": {"batch_size": 64}, "time_limit": 1}, tmp_path)
    assert (no.code, no.exit_code) == ("TIME_LIMIT_TOO_SHORT", 6)
    assert seconds_of(no.fix.split()[1]) > 1
    assert not list((tmp_path / "run").glob("checkpoints/*"))


def test_where_one_step_takes_too_long_no_more_are_tried_than_warm_up(tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(trial, "one_step", lambda stage, at, step=trial.one_step: taken.append(at.step) or step(stage, at))
    wide = {"name": "tabular", "members": 8, "hidden": [1500, 1500]}
    refused({**SMALL, "model": wide, "rule": {"batch_size": 64}, "time_limit": 1}, tmp_path)
    assert taken == [0, 1]


def test_a_time_that_reading_or_checking_took_is_told_before_anything_is_tried():
    clock = Told()
    pacing = Pacing(10.0, 1, clock=clock)
    clock.now = 9.0
    pacing.refuse_passed("reading the data")
    clock.now = 9.9
    with pytest.raises(Refusal) as caught:
        pacing.refuse_passed("reading the data")
    assert (caught.value.code, caught.value.exit_code) == ("TIME_LIMIT_TOO_SHORT", 6)
    assert "reading the data took 9.9 s" in caught.value.what
    assert seconds_of(caught.value.fix.split()[1]) >= 20
    pacing.planned.decide(0, 0, 50)
    pacing.refuse_passed("a training that is resumed is not cut short by")
    Pacing(None, 1, clock=clock).refuse_passed("what has no limit cannot be late after")


def test_data_are_not_checked_where_reading_took_the_time(tmp_path, monkeypatch):
    clock = Told()

    def slowly(*given, reading=fit.read, **how):
        clock.now += 30
        return reading(*given, **how)

    monkeypatch.setattr(fit, "read", slowly)
    monkeypatch.setattr(fit, "Pacing", partial(Pacing, clock=clock))
    looked = []
    with pytest.raises(Refusal, match="reading the data took 30 s"):
        fitted({**SMALL, "time_limit": 20}, tmp_path / "run", given=rows(), examine=looked.append)
    assert looked == []


def test_a_limit_beside_a_number_of_epochs_is_refused():
    for rule in ({"epochs": 3}, {"name": "backpropagation", "settings": {"steps": 3}}):
        with pytest.raises(Refusal, match="both say how long") as caught:
            run_settings({"time_limit": "2m", "rule": rule})
        assert caught.value.code == "SETTINGS_CONFLICT"
    with pytest.raises(Refusal, match="both say how long"):
        run_settings(asked_by_options({"time_limit": "2m", "epochs": 3}))


def test_a_limit_for_what_takes_no_steps_is_refused(tmp_path):
    series = np.random.default_rng(0).normal(size=(60, 1, 40)).astype(np.float32)
    given = {"x": series, "y": np.arange(60) % 2}
    with pytest.raises(Refusal) as caught:
        fitted({"model": "random-kernels", "time_limit": "1m"}, tmp_path / "run", given=given)
    assert caught.value.code == "TIME_LIMIT_WITHOUT_STEPS"
