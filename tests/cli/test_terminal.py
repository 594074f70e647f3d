"""The terminal: paragraphs within the width, a live line where somebody looks, plain signs where others are unknown."""

import io

import pytest

from thalweg.cli.flags import Page
from thalweg.cli.outcome import figures_table, result_lines
from thalweg.cli.terminal import Terminal, TerminalTalk, measure, paragraph

UNIT = {"name": "accuracy", "title": "accuracy", "percent": True, "better": "higher", "says": "is right in"}


def results(*others):
    figures = [{"value": value, "low": value - 0.03, "high": value + 0.03} for value in (0.9, *others)]
    baselines = [{"name": f"baseline-{i}", **one} for i, one in enumerate(figures[1:])]
    return {"metric": {"name": "accuracy", **figures[0]}, "units": {"accuracy": UNIT}, "baselines": baselines}


@pytest.mark.parametrize("width", [20, 40, 80])
def test_paragraphs_stay_within_the_width(width):
    lines = paragraph("data", ["one two three four five six seven eight nine ten " * 3, "second"], width=width)
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("data")


def test_a_live_line_goes_when_its_phase_ends():
    stream = io.StringIO()
    talk = TerminalTalk(Terminal(stream, 80, live=True))
    talk.live("learn", "epoch 1 of 9  best 3", 0.1)
    talk.say("learn", "epoch 9 of 9")
    drawn = stream.getvalue()
    assert drawn.startswith("learn    epoch 1 of 9  ━")
    assert drawn.endswith("\rlearn    epoch 9 of 9\n")
    assert len(drawn.split("\r")[0]) < 80


def test_on_a_pipe_a_short_phase_says_only_what_it_came_to():
    stream = io.StringIO()
    talk = TerminalTalk(Terminal(stream))
    for step in range(50):
        talk.live("learn", f"epoch {step}", step / 50)
    talk.say("learn", "done")
    assert stream.getvalue() == "learn    done\n"


def test_quiet_leaves_warnings_only():
    stream = io.StringIO()
    talk = TerminalTalk(Terminal(stream), quiet=True)
    talk.say("data", "x")
    talk.live("learn", "y")
    talk.warn("care")
    assert stream.getvalue() == "note     care\n"


def test_a_closed_stream_takes_everything():
    assert Terminal.of(None).write("x") is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0, 7.0])
def test_a_bar_has_its_width(share):
    assert len(measure(share, 24)) == 24


@pytest.mark.parametrize("width", [20, 60, 80, 120])
def test_tables_stay_within_the_width_and_rank_the_best_first(width):
    lines = figures_table(results(0.95, 0.5), Page(width))
    assert max(map(len, lines)) <= max(width, 32)
    order = [line.split()[0] for line in lines if line.split()[0] in ("thalweg", "baseline-0", "baseline-1")]
    assert order == ["baseline-0", "thalweg", "baseline-1"]


def test_intervals_are_drawn_on_one_axis():
    lines = figures_table(results(0.9, 0.7), Page(100))[1:]
    places = {line.split()[0]: line.index("●") for line in lines}
    assert places["thalweg"] == places["baseline-0"] > places["baseline-1"]


def test_baselines_on_fewer_rows_are_marked():
    found = results(0.8, 0.7)
    found["baselines"][0] |= {"rows": 300, "of_rows": 900}
    found["baselines"][1] |= {"rows": 900, "of_rows": 900}
    lines = figures_table(found, Page(100))
    assert [line.split("  ")[1] for line in lines if "*" in line] == ["baseline-0 *", "* fitted on fewer rows than the net"]


def test_a_confidence_that_is_off_is_said_beside_the_verdict(tmp_path):
    error = {"value": 0.102, "low": 0.05, "high": 0.2, "chance": 0.04}
    told = results(0.8) | {"examples": 54, "diagnosis": {"calibration": {"error": error}}}
    said = " ".join(" ".join(result_lines(told, tmp_path, Page(200, False))).split())
    assert "note how sure it is and how often it is right lie 10.2 points apart (calibration error): more than the 4.0" in said
    error["chance"] = 0.2
    assert "apart" not in " ".join(result_lines(told, tmp_path, Page(200, False)))


def test_two_far_apart_are_both_drawn():
    lines = figures_table(results(0.1), Page(100))[1:]
    assert [line.count("●") for line in lines] == [1, 1]


def test_what_lies_far_off_does_not_stretch_the_axis():
    lines = figures_table(results(0.8, 0.1), Page(100))[1:]
    assert [line.count("●") for line in lines] == [1, 1, 0]


def test_an_ascii_terminal_is_given_ascii():
    assert Terminal(None, encoding="ascii").shown("├──●──┤ 8×8 → −3 … “x”") == '|--o--| 8x8 -> -3 ... "x"'


def test_a_number_and_its_unit_stay_on_one_line():
    for width in range(30, 60):
        lines = paragraph("learn", ["best 100.0 % of 30 at last · 425 steps in 7.7 s and 12 MB"], width=width)
        assert " ".join(" ".join(lines).split()) == "learn best 100.0 % of 30 at last · 425 steps in 7.7 s and 12 MB"
        assert not [line for line in lines if line.split()[0] in ("%", "s", "MB")]
