"""Settings files are understood in one way or refused with the place; nothing in them is run."""

import json
import os
import time
from pathlib import Path

import pytest
import yaml

from tests.cli.running import QUICK


def refused(line, text, *more, name="plan.yaml", code=2):
    Path(name).write_text(text) if isinstance(text, str) else Path(name).write_bytes(text)
    told = line.refused(code, "train", "iris", "--settings", name, *more)
    assert not list(Path().glob("runs/*")), "a refused run leaves nothing behind"
    return told


def test_cfg_01_a_tab_is_shown_with_line_column_and_caret(line):
    told = refused(line, "rule:\n\tepochs: 3\n")
    place, shown, caret = told["where"].split("\n")
    assert place == "plan.yaml:2:1"
    assert shown.strip() == "→epochs: 3"
    assert caret.index("^") == shown.index("→")
    assert "tab" in told["what"]


def test_cfg_01_a_bad_indent_is_shown_with_its_line(line):
    assert refused(line, "seed: 1\n" * 0 + "rule:\n  epochs: 3\n   lr: 2\n")["where"].startswith("plan.yaml:3:")


def test_cfg_02_all_unknown_keys_are_named_at_once_with_the_nearest(line):
    told = refused(line, "optimzer: {lr: 1}\ndata: {targt: x}\nmodel: {name: mlp, hiden: [3]}\nsede: 2\n")
    assert all(word in told["what"] for word in ("optimzer", "data.targt", "hiden", "sede"))
    assert all(f'did you mean "{word}"?' in told["what"] for word in ("target", "hidden", "seed"))


def test_cfg_03_a_duplicate_key_names_both_lines(line):
    told = refused(line, "seed: 1\nmargin: 2%\nseed: 2\n")
    assert "lines 1 and 3" in told["what"]
    assert "twice" in refused(line, '{"seed": 1, "seed": 2}', name="plan.json")["what"]


def test_cfg_04_numbers_are_numbers_however_they_are_written(line):
    Path("plan.yaml").write_text('rule:\n  epochs: "2"\n  rate: 1e-3\ndata:\n  target: species\n')
    ran = line("train", "iris", "--settings", "plan.yaml", "--threads", "1", "--no-compare", "--out", "a")
    assert ran.code == 0, ran.err
    assert '"2" in quotes is taken for a number' in " ".join(ran.err.split())
    assert yaml.safe_load(Path("a/settings.yaml").read_text())["rule"]["settings"]["rate"] == 0.001


def test_cfg_04_no_is_a_word_and_not_false(line):
    told = refused(line, "data:\n  target: no\n")
    assert '"no"' in told["what"]


def test_cfg_05_a_python_tag_is_refused_and_not_run(line):
    told = refused(line, "seed: !!python/object/apply:os.system ['touch owned']\n")
    assert "tag" in told["what"]
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "[" * 10_000,
        "seed: 1\n" + "#" * (1 << 20),
        "{" * 40 + "}" * 40,
    ],
    ids=["aliases", "deep", "large", "nested"],
)
def test_cfg_06_files_that_would_blow_up_are_refused_at_once(line, text):
    begun = time.process_time()
    refused(line, text)
    assert time.process_time() - begun < 4, "twice two seconds: as text and as JSON"


@pytest.mark.parametrize("key", ["_target_", "class_path"])
def test_cfg_07_a_key_that_names_an_importable_object_is_unknown(line, key):
    told = refused(line, f"model:\n  name: mlp\n  {key}: os.system\n")
    assert told["code"] == "SETTING_UNKNOWN"
    assert key in told["what"]


@pytest.mark.parametrize("value", ["${eval:1+1}", "$(rm -rf x)", "{{ 7*7 }}", "`id`"])
def test_cfg_08_an_expression_is_never_evaluated(line, value):
    told = refused(line, f"data:\n  target: '{value}'\n")
    assert value in told["what"]
    assert "49" not in told["what"]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_cfg_09_numbers_that_are_not_finite_are_refused(line, word):
    told = refused(line, json.dumps({"rule": {"rate": 1}}).replace("1", word), name="plan.json")
    assert word.removeprefix("-") in told["what"]
    assert told["where"] == "plan.json#/rule/rate"
    assert refused(line, "rule:\n  rate: .nan\n")["where"] == "plan.yaml:2:9"


