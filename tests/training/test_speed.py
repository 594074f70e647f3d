"""How steps are run: tried, checked, written down, remembered; and any way of it ends with the bits of its plan."""

import copy
import json
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import nn

from tests.training.resuming import StopAt, assert_resumes_to_the_same_bits, fitted
from thalweg.core import registry
from thalweg.core.device import usable_cores
from thalweg.core.errors import UsageRefusal
from thalweg.core.talk import Talk
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.engine.plan import SpeedPlan, in_words
from thalweg.rules._rule import Context
from thalweg.training import speed
from thalweg.training.interruption import Interrupted
from thalweg.training.requested import run_settings
from thalweg.training.speed import NEAR, NEAR_MIXED, Trial, _alike, hold, probed, refuse_lanes
from thalweg.training.stage import Own, Stage, build_stage

DIGITS = {"source": "digits", "model": "mlp", "augment": [], "rule": {"steps": 30, "batch_size": 48}, "evaluate_every": 10}
CHAIN = {"program": "dense-chain", "ahead": True}


def weights(folder: Path) -> bytes:
    return (folder / "model" / "weights.safetensors").read_bytes()


class Heard(Talk):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, label: str, *lines: str) -> None:
        self.lines += [f"{label}: {line}" for line in lines]


def stage_of(settings: dict) -> tuple[Stage, Trial]:
    """A stage that has begun, and a trial on it that has not."""
    asked = run_settings({**settings, "threads": 1})
    stage = build_stage(asked, 0, encode(read(asked.source, asked.data), asked.data, seed=0), Own(), Context())
    stage.begin()
    trial = Trial(stage, asked, time.perf_counter, SpeedPlan(), [])
    trial.start = copy.deepcopy(stage.rule.state_dict())
    trial.warm, trial.count, trial.rounds = 2, 3, 2
    return stage, trial


def test_what_a_probe_finds_stands_in_the_settings_and_repeats_the_run_to_the_same_bits(tmp_path):
    longer = {**DIGITS, "rule": {"steps": 600, "batch_size": 48}, "evaluate_every": 100}
    heard = Heard()
    first = fitted({**longer, "speed": "probe"}, tmp_path / "first", talk=heard)
    written = yaml.safe_load((tmp_path / "first" / "settings.yaml").read_text())
    (found,) = json.loads((tmp_path / "first" / "plan.json").read_text())["found"]["speed"]
    assert written["speed"] == (found if found == "plain" else [found])
    again = fitted({**longer, "speed": written["speed"]}, tmp_path / "again")
    assert weights(first.folder.path) == weights(again.folder.path)
    told = [line for line in heard.lines if line.startswith("speed: ") and "plain steps" in line]
    assert bool(told) == (SpeedPlan.model_validate(found).told != "plain")


def test_what_was_found_is_remembered_for_the_next_run_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_HOME", str(tmp_path / "home"))
    longer = {**DIGITS, "rule": {"steps": 600, "batch_size": 48}, "evaluate_every": 100, "speed": "probe"}
    first = fitted(longer, tmp_path / "first")
    (kept,) = (tmp_path / "home" / "speed").iterdir()
    held = json.loads(kept.read_text())
    assert "ahead" in held["tried"]
    kept.write_text(json.dumps({**held, "plan": CHAIN, "tried": ["ahead", "program", "cores", "precision"], "gain": 7.0}))
    heard = Heard()
    second = fitted(longer, tmp_path / "second", talk=heard)
    assert yaml.safe_load((second.folder.path / "settings.yaml").read_text())["speed"] == [CHAIN]
    assert any("7.0 times as fast as plain steps, as measured here before" in line for line in heard.lines)
    kept.write_text("{not json")
    third = fitted(longer, tmp_path / "third")  # what cannot be read counts as nothing
    assert first.steps == second.steps == third.steps == 600


def test_what_was_found_for_one_loss_is_not_taken_for_another(tmp_path, monkeypatch):
    """A program that takes the steps of cross-entropy takes no step of somebody's own loss."""
    monkeypatch.setenv("THALWEG_HOME", str(tmp_path / "home"))
    probed = {**DIGITS, "rule": {"steps": 30, "batch_size": 48}, "speed": "probe"}
    fitted(probed, tmp_path / "first")
    (kept,) = (tmp_path / "home" / "speed").iterdir()
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "plan": CHAIN, "gain": 7.0}))
    fitted(probed, tmp_path / "own", own=Own(loss=nn.CrossEntropyLoss(reduction="none")))
    plan = yaml.safe_load((tmp_path / "own" / "settings.yaml").read_text())["speed"]
    assert "dense-chain" not in str(plan)


