"""Transduction: strings are reversed by what the model writes itself, greedily or with beams."""

import itertools

import pytest
import torch

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.data.sources.reversed_strings import ReversedStrings, ReversedStringsSettings
from thalweg.fields.kinds.tokens import BEGIN, END, FIRST
from thalweg.tasks._generation import beam_search, without_ends
from thalweg.tasks._task import measured
from thalweg.tasks.transduction import Transduction, TransductionSettings

SOURCE = {"source": "reversed-strings"}


def test_strings_are_reversed_and_beams_may_be_asked_for(tmp_path):
    run = fitted({**SOURCE, "rule": {"steps": 300}, "evaluate_every": 300}, tmp_path / "run")
    found = measured(run.package.task, run.package.model, run.dataset.batches("test", size=256), at=Position())
    assert found["exact-match"] >= 0.9
    assert found["token-error-rate"] <= 0.05
    assert run.package.predict({"text": ["abc", "hgfedcba"]})["reversed"] == ["cba", "abcdefgh"]
    assert run.package.predict({"text": ["abc"]}, request={"beams": 4})["reversed"] == ["cba"]
    with pytest.raises(UsageRefusal, match="beam"):
        run.package.predict({"text": ["abc"]}, request={"beam": 4})


def test_a_run_cut_anywhere_ends_with_the_same_bits_and_writes_the_same_elsewhere(tmp_path):
    settings = {**SOURCE, "source_settings": {"longest": 4}, "model": {"units": 16}, "task": {"longest": 6}}
    settings |= {"rule": {"steps": 7, "average": 0.9}, "evaluate_every": 4}
    whole = assert_resumes_to_the_same_bits(settings, tmp_path, cuts=(0, 1, 5))
    texts = {"text": ["abc", "h", "ab", "gggg"]}
    assert_new_process_predicts_the_same(whole, whole.folder.model, texts)
    assert_new_process_predicts_the_same(whole, whole.folder.model, texts, {"beams": 3})


def test_the_model_is_told_what_stands_before_each_symbol_and_the_end():
    encodings = ReversedStrings(ReversedStringsSettings()).encodings
    task = Transduction(encodings, TransductionSettings())
    fields = {"reversed": torch.tensor([[5, 6], [7, 0]]), "reversed_mask": torch.tensor([[True, True], [True, False]])}
    batch = task.prepare(Batch.of(fields), Position())
    assert batch["reversed_before"].tolist() == [[BEGIN, 5, 6], [BEGIN, 7, 0]]
    assert batch["reversed_following"].tolist() == [[5, 6, END], [7, END, END]]
    assert batch["reversed_before_mask"].tolist() == [[True, True, True], [True, True, False]]


def test_only_what_generation_needs_is_read_at_prediction():
    ports = Transduction(ReversedStrings(ReversedStringsSettings()).encodings, TransductionSettings()).ports
    assert [port.name for port in ports.inputs if not port.training_only] == ["text"]
    assert [port.name for port in ports.inputs if port.training_only] == ["reversed_before"]


def bigram(table):
    """The step of a model that knows only the symbol before."""
    return lambda state, symbols: (table[symbols], state)


def every_sequence(table, longest):
    """All that may be written, with its log-probability."""
    said = table.clone()
    said[:, [0, 1, 3]] = -torch.inf
    said = said.log_softmax(1)
    symbols = range(FIRST, len(table))
    whole = [(*one, END) for length in range(longest) for one in itertools.product(symbols, repeat=length)]
    cut = list(itertools.product(symbols, repeat=longest))
    return {one: float(sum(said[a, b] for a, b in itertools.pairwise((BEGIN, *one)))) for one in whole + cut}


@pytest.mark.parametrize("seed", range(8))
def test_with_enough_beams_the_likeliest_of_all_sequences_is_found(seed):
    table = 2 * torch.randn(7, 7, generator=torch.Generator().manual_seed(seed))
    codes, sure = beam_search(bigram(table), (torch.zeros(1, 1),), beams=60, longest=4)
    all_of_them = every_sequence(table, 4)
    best = max(all_of_them, key=all_of_them.get)
    assert without_ends(codes)[0, : len(best)].tolist() == [code if code != END else -1 for code in best]
    assert float(sure) == pytest.approx(all_of_them[best], abs=1e-5)


def test_one_beam_takes_the_likeliest_symbol_each_time():
    table = torch.randn(9, 9, generator=torch.Generator().manual_seed(3))
    table[:, [0, 1, 3]] = 99.0  # padding, begin and unknown are never written
    codes, _ = beam_search(bigram(table), (torch.zeros(2, 1),), beams=1, longest=5)
    symbol, written = BEGIN, []
    while symbol != END and len(written) < 5:
        symbol = max([END, *range(FIRST, 9)], key=lambda code: float(table[symbol, code]))
        written.append(symbol)
    assert codes[0, : len(written)].tolist() == written
    assert torch.equal(codes[0], codes[1])


def test_a_row_is_answered_alike_alone_and_among_others():
    table = torch.randn(9, 9, generator=torch.Generator().manual_seed(1))
    starts = torch.tensor([[0.0], [4.0], [-4.0]])

    def step(state, symbols):
        return table[symbols] + state[0] * torch.eye(9)[END], state

    together, sure = beam_search(step, (starts,), beams=3, longest=6)
    for row in range(3):
        alone, its = beam_search(step, (starts[row : row + 1],), beams=3, longest=6)
        assert without_ends(alone)[0].tolist() == without_ends(together)[row, : alone.shape[1]].tolist()
        assert torch.equal(its[0], sure[row])


def test_the_trivial_answer_says_at_each_place_what_stands_there_most_often():
    domain = ReversedStrings(ReversedStringsSettings(alphabet="ab", longest=1))
    task = Transduction(domain.encodings, TransductionSettings())
    batch = Batch.of({"text": torch.tensor([[5], [5], [4]]), "text_mask": torch.ones(3, 1, dtype=torch.bool)})
    batch = batch.having({"reversed": batch["text"], "reversed_mask": batch["text_mask"]})
    said = task.predict(task.trivial([batch]), batch, Position(), task.asks())
    assert said["tokens"].tolist() == [[5, END]] * 3
    assert task.decode(said)["reversed"] == ["b"] * 3
