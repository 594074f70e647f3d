"""The command line refuses what it cannot mean, in words, and does what it says."""

import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import QUICK, ended, process
from tests.lint_refusal import assert_sound_refusal
from thalweg.cli import main
from thalweg.core.run_folder import RunFolder


def test_cli_01_without_arguments_the_help_is_shown_and_the_exit_code_is_2(line):
    ran = line()
    assert ran.code == 2
    assert "thalweg train DATA" in ran.err
    assert ran.out == ""
    assert len(ran.err.splitlines()) < 30


def test_cli_01_help_that_was_asked_for_is_a_result(line):
    ran = line("--help")
    assert (ran.code, ran.err) == (0, "")
    assert all(verb in ran.out for verb in ("train", "predict", "evaluate", "report", "list", "info", "doctor", "check-part"))


def test_cli_01_help_is_asked_for_as_people_ask(line):
    assert line("help") == line("-h") == line("--help")
    assert line("help", "predict") == line("predict", "-h") == line("predict", "--help")
    assert line.refused(2, "help", "trian")["fix"] == "thalweg train"


@pytest.mark.parametrize("verb", ["train", "predict", "evaluate", "report", "list", "info", "doctor", "check-part"])
def test_every_verb_has_help_in_ascii(line, verb):
    ran = line(verb, "--help")
    assert ran.code == 0
    assert ran.out.isascii()
    assert "--json" in ran.out


def test_cli_02_unknown_command_names_the_nearest(line):
    told = line.refused(2, "trian", "iris")
    assert told["code"] == "VERB_UNKNOWN"
    assert 'did you mean "train"?' in told["what"]


def test_cli_03_unknown_flag_names_the_nearest_and_no_prefix_is_guessed(line):
    told = line.refused(2, "train", "iris", "--epoch", "3")
    assert told["code"] == "FLAG_UNKNOWN"
    assert "--epochs" in told["what"]
    assert not Path("runs").exists()


@pytest.mark.parametrize("value", ["ten", "-1", "0", "1e9", "3.5", "1000001"])
def test_cli_04_epochs_outside_their_range_are_refused_with_the_range(line, value):
    told = line.refused(2, "train", "iris", "--epochs", value)
    assert "from 1 to 1,000,000" in told["what"]
    assert value in told["what"]


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e-400"])
def test_cli_05_a_learning_rate_that_is_not_positive_is_refused(line, value):
    told = line.refused(2, "train", "iris", "--lr", value)
    assert "above 0" in told["what"]
    assert value in told["what"]


@pytest.mark.parametrize("value", ["0", str(2**40)])
def test_cli_06_a_batch_size_that_cannot_be_is_refused(line, value):
    assert "--batch-size" in line.refused(2, "train", "iris", "--batch-size", value)["what"]


def test_cli_06_a_batch_larger_than_the_data_says_what_it_has(line):
    ran = line("train", "iris", "--batch-size", "500", *QUICK[:-1])
    assert ran.code == 0
    assert "batch size 90 (all there are, 500 asked)" in " ".join(ran.err.split())


def test_cli_07_a_flag_given_twice_with_different_values_names_both(line):
    told = line.refused(2, "train", "iris", "--epochs", "3", "--epochs", "4")
    assert "3 and 4" in told["what"]
    assert line.refused(2, "train", "iris", "--lr", "0.1", "--set", "rule.rate=0.2")["code"] == "FLAG_TWICE"


def test_cli_07_the_same_value_twice_is_one_value(line):
    assert line("train", "iris", "--seed", "3", "--seed", "3", *QUICK).code == 0


def test_cli_08_flags_that_contradict_each_other_are_named_with_the_rule(line):
    told = line.refused(2, "train", "iris", "--resume", "--force", "--out", "a")
    assert "goes on with a run" in told["what"]
    assert line.refused(2, "train", "iris", "--epochs", "2", "--steps", "9")["where"] == "--epochs, --steps"


def test_cli_09_a_flag_wins_over_the_settings_file_and_both_are_shown(line):
    Path("plan.yaml").write_text("rule:\n  epochs: 7\nseed: 5\n")
    ran = line("train", "iris", "--settings", "plan.yaml", *QUICK[:-1], "--out", "a")
    assert ran.code == 0
    assert "--epochs 2 wins over rule.epochs = 7 in plan.yaml" in " ".join(ran.err.split())
    written = Path("a/settings.yaml").read_text()
    assert "epochs: 2" in written
    assert "seed: 5" in written


@pytest.mark.parametrize("device", ["cuda:7", "mps", "tpu"])
def test_cli_10_an_absent_device_names_those_present(line, device):
    told = line.refused(2, "train", "iris", "--device", device)
    assert device in told["what"]
    assert "cpu" in told["fix"]
    assert not list(Path().glob("runs/*")), "a refused run leaves nothing behind"