def test_a_run_by_a_program_resumes_to_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits({**DIGITS, "speed": [CHAIN]}, tmp_path, cuts=(0, 1, 17))


def test_each_stage_has_a_plan_and_a_resumed_run_goes_on_by_it(tmp_path):
    stages = [{"rule": {"steps": 12}}, {"rule": {"steps": 9}}]
    run = assert_resumes_to_the_same_bits({**DIGITS, "stages": stages, "speed": [CHAIN, {}]}, tmp_path, cuts=((0, 5), (1, 4)))
    assert yaml.safe_load((run.folder.path / "settings.yaml").read_text())["speed"] == [CHAIN, "plain"]


def test_a_resumed_run_that_probed_probes_its_later_stages_too(tmp_path):
    """Parts of a batch, as of its second stage, are nothing for the program of its first."""
    stages = [{"rule": {"steps": 12}}, {"rule": {"steps": 9, "accumulate": 2}}]
    settings = {**DIGITS, "stages": stages, "speed": [CHAIN]}
    with pytest.raises(Interrupted):
        fitted({**settings, "checkpoint_steps": 5}, tmp_path / "run", listeners={"stop": StopAt(5)})
    plan = tmp_path / "run" / "plan.json"
    held = json.loads(plan.read_text())
    plan.write_text(json.dumps({**held, "found": {**held["found"], "speed_probed": True}}))
    run = fitted({**settings, "checkpoint_steps": 5}, tmp_path / "run", resume=True)
    found = json.loads(plan.read_text())["found"]["speed"]
    assert found[0] == CHAIN
    assert len(found) == 2
    assert run.steps == 9


def test_a_plan_that_changes_nothing_is_called_plain_and_reads_as_it_was(tmp_path):
    written = in_words([SpeedPlan().as_json(), SpeedPlan().as_json()])
    assert written == "plain" == run_settings({"speed": written}).speed
    several = in_words([SpeedPlan().as_json(), SpeedPlan(**CHAIN).as_json()])
    assert several == ["plain", CHAIN]
    assert run_settings({"speed": several}).speed == [SpeedPlan(), SpeedPlan(**CHAIN)]
    assert run_settings({"speed": [{}]}).speed == [SpeedPlan()]  # as earlier runs wrote it
    run = fitted({**DIGITS, "rule": {"steps": 3}, "speed": [{}]}, tmp_path / "run")
    assert yaml.safe_load((run.folder.path / "settings.yaml").read_text())["speed"] == "plain"


@pytest.mark.parametrize(
    ("given", "said"),
    [([], "at least 1 item"), ([{"threads": 0}], "greater than or equal to 1"), ([{"treads": 2}], "threads")],
)
def test_a_wrong_plan_is_refused_by_what_is_wrong_with_it_alone(given, said):
    with pytest.raises(UsageRefusal, match=said) as caught:
        run_settings({"speed": given})
    assert "probe" not in caught.value.what


def test_a_later_stage_begins_with_what_the_one_before_learned_also_where_it_is_tried_first(tmp_path):
    twice = {**DIGITS, "stages": [{}, {}]}
    probed, plain = (fitted({**twice, "speed": speed}, tmp_path / speed).history for speed in ("probe", "plain"))
    assert [line["loss"] for line in probed] == pytest.approx([line["loss"] for line in plain], rel=0.02)