def test_cfg_10_settings_of_a_newer_version_are_not_guessed_at(line):
    told = refused(line, "version: 2\nsomething_new: 3\n")
    assert told["code"] == "SETTINGS_TOO_NEW"
    assert "version 2" in told["what"]
    assert "version 1" in told["what"]


def test_cfg_12_a_relative_path_is_meant_from_where_the_settings_lie(line):
    import numpy as np

    Path("plans").mkdir()
    x = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    np.savez("plans/numbers.npz", x=x, y=(x.sum(1) > 0).astype(np.int64))
    Path("plans/plan.yaml").write_text("source: numbers.npz\ndata: {fields: {x: number}}\n")
    ran = line("train", "--settings", "plans/plan.yaml", *QUICK[:-1], "--out", "a")
    assert ran.code == 0, ran.err
    assert "plans/numbers.npz" in ran.err
    assert yaml.safe_load(Path("a/settings.yaml").read_text())["source"] == str(Path("plans/numbers.npz").absolute())


def test_cfg_14_a_warm_up_longer_than_training_names_both_numbers(line):
    told = refused(line, "rule:\n  steps: 20\n  schedule: {warmup: 50}\n", "--threads", "1")
    assert "50 steps" in told["what"]
    assert "20" in told["what"]


@pytest.mark.parametrize("hidden", ["[0]", "[-3]", "[many]"])
def test_cfg_15_layers_that_cannot_be_are_refused_before_data_are_read(line, hidden):
    told = refused(line, f"model: {{name: mlp, hidden: {hidden}}}\n")
    assert "hidden" in told["what"]
    assert "data " not in told["shown"]


def test_cfg_17_a_loss_for_other_targets_names_those_that_fit(line):
    told = refused(line, "task: {loss: squared}\n")
    assert "cross-entropy" in told["fix"]
    told = line.refused(2, "train", "diabetes", "--loss", "cross-entropy")
    assert "squared" in told["fix"]


def test_cfg_18_class_weights_must_be_one_per_class_and_not_negative(line):
    told = refused(line, "task: {loss: {class_weights: [1, 2]}}\n", "--threads", "1")
    assert "2 weights" in told["what"]
    assert "3 classes" in told["what"]
    assert "class_weights" in refused(line, "task: {loss: {class_weights: [1, -2, 1]}}\n", "--threads", "1")["what"]


@pytest.mark.parametrize("seed", ["-1", str(2**70), "dice"])
def test_cfg_19_a_seed_that_is_none_is_refused(line, seed):
    assert "from 0 to" in line.refused(2, "train", "iris", "--seed", seed)["what"]


def test_cfg_19_a_random_seed_is_drawn_and_recorded(line):
    assert line("train", "iris", "--seed", "random", *QUICK, "--out", "a").code == 0
    assert line("train", "iris", "--seed", "random", *QUICK, "--out", "b").code == 0
    seeds = [yaml.safe_load(Path(run, "settings.yaml").read_text())["seed"] for run in "ab"]
    assert seeds[0] != seeds[1]


SECRETS = [
    "hf_" + "aB3" * 8,
    "sk-" + "x9" * 12,
    "ghp_" + "Z0" * 12,
    "AKIA" + "Q7" * 8,
    "https://me:" + "hunter2" + "@example.org/table.csv",
]


@pytest.mark.parametrize("secret", SECRETS, ids=["hub", "interface", "code", "cloud", "address"])
def test_cfg_20_a_secret_in_settings_is_refused_without_being_shown_or_written(line, secret):
    for told in (
        refused(line, f"data:\n  target: {secret!r}\n"),
        refused(line, f"data:\n  fields: {{age: {secret!r}}}\n"),
        refused(line, f"data:\n  ignore: [id, {secret!r}]\n"),
    ):
        assert told["code"] == "SETTINGS_SECRET"
        assert "data." in told["what"]
        assert secret not in str(told)
    assert secret not in str(line.refused(2, "train", "iris", "--set", f"data.target={secret}"))


