"""A text is learned, judged in nats, bits and symbols, compared with n-grams, and written on."""

import math

import pytest
import torch

import thalweg as tw
from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.tasks._task import measured

TINY = {"layers": 1, "width": 32, "heads": 2}
SETTINGS = {"source": "sentences", "source_settings": {"sentences": 600}, "model": TINY}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    settings = {**SETTINGS, "rule": {"steps": 150}, "evaluate_every": 150}
    return fitted(settings, tmp_path_factory.mktemp("sentences") / "run")


def figures(run, part="test"):
    return measured(run.package.task, run.package.model, run.dataset.batches(part, size=256), at=Position())


def test_what_a_grammar_decides_is_learned(trained):
    found = figures(trained)
    rules = math.log(6 * 5 * 6) / 22.7  # nats that the grammar draws, for each of the characters of its sentences
    assert rules < found["log-loss"] < 0.6
    assert found["bits-per-symbol"] == pytest.approx(found["log-loss"] / math.log(2))
    assert found["perplexity"] == pytest.approx(math.exp(found["log-loss"]))
    assert found["accuracy"] > 0.8


def test_a_text_goes_on_from_its_prompt_and_the_seed_decides_how(trained):
    package = trained.package
    said = [
        package.predict(request={"prompt": "the girl", "length": 120, "samples": 2}, seed=seed)["text"] for seed in (1, 1, 2)
    ]
    assert all(len(text) == 128 and text.startswith("the girl ") for text in said[0])
    assert said[0] == said[1] != said[2]
    assert said[0][0] != said[0][1]
    surest = [package.predict(request={"prompt": "my a", "length": 4, "temperature": 0}, seed=seed)["text"] for seed in (1, 2)]
    assert surest == [["my aunt "], ["my aunt "]]
    (alone,) = package.predict(request={"length": 40})["text"]
    assert len(alone) == 40


def test_characters_never_seen_and_unknown_wishes_are_refused(trained):
    with pytest.raises(UsageRefusal, match="never saw: 'Q', '§'"):
        trained.package.predict(request={"prompt": "Q a cat §"})
    with pytest.raises(UsageRefusal, match="prompts"):
        trained.package.predict(request={"prompts": "a"})


@pytest.mark.slow
def test_a_run_cut_anywhere_ends_with_the_same_bits_and_writes_the_same_elsewhere(tmp_path):
    settings = {**SETTINGS, "rule": {"steps": 7, "batch_size": 256, "average": 0.9}, "evaluate_every": 4}
    whole = assert_resumes_to_the_same_bits(settings, tmp_path, cuts=(0, 1, 5))
    assert_new_process_predicts_the_same(whole, whole.folder.model, None, {"prompt": "a ", "length": 20})


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """A file of text, trained on by the verb that users call, with the n-grams that it is compared with."""
    folder = tmp_path_factory.mktemp("file")
    (folder / "input.txt").write_text("".join(map(sentence, range(300))))
    settings = {"model": {"name": "transformer", **TINY}, "rule": {"steps": 30}}
    return folder, tw.train(folder / "input.txt", settings=settings, out=folder / "run")


def sentence(number):
    names = ("the heron", "a tall ship", "my lady", "old Tom")
    first = f"{names[number % 4]} went {'up' if number % 3 else 'down'} the river, {number} times a day."
    return f"{first}\nNobody, as far as I know, asked why.\n"


def test_a_file_is_learned_compared_with_n_grams_and_reported(whole_run):
    folder, run = whole_run
    names = {one["name"] for one in run.results["baselines"]}
    assert names == {"trivial", "n-gram"}
    assert run.results["verdict"]["word"] == "worse"  # 30 steps are few
    assert (len(run.results["made"]["own"]), len(run.results["made"]["real"])) == (16, 12)
    again = tw.load(folder / "run")
    assert again.predict(prompt="my lady", length=5)["text"][0].startswith("my lady")
    grams = tw.predict(again, baseline="n-gram", prompt="old Tom went ", length=20, temperature=0)["text"]
    assert grams[0].startswith(("old Tom went up the river, ", "old Tom went down the river, "))


def test_a_run_is_judged_on_its_own_text_again_and_on_another(whole_run):
    folder, run = whole_run
    mine = tw.evaluate(tw.load(folder / "run"))
    assert mine["metric"]["value"] == pytest.approx(run.results["metric"]["value"])
    (folder / "other.txt").write_text("".join(sentence(i).upper() for i in range(60)))
    theirs = tw.evaluate(tw.load(folder / "run"), folder / "other.txt")
    assert theirs["metric"]["value"] > mine["metric"]["value"]


def test_the_trivial_answer_is_how_often_symbols_stand_in_the_training_text(trained):
    task, dataset = trained.package.task, trained.dataset
    trivial = task.trivial(dataset.batches("train", size=64))
    codes = torch.cat([batch["next"] for batch in dataset.batches("train", size=64)]).flatten()
    shares = (torch.bincount(codes, minlength=task.ports.output.width) + 1) / (len(codes) + task.ports.output.width)
    told = trivial(text=torch.zeros(2, 3, dtype=torch.int64)).exp()
    torch.testing.assert_close(told, shares.expand(2, 3, -1))


def test_a_prompt_on_the_command_line_is_the_text_that_was_typed():
    from thalweg.cli.predict import _requested
    from thalweg.tasks.language_modelling import Continuation

    typed = {"prompt": "ROMEO:", "length": "12", "temperature": "0.5"}
    assert _requested(typed, Continuation) == {"prompt": "ROMEO:", "length": 12, "temperature": 0.5}


def test_texts_of_several_lines_are_shown_as_they_are_and_their_controls_are_not():
    from thalweg.packages.written import texts_told

    assert texts_told({"text": ["a\nb\x1b[2J", "c"]}) == ["a", "b\\x1b[2J", "", "c"]
    assert texts_told({"text": ["a", "b"]}) == texts_told({"text": ["a\n"], "sure": [0.5]}) == []


def test_a_small_net_writes_on_one_thread_and_leaves_as_many_as_there_were(trained, monkeypatch):
    package, seen = trained.package, []
    monkeypatch.setattr(type(package.model), "continued", _watched(type(package.model).continued, seen))
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        package.predict(request={"length": 3})
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {1}


def _watched(act, seen):
    """The same, and how many threads there are at each call."""

    def watched(*given):
        seen.append(torch.get_num_threads())
        return act(*given)

    return watched