def test_a_program_learns_what_plain_steps_learn_and_listeners_hear_at_the_same_steps(tmp_path):
    plain = fitted({**DIGITS, "speed": "plain"}, tmp_path / "plain")
    chained = fitted({**DIGITS, "speed": [CHAIN]}, tmp_path / "chained")
    assert [line["step"] for line in plain.history] == [line["step"] for line in chained.history] == [10, 20, 30]
    for one, other in zip(plain.history, chained.history, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert one["validation.log-loss"] == pytest.approx(other["validation.log-loss"], rel=1e-3)


def test_rows_that_are_finished_ahead_change_no_bit(tmp_path):
    plain = fitted({**DIGITS, "speed": "plain"}, tmp_path / "plain")
    ahead = fitted({**DIGITS, "speed": [{"ahead": True}]}, tmp_path / "ahead")
    assert weights(plain.folder.path) == weights(ahead.folder.path)


def test_a_candidate_that_learns_something_else_is_not_taken():
    _, trial = stage_of(DIGITS)
    _, plain = trial._timed(SpeedPlan())
    _, again = trial._timed(SpeedPlan())
    _, mixed = trial._timed(SpeedPlan(precision="bfloat16"))
    _, after = trial._timed(SpeedPlan())
    assert plain == again == after
    assert not _alike(mixed, plain, 1e-6)
    assert _alike(mixed, plain, NEAR_MIXED)
    assert not _alike([*plain[:-1], 1.1 * plain[-1]], plain, NEAR)
    assert not _alike([*plain[:-1], float("nan")], plain, NEAR_MIXED)


def test_a_program_that_does_not_fit_is_no_candidate_and_is_refused_where_a_plan_names_it(tmp_path):
    dropped = {**DIGITS, "model": {"name": "mlp", "dropout": 0.2}}
    _, trial = stage_of(dropped)
    trial._choose([SpeedPlan(program="dense-chain")])
    assert trial.best == SpeedPlan()
    with pytest.raises(UsageRefusal) as caught:
        fitted({**dropped, "speed": [CHAIN]}, tmp_path / "run")
    assert (caught.value.code, caught.value.where) == ("SPEED_PROGRAM_MISFIT", "--speed")


def test_a_trial_leaves_nothing_behind_but_its_plan(tmp_path):
    short = {**DIGITS, "rule": {"steps": 3, "batch_size": 48}}
    probing = fitted({**short, "speed": "probe"}, tmp_path / "probe")
    plan = yaml.safe_load((probing.folder.path / "settings.yaml").read_text())["speed"]
    planned = fitted({**short, "speed": plan}, tmp_path / "planned")
    assert weights(probing.folder.path) == weights(planned.folder.path)


def test_plans_are_read_from_the_settings_of_another_run(tmp_path):
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump({"speed": [CHAIN], "seed": 3}))
    assert run_settings({"speed": str(tmp_path / "settings.yaml")}).speed == [SpeedPlan(**CHAIN)]
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(CHAIN))
    assert run_settings({"speed": str(tmp_path / "plan.yaml")}).speed == [SpeedPlan(**CHAIN)]
    (tmp_path / "none.yaml").write_text("- 3\n")
    with pytest.raises(UsageRefusal, match="speed"):
        run_settings({"speed": str(tmp_path / "none.yaml")})


def test_the_environment_says_how_steps_are_run_where_nobody_else_does(monkeypatch):
    assert run_settings({}).speed == "plain"  # as the tests' own environment has it
    monkeypatch.delenv("THALWEG_SPEED")
    assert run_settings({}).speed == "probe"
    monkeypatch.setenv("THALWEG_SPEED", "fast")
    with pytest.raises(UsageRefusal) as caught:
        run_settings({})
    assert (caught.value.code, caught.value.where) == ("SPEED_UNKNOWN", "THALWEG_SPEED=fast")
    assert run_settings({"speed": "plain"}).speed == "plain"


def test_lanes_learn_what_one_piece_learns_and_resume_to_the_same_bits(tmp_path):
    small = {**DIGITS, "model": "lenet5", "rule": {"steps": 6, "batch_size": 16, "optimizer": "sgd"}, "evaluate_every": 3}
    small["data"] = {"image_size": 28}
    plain = fitted({**small, "speed": "plain"}, tmp_path / "plain")
    run = assert_resumes_to_the_same_bits({**small, "speed": [{"lanes": 3, "threads": 1}]}, tmp_path, cuts=(3,))
    ours, theirs = (load_file(one.folder.path / "model" / "weights.safetensors") for one in (run, plain))
    assert all(torch.allclose(ours[name], theirs[name], rtol=1e-4, atol=1e-6) for name in theirs)


def test_what_lanes_draw_is_their_own_so_that_dropout_resumes_to_the_same_bits(tmp_path):
    dropping = {**DIGITS, "model": {"name": "mlp", "dropout": 0.3}, "rule": {"steps": 8, "batch_size": 32}}
    run = assert_resumes_to_the_same_bits({**dropping, "speed": [{"lanes": 2, "threads": 1}]}, tmp_path, cuts=(3,))
    again = fitted({**dropping, "speed": [{"lanes": 2, "threads": 1}], "seed": 1}, tmp_path / "again")
    assert weights(run.folder.path) != weights(again.folder.path)