def test_cli_11_a_finished_run_is_not_written_over(line, finished_run):
    before = {path: path.read_bytes() for path in finished_run.rglob("*") if path.is_file()}
    told = line.refused(2, "train", "iris", "--out", finished_run)
    assert told["code"] == "RUN_FINISHED"
    assert "--force" in told["fix"]
    assert {path: path.read_bytes() for path in finished_run.rglob("*") if path.is_file()} == before


def test_cli_11_foreign_files_are_never_removed(line):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years")
    assert line.refused(2, "train", "iris", "--out", "mine")["code"] == "RUN_FOLDER_FOREIGN"
    assert Path("mine/thesis.txt").read_text() == "years"
    assert os.listdir("mine") == ["thesis.txt"]


def test_cli_12_an_output_that_cannot_be_written_is_refused_before_data_are_read(line):
    Path("file").write_text("")
    told = line.refused(6, "train", "iris", "--out", "file/run")
    assert "data" not in told["shown"].split()[0].casefold()
    assert "learn" not in told["shown"]


def test_cli_13_an_output_that_is_a_file_or_lies_in_the_data_is_refused(line):
    Path("file").write_text("x")
    assert line.refused(2, "train", "iris", "--out", "file")["code"] == "RUN_PATH_IS_FILE"
    assert line.refused(2, "train", "iris", "--out", "run ")["code"] == "RUN_PATH_INVALID"
    photos(Path("photos"))
    assert line.refused(2, "train", "photos", "--out", "photos/run")["code"] == "RUN_PATH_INSIDE_DATA"


@pytest.mark.parametrize("name", ["with space", "ünïcode", "-dash", "$HOME", "x" * 200])
def test_cli_14_odd_paths_work(line, name):
    ran = line("train", "iris", *QUICK, "--out", f"./{name}")
    assert ran.code == 0, ran.err
    assert (Path.cwd() / name / "model" / "package.json").exists()
    assert "X" * 300 not in line("train", "X" * 300, "--quiet").err[:300]


def test_cli_14_a_path_too_long_for_the_system_is_refused(line):
    assert line.refused(6, "train", "iris", "--out", "y" * 300)["fix"]


def test_cli_15_a_closed_pipe_ends_without_a_traceback():
    running = process("list", "models")
    running.stdout.close()
    running.wait(timeout=60)
    err = running.stderr.read()
    assert running.returncode == 141, err
    assert "Traceback" not in err


@pytest.mark.parametrize("columns", [80, 20])
def test_cli_16_narrow_ascii_and_dumb_terminals_get_readable_lines(line, monkeypatch, columns):
    for name, value in {"COLUMNS": str(columns), "TERM": "dumb", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    ran = line("train", "iris", *QUICK[:-1])
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err
    assert "\r" not in ran.out + ran.err
    assert max(map(len, ran.out.splitlines() + ran.err.splitlines())) <= max(columns, 42)


def test_cli_16_what_the_encoding_cannot_hold_is_written_in_ascii(tmp_path, monkeypatch):
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="ascii") for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    assert main(["train", "iris", *QUICK[:-1], "--out", str(tmp_path / "a")]) == 0
    for stream in streams.values():
        stream.flush()
    printed = "".join(stream.buffer.getvalue().decode("ascii") for stream in streams.values())
    assert "accuracy" in printed
    assert "?" not in printed


@pytest.mark.reliability
def test_cli_16_what_the_encoding_of_a_process_cannot_hold_is_written_in_ascii(tmp_path):
    ran = ended(process("train", "iris", *QUICK[:-1], "--out", tmp_path / "a", PYTHONIOENCODING="ascii", LC_ALL="C"))
    assert ran.code == 0, ran.err
    assert (ran.out + ran.err).isascii()
    assert "?" not in ran.out + ran.err


def started(path: Path, *more: str):
    """A long training in a process of its own, in the midst of its steps."""
    given = ["train", "iris", "--steps", "1000000", "--threads", "1", "--no-compare", "--out", path, *more]
    running = process(*given, "--set", "evaluate_every=20")
    metrics = path / "metrics.jsonl"
    until = time.monotonic() + 90
    while not (metrics.exists() and metrics.stat().st_size) and running.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    assert running.poll() is None, running.communicate()
    return running


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(2, 130, id="SIGINT"),
        pytest.param(15, 143, id="SIGTERM", marks=pytest.mark.reliability),
        pytest.param(1, 129, id="SIGHUP", marks=pytest.mark.reliability),
    ],
)
def test_cli_17_a_signal_in_training_saves_and_says_how_to_go_on(tmp_path, number, code):
    running = started(tmp_path / "run")
    begun = time.monotonic()
    running.send_signal(number)
    ran = ended(running)
    assert ran.code == code, ran.err
    assert time.monotonic() - begun < 20
    told = assert_sound_refusal(ran.code, ran.err)
    assert told["fix"] == f"thalweg train --resume --out {tmp_path / 'run'}"
    assert list((tmp_path / "run" / "checkpoints").iterdir())