def test_cfg_20_a_setting_called_token_is_unknown_and_its_value_not_shown(line):
    told = refused(line, "token: opensesame\n")
    assert (told["code"], "opensesame" in str(told)) == ("SETTING_UNKNOWN", False)


def test_cfg_20_a_column_may_be_called_token(line, tmp_path):
    Path("words.csv").write_text("token,label\n" + "".join(f"{n % 7},{'ab'[n % 2]}\n" for n in range(120)))
    ran = line("train", "words.csv", *QUICK, "--field", "token=number", "--out", "a")
    assert ran.code == 0, ran.err
    assert yaml.safe_load(Path("a/settings.yaml").read_text())["data"]["fields"] == {"token": "number"}


@pytest.mark.parametrize(
    "content",
    ["", "# nothing\n", "- 1\n- 2\n", "word", os.urandom(64) + b"\xff\x00", "---\nseed: 1\n---\nseed: 2\n"],
    ids=["empty", "comment", "list", "word", "binary", "two documents"],
)
def test_cfg_21_a_file_that_is_no_mapping_of_settings_is_refused(line, content):
    assert refused(line, content)["code"] in ("SETTINGS_NOT_A_MAPPING", "YAML_NOT_TEXT", "YAML_INVALID")


def test_cfg_22_a_model_with_nothing_to_train_is_refused(tmp_path):
    import numpy as np
    from torch import nn

    import thalweg as tw
    from thalweg.core.errors import UsageRefusal

    model = nn.Linear(3, 2).requires_grad_(False)
    x = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    with pytest.raises(UsageRefusal) as refusal:
        tw.train((x, (x.sum(1) > 0).astype(np.int64)), model=model, out=tmp_path / "a", compare=False)
    assert refusal.value.code == "MODEL_NOTHING_TO_TRAIN"
    assert "frozen" in refusal.value.where


def test_a_settings_file_that_is_not_there_is_refused(line):
    assert line.refused(2, "train", "iris", "--settings", "plan.yaml")["code"] == "SETTINGS_NOT_FOUND"


def test_the_settings_that_a_run_wrote_repeat_it(line, finished_run):
    settings = yaml.safe_load((finished_run / "settings.yaml").read_text())
    again = line("train", "--settings", finished_run / "settings.yaml", "--no-compare", "--quiet", "--out", "again")
    assert again.code == 0, again.err
    repeated = yaml.safe_load(Path("again/settings.yaml").read_text())
    assert repeated["chosen"] == settings["chosen"]
    metrics = [json.loads(Path(run, "results.json").read_text())["metrics"] for run in (finished_run, "again")]
    assert metrics[0] == metrics[1]


@pytest.mark.parametrize("pair", ["model", "=3", "model..hidden=3", ".a=1"])
def test_a_set_that_is_no_pair_is_refused(line, pair):
    assert line.refused(2, "train", "iris", "--set", pair)["fix"]


def test_a_set_reaches_nested_settings(line):
    ran = line(
        "train",
        "iris",
        *QUICK,
        "--out",
        "a",
        "--set",
        "model=mlp",
        "--set",
        "model.hidden=[7, 5]",
        "--set",
        "rule.optimizer=sgd",
    )
    assert ran.code == 0, ran.err
    chosen = yaml.safe_load(Path("a/settings.yaml").read_text())["chosen"]
    assert chosen["model"]["settings"]["hidden"] == [7, 5]
    assert chosen["rule"]["settings"]["optimizer"] == "sgd"


def test_cfg_16_a_model_too_large_for_the_memory_is_refused_before_it_is_built(line):
    told = line.refused(6, "train", "iris", *QUICK, "--set", "model=mlp", "--set", "model.hidden=[4000000, 4000000]")
    assert told["code"] == "MODEL_TOO_LARGE"
    assert told["details"]["needed_bytes"] == 4 * 4_000_000**2 > told["details"]["free_bytes"] > 0
    assert "is free" in told["what"]
    assert "thalweg info mlp" in told["fix"]
    assert not list(Path().glob("runs/*/model"))