class Drawing(nn.Module):
    """A user's net that draws from torch's own generator."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Dropout(0.2), nn.Linear(8, 10))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(image)


def test_nets_that_draw_or_look_at_the_whole_batch_have_no_lanes(tmp_path):
    whole, _ = stage_of({**DIGITS, "model": {"name": "mlp", "normalisation": "batch"}})
    with pytest.raises(UsageRefusal) as caught:
        refuse_lanes(whole)
    assert (caught.value.code, caught.value.where) == ("SPEED_LANES_MISFIT", "--speed")
    assert "batch normalisation" in caught.value.why
    settings = {key: value for key, value in DIGITS.items() if key != "model"}
    with pytest.raises(UsageRefusal) as caught:
        fitted({**settings, "speed": [{"lanes": 2}]}, tmp_path / "run", own=Own(model=Drawing()))
    assert (caught.value.code, caught.value.where) == ("SPEED_LANES_MISFIT", "--speed")
    refuse_lanes(stage_of({**DIGITS, "model": {"name": "mlp", "dropout": 0.2}})[0])


@pytest.mark.slow
def test_compiled_steps_learn_the_same_and_resume_to_the_same_bits(tmp_path):
    small = {**DIGITS, "model": {"name": "mlp", "hidden": [16]}, "rule": {"steps": 6, "batch_size": 48}, "evaluate_every": 3}
    plain = fitted({**small, "speed": "plain"}, tmp_path / "plain")
    run = assert_resumes_to_the_same_bits({**small, "speed": [{"compiled": True}]}, tmp_path, cuts=(3,))
    assert run.history[-1]["loss"] == pytest.approx(plain.history[-1]["loss"], rel=1e-4)


class Even:
    """A clock by which every look comes 120 ms after the last one."""

    def __init__(self) -> None:
        self.now, self.looks = 0.0, 0

    def __call__(self) -> float:
        self.looks += 1
        self.now += 0.12
        return self.now


class Slowing(Even):
    """The same from the third look on; before, next to no time passes."""

    def __call__(self) -> float:
        self.looks += 1
        self.now += 0.12 if self.looks > 3 else 1e-4
        return self.now


@pytest.mark.skipif(usable_cores() < 2, reason="one core has neither lanes nor threads")
def test_steps_that_look_quick_at_first_and_slow_then_are_compared_over_the_same_steps(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    settings = {**DIGITS, "rule": {"steps": 400, "batch_size": 48}}
    stage, trial = stage_of(settings)
    trial = Trial(stage, run_settings(settings), Slowing(), SpeedPlan(), ["ahead", "program", "precision"])
    trial.search(Heard())
    assert trial.compared
    assert len(trial.expected) == trial.warm + trial.count == 2
    hold(SpeedPlan(threads=1), stage, run_settings(settings))


@pytest.mark.skipif(usable_cores() < 2, reason="one core has neither lanes nor threads")
@pytest.mark.parametrize(("steps", "whole"), [(40, False), (70, False), (200, True)])
def test_as_many_candidates_are_tried_as_there_is_time_for(steps, whole, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    settings = {**DIGITS, "rule": {"steps": steps, "batch_size": 48}}
    stage, trial = stage_of(settings)
    trial = Trial(stage, run_settings(settings), Even(), SpeedPlan(), ["ahead", "program", "precision"])
    trial.search(Heard())
    assert trial.compared == (steps > 40)
    assert ("cores" in trial.tried) == whole
    hold(SpeedPlan(threads=1), stage, run_settings(settings))


@pytest.mark.skipif(usable_cores() < 2, reason="one core has neither lanes nor threads")
def test_what_was_tried_is_not_timed_again(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("THALWEG_HOME", str(tmp_path))
    settings = {**DIGITS, "rule": {"steps": 400, "batch_size": 48}, "speed": "probe"}
    plans, looks = [], []
    for _ in range(2):
        (stage, trial), clock = stage_of(settings), Even()
        plans.append(probed(stage, trial.settings, Heard(), clock=clock))
        looks.append(clock.looks)
    assert plans[0] == plans[1]
    assert looks[0] > looks[1] == 0
    hold(SpeedPlan(threads=1), stage, trial.settings)


def test_a_remembered_plan_that_fits_no_more_is_given_up():
    _, trial = stage_of({**DIGITS, "model": {"name": "mlp", "dropout": 0.2}})
    trial.best, trial.gain, trial.expected = SpeedPlan(program="dense-chain"), 3.0, trial._timed(SpeedPlan())[1]
    trial._choose([SpeedPlan(ahead=True)])
    assert (trial.best, trial.gain) == (SpeedPlan(), 1.0)


def test_programs_that_follow_the_rules_slopes_leave_precision_order_and_compiler_open(monkeypatch):
    monkeypatch.setattr(speed, "has_tf32", lambda device: True)
    monkeypatch.setattr(speed, "has_bfloat16", lambda device: True)
    _, trial = stage_of(DIGITS)
    open_to: dict[str, tuple] = {}
    for name in ("", "queued", "dense-chain"):
        trial.best = SpeedPlan(program=name)
        open_to[name] = [(one.program, one.precision) for one in trial._precisions()], trial._may_compile(1e6)
    assert open_to[""] == ([("", "tf32"), ("", "bfloat16")], True)
    assert open_to["queued"] == ([("queued", "tf32"), ("queued", "bfloat16")], True)
    assert not open_to["dense-chain"][1]


def test_a_program_of_whole_precision_is_tried_beside_the_rule_in_a_lower_one(monkeypatch):
    """One that has products in that precision takes them itself."""
    monkeypatch.setattr(speed, "has_tf32", lambda device: False)
    monkeypatch.setattr(speed, "has_bfloat16", lambda device: True)
    _, trial = stage_of(DIGITS)
    trial.best = SpeedPlan(program="dense-chain", lanes=2)
    facts = registry.facts
    for known, program in (((), ""), (("bfloat16",), "dense-chain")):
        monkeypatch.setattr(registry, "facts", lambda sort, name, known=known: {**facts(sort, name), "precisions": known})
        assert trial._precisions() == [SpeedPlan(program=program, lanes=2, precision="bfloat16")]


def test_bfloat16_is_not_tried_where_the_task_says_what_it_needs(monkeypatch):
    """Numbers: on three tables of four they were told a little worse by it."""
    monkeypatch.setattr(speed, "has_tf32", lambda device: True)
    monkeypatch.setattr(speed, "has_bfloat16", lambda device: True)
    _, trial = stage_of({"source": "diabetes", "model": "mlp", "rule": {"steps": 30, "batch_size": 48}})
    assert [one.precision for one in trial._precisions()] == ["tf32"]


def laned(monkeypatch: pytest.MonkeyPatch) -> Trial:
    """A trial on three cores, of a net whose program is said to take lanes."""
    monkeypatch.setattr(speed, "most_threads", lambda: 3)
    facts = registry.facts
    monkeypatch.setattr(registry, "facts", lambda sort, name: {**facts(sort, name), "lanes": True})
    _, trial = stage_of(DIGITS)
    trial.settings = run_settings(DIGITS)
    return trial


def test_a_program_is_tried_in_as_many_lanes_as_there_are_cores_and_then_in_one_piece(monkeypatch):
    trial = laned(monkeypatch)
    properties = trial._properties()
    in_lanes = SpeedPlan(program="dense-chain", lanes=3, threads=1)
    assert properties["program"]() == [in_lanes]
    assert properties["one_piece"]() == [SpeedPlan(program="dense-chain")]  # also where lanes were refused
    trial.best = in_lanes
    assert properties["one_piece"]() == [SpeedPlan(program="dense-chain")]
    trial.step, trial.gain, trial.warm, trial.count = 2 * speed.SLOW, 2.0, 1, 1
    assert properties["one_piece"]() == []  # where looking costs much, lanes that gained are taken
    assert SpeedPlan(program="dense-chain", threads=3) in properties["cores"]()


def test_nothing_is_timed_again_when_half_of_the_time_is_over():
    _, trial = stage_of({**DIGITS, "model": {"name": "mlp", "hidden": [16]}})
    timed = []
    trial._timed = lambda plan: timed.append(plan) or (1.0, [1.0])
    trial.rounds = 3
    trial._choose([SpeedPlan(threads=1)], seconds=1e9)
    assert len(timed) == 6
    timed.clear()
    trial._choose([SpeedPlan(threads=1)], seconds=0.0)
    assert len(timed) == 2
    assert trial.best == SpeedPlan()
