"""R8, CLI-19: a signal is heard within seconds in a step or an evaluation that lasts, and the run ends with the same bits."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.refusing import expect_refusal
from thalweg import api
from thalweg.core.errors import Stopped
from thalweg.core.talk import Talk
from thalweg.training import interruption
from thalweg.training.interruption import Interruption
from thalweg.training.listeners import Evaluation
from thalweg.training.loop import Progress

ASKED: dict[str, Any] = {"model": "mlp", "rule": {"epochs": 6, "batch_size": 45}, "threads": 1, "speed": "plain"}
ASKED |= {"checkpoint_steps": 2, "compare": False, "check": False}
LASTS = 30.0
SLOW = {"a step": (Progress, "advance", 6), "an evaluation": (Evaluation, "_judge", 3)}


def lasts(monkeypatch: pytest.MonkeyPatch, what: str, out: Path) -> None:
    """A step or an evaluation that goes on in small pieces, once the checkpoint of step 4 stands and a signal has come."""
    owner, name, number = SLOW[what]
    real, calls = getattr(owner, name), [0]

    def lasting(*given: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == number:
            until = time.monotonic() + LASTS
            while not (out / "checkpoints" / "4").is_dir() and time.monotonic() < until:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
            while time.monotonic() < until:
                time.sleep(0.01)
        return real(*given, **named)

    monkeypatch.setattr(owner, name, lasting)


@pytest.mark.parametrize("what", SLOW)
def test_cli_19_a_signal_in_what_lasts_is_heard_soon_and_the_last_checkpoint_counts(tmp_path, monkeypatch, what):
    api.train("iris", settings=ASKED, out=tmp_path / "whole", talk=Talk())
    out, former = tmp_path / "run", signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch, expect_refusal("TRAIN_STOPPED", exit_code=143) as caught:
        patch.setattr(interruption, "PATIENCE", 0.2)
        lasts(patch, what, out)
        begun = time.monotonic()
        api.train("iris", settings=ASKED, out=out, talk=Talk())
    assert time.monotonic() - begun < LASTS / 2
    assert signal.getsignal(signal.SIGTERM) is former
    assert "up to its last checkpoint" in caught.value.what
    assert f"--resume --out {out}" in caught.value.fix
    api.train("iris", out=out, resume=True, talk=Talk())
    for name in ("metrics.jsonl", "model/weights.safetensors"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_r08_a_signal_after_the_last_step_loses_none(tmp_path, monkeypatch):
    asked = {key: value for key, value in ASKED.items() if key != "checkpoint_steps"}  # none before the end
    api.train("iris", settings=asked, out=tmp_path / "whole", talk=Talk())
    out, real = tmp_path / "run", Evaluation.restore_best

    def interrupted(self: Evaluation, rule: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        real(self, rule)

    with monkeypatch.context() as patch, expect_refusal("TRAIN_STOPPED", exit_code=143) as caught:
        patch.setattr(Evaluation, "restore_best", interrupted)
        api.train("iris", settings=asked, out=out, talk=Talk())
    assert "everything up to this step" in caught.value.what
    steps = [[one.name for one in (folder / "checkpoints").iterdir()] for folder in (out, tmp_path / "whole")]
    assert steps[0] == steps[1]
    api.train("iris", out=out, resume=True, talk=Talk())
    for name in ("metrics.jsonl", "model/weights.safetensors"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_patience_with_a_step_is_less_than_what_is_promised():
    assert interruption.PATIENCE <= 3.0


def test_nothing_is_sent_once_the_step_has_ended_or_nobody_listens(monkeypatch):
    monkeypatch.setattr(interruption, "PATIENCE", 0.05)
    heard = Interruption()
    with heard.heard():
        os.kill(os.getpid(), signal.SIGINT)
        assert heard.number == signal.SIGINT
    time.sleep(0.15)
    assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer)]


def test_where_other_processes_wait_for_a_step_it_is_waited_for(monkeypatch):
    monkeypatch.setattr(interruption, "PATIENCE", 0.01)
    heard = Interruption()
    with heard.heard(alone=False):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
    with pytest.raises(Stopped), Interruption().heard():
        _signalled_in_what_lasts()


def _signalled_in_what_lasts() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)


def test_a_signal_that_is_ignored_as_by_nohup_stays_so():
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interruption = Interruption()
        with interruption.heard():
            signal.raise_signal(signal.SIGHUP)
        assert interruption.number == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)
