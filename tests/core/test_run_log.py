"""The log of a run keeps what was said, from the moment on that the folder is the run's own."""

import re

import pytest

from thalweg.core.errors import ResourceRefusal
from thalweg.core.files import append_text
from thalweg.core.run_log import MOST_WAITING, RunLog
from thalweg.core.talk import Talk

LINE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00  (\w+) +(.*)")


class Heard(Talk):
    """Keeps the labels of what it hears."""

    def __init__(self) -> None:
        self.labels: list[str] = []

    def say(self, label, *lines):
        self.labels.append(label)

    def live(self, label, text, share=None):
        self.labels.append(f"{label} live")

    def warn(self, text):
        self.labels.append("warning")


def kept(path):
    return [LINE.fullmatch(line).groups() for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_is_said_is_heard_and_kept_with_its_time(tmp_path):
    heard = Heard()
    log = RunLog(heard, tmp_path / "log.txt")
    log.begun()
    log.say("data", "iris · 150", "parts: 90")
    log.live("learn", "epoch 1")
    log.warn("odd")
    log.keep("verdict", "better")
    assert heard.labels == ["data", "learn live", "warning"]
    told = [("data", "iris · 150"), ("data", "parts: 90"), ("note", "odd"), ("verdict", "better")]
    assert kept(tmp_path / "log.txt") == told


def test_nothing_is_written_until_the_run_has_begun(tmp_path):
    log = RunLog(Talk(), tmp_path / "log.txt")
    log.say("data", "early")
    assert not (tmp_path / "log.txt").exists()
    log.begun()
    assert kept(tmp_path / "log.txt") == [("data", "early")]


def test_a_second_part_of_a_run_is_added_and_a_line_that_was_cut_stays_alone(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"2026-01-01T00:00:00+00:00  data     whole\n2026-01-01T00:00:00+00:00  le")
    log = RunLog(Talk(), path)
    log.begun()
    log.say("resume", "goes on")
    first, cut, last = path.read_text().splitlines()
    assert first.endswith("whole")
    assert cut.endswith("  le")
    assert last.endswith("goes on")


def test_signs_that_would_move_a_terminals_cursor_are_not_kept(tmp_path):
    log = RunLog(Talk(), tmp_path / "log.txt")
    log.begun()
    log.say("data", "a\x1b[2Jb\nforged")
    assert kept(tmp_path / "log.txt") == [("data", "a?[2Jb"), ("data", "forged")]


def test_text_cannot_be_added_through_a_link(tmp_path):
    (tmp_path / "target").write_text("")
    (tmp_path / "log.txt").symlink_to(tmp_path / "target")
    with pytest.raises(ResourceRefusal):
        append_text(tmp_path / "log.txt", "line\n")


def test_run_03_a_log_that_cannot_be_written_is_said_once_and_its_lines_come_when_it_can(tmp_path):
    heard, folder = Heard(), tmp_path / "run"
    log = RunLog(heard, folder / "log.txt")
    log.begun()
    log.say("data", "iris")
    log.say("model", "mlp")
    assert heard.labels == ["data", "warning", "model"]
    folder.mkdir()
    log.keep("verdict", "better")
    assert kept(folder / "log.txt") == [("data", "iris"), ("model", "mlp"), ("verdict", "better")]


def test_the_lines_of_a_log_that_is_never_written_take_no_more_memory_than_they_may(tmp_path):
    log = RunLog(Talk(), tmp_path / "gone" / "log.txt")
    log.begun()
    for _ in range(40):
        log.keep("data", "x" * 10_000)
    (tmp_path / "gone").mkdir()
    log.keep("data", "last")
    assert MOST_WAITING <= (tmp_path / "gone" / "log.txt").stat().st_size < MOST_WAITING + 100