@pytest.mark.reliability
def test_cli_19_the_command_that_was_printed_continues_the_run(tmp_path, line):
    running = started(tmp_path / "run")
    running.send_signal(15)
    told = assert_sound_refusal(143, ended(running).err)
    again = process(*told["fix"].split()[1:], "--debug")
    metrics = tmp_path / "run" / "metrics.jsonl"
    size, until = metrics.stat().st_size, time.monotonic() + 90
    while metrics.stat().st_size <= size and again.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    again.send_signal(15)
    ran = ended(again)
    assert ran.code == 143, ran.err
    steps = [json.loads(text)["step"] for text in metrics.read_text().splitlines()]
    assert steps == sorted(set(steps)), "no evaluation is repeated or lost"


def test_cli_20_json_with_an_error_is_one_object_with_the_same_code(line):
    ran = line("train", "no-such-data", "--json")
    assert ran.code == 3
    error = json.loads(ran.out)["error"]
    assert error["code"] == "DATA_NOT_FOUND"
    assert ran.err == ""


def test_cli_20_json_of_a_run_holds_the_facts_and_nothing_else(line):
    ran = line("train", "iris", *QUICK, "--json", "--out", "a")
    facts = json.loads(ran.out)
    assert facts["run"] == "a"
    assert facts["metric"]["low"] <= facts["metric"]["value"] <= facts["metric"]["high"]
    assert facts["verdict"] is None
    assert facts["files"]["report.html"] == "a/report.html"


HOLDING = """
import sys
from pathlib import Path
from thalweg.core.run_folder import RunFolder
with RunFolder.existing(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_cli_21_a_second_process_is_refused_with_the_first_ones_number(tmp_path, line):
    RunFolder.create(tmp_path / "run")
    holding = [sys.executable, "-c", HOLDING, str(tmp_path / "run")]
    with subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "held\n"
        told = line.refused(2, "train", "iris", "--resume", "--out", tmp_path / "run", "--steps", "1000000")
    assert told["code"] == "RUN_LOCKED"
    assert str(running.pid) in told["what"]


@pytest.mark.reliability
def test_cli_23_without_a_home_lists_and_training_work(tmp_path):
    running = process("train", "iris", *QUICK, "--out", tmp_path / "a", HOME="/nonexistent")
    ran = ended(running)
    assert ran.code == 0, ran.err


@pytest.mark.reliability
def test_cli_25_optimised_python_strict_warnings_and_other_hashes_give_the_same(tmp_path, line):
    odd = process("train", "iris", *QUICK, "--json", "--out", tmp_path / "a", options=("-O", "-W", "error"), PYTHONHASHSEED="7")
    ran = ended(odd)
    assert ran.code == 0, ran.err
    plain = line("train", "iris", *QUICK, "--json", "--out", tmp_path / "b")
    assert json.loads(ran.out)["metrics"] == json.loads(plain.out)["metrics"]


def test_cli_26_a_missing_package_is_told_with_the_line_that_installs_it(tmp_path):
    program = "import sys\nsys.modules['torch'] = None\nfrom thalweg.cli import main\nsys.exit(main(['train', 'iris']))"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    told = assert_sound_refusal(ran.returncode, ran.stderr)
    assert ran.returncode == 2
    assert re.fullmatch(r"pip install 'torch>=[0-9.]+'", told["fix"])


@pytest.mark.parametrize(
    ("elsewhere", "here"), [("--learning-rate", "--lr"), ("--max-epochs", "--epochs"), ("--batch_size", "--batch-size")]
)
def test_names_from_elsewhere_are_understood_and_the_one_here_is_printed(line, elsewhere, here):
    told = line.refused(2, "train", "iris", elsewhere, "0")
    assert f"{elsewhere} is called {here} here" in told["shown"]
    assert told["where"] == here


def photos(folder: Path) -> Path:
    """A folder of pictures in two classes."""
    import numpy as np
    from PIL import Image

    for name, level in (("dark", 40), ("bright", 200)):
        (folder / name).mkdir(parents=True)
        for i in range(20):
            pixels = np.random.default_rng(i).integers(level, level + 50, (12, 12), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder
