"""Nets that read texts: known answers, what padding and empty texts do, and that they learn from raw data."""

import math

import pytest
import torch

import thalweg as tw
from thalweg.core import registry
from thalweg.fields.ports import Port, Ports
from thalweg.layers.naive_bayes import NaiveBayes, log_ratios
from thalweg.layers.padded_recurrence import PaddedRecurrence
from thalweg.layers.start import Start, start_from_data
from thalweg.layers.tiny_texts import described, tiny_port, tiny_ports
from thalweg.layers.word_convolution import WordConvolution, WordVectors
from thalweg.models.tabular import Tabular
from thalweg.models.text_committee import TextCommittee

GOOD, BAD = ["fine", "moving", "lovely"], ["dull", "empty", "tired"]


def rows(*texts):
    width = max(map(len, texts))
    codes = torch.tensor([list(text) + [0] * (width - len(text)) for text in texts])
    mask = codes > 0
    return described(codes) * mask[..., None], mask


def test_what_was_counted_becomes_log_ratios():
    ratios = log_ratios(torch.tensor([[9.0, 9.0], [3.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))  # padding, two words, one never seen
    first, second = math.log((4 / 6) / (1 / 3)), math.log((2 / 6) / (2 / 3))  # one is added to each count
    assert torch.allclose(ratios, torch.tensor([[0.0, 0.0], [first, -first], [second, -second], [0.0, 0.0]]))


def test_texts_are_answered_as_naive_bayes_decides():
    words, mask = rows([2, 4], [2, 5], [3, 4], [3, 5])
    counted = NaiveBayes(tiny_ports())
    batch = {"text": words, "text_mask": mask, "class": torch.tensor([0, 0, 1, 2])}
    start_from_data(counted, Start([batch], tiny_ports().output, torch.Generator()))
    answers = counted(batch)
    assert answers.argmax(1).tolist() == [0, 0, 1, 2]
    empty, unseen = counted(dict(zip(("text", "text_mask"), rows([], [7]), strict=True)))
    assert torch.allclose(empty, torch.tensor([3 / 7, 2 / 7, 2 / 7]).log())
    assert (unseen - empty).abs().max() < (answers[0] - empty).abs().max()  # but the shape and a shared piece


def test_what_stands_in_a_text_twice_counts_once():
    counted = NaiveBayes(tiny_ports()).texts["text"]
    counted.ratios.normal_(generator=torch.Generator().manual_seed(0))
    twice, mask = rows([2, 2, 2, 2], [2, 2, 2])
    first, second = counted(twice, mask)
    assert torch.allclose(first * 2, second * 3**0.5)  # the same found, over the root of another length


def test_a_convolution_sees_the_pattern_wherever_it_stands():
    vectors = WordVectors(8, 8)
    vectors.vectors.data = torch.eye(8)
    net = WordConvolution(vectors, 8, 1, [2])
    convolution = net.convolutions[0]
    convolution.weight.data.zero_()
    convolution.weight.data[0, 2, 0] = convolution.weight.data[0, 3, 1] = 1.0  # word 2, then word 3
    convolution.bias.data.fill_(-1.0)
    found = net(*rows([2, 3], [4, 5, 2, 3, 4], [3, 2], [2, 4, 3], []))
    assert found[:, 0].tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_reading_both_ways_agrees_with_torch_on_rows_without_padding(cell):
    torch.manual_seed(0)
    ours = PaddedRecurrence(3, 4, cell=cell, both=True)
    theirs = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell](3, 4, batch_first=True, bidirectional=True)
    pairs = dict(ours.onward.named_parameters())
    pairs |= {f"{name}_reverse": one for name, one in ours.backward_reading.named_parameters()}
    theirs.load_state_dict({name: one.detach() for name, one in pairs.items()})
    x = torch.randn(2, 5, 3)
    assert torch.allclose(ours(x, torch.ones(2, 5, dtype=torch.bool)), theirs(x)[0], atol=1e-6)


@pytest.mark.parametrize("name", ["text-bag", "text-cnn", "text-lstm", "text-gru", "text-committee"])
def test_two_texts_of_a_row_are_read_together(name):
    torch.manual_seed(0)
    ports = Ports((tiny_port(), Port("title", "text", (None, 5), sizes=tiny_port().sizes, masked=True)), tiny_ports().outputs)
    model = registry.load("model", name)(ports, registry.settings_of("model", name)).eval()
    for weights in model.parameters():
        torch.nn.init.normal_(weights)
    (text, mask), (title, title_mask) = rows([2, 3, 4], [5]), rows([6], [7])
    answer = model(text=text, text_mask=mask, title=title, title_mask=title_mask)
    assert answer.shape == (2, 3)
    assert not torch.equal(answer, model(text=text, text_mask=mask, title=title.flip(0), title_mask=title_mask))


def reviews(count):
    said = [f"the film of number {i} is {(GOOD if i % 2 else BAD)[i // 2 % 3]} and long" for i in range(count)]
    return {"text": said, "label": ["good" if i % 2 else "bad" for i in range(count)]}


def test_texts_are_learned_without_options_and_answered_in_a_package(tmp_path):
    small = {"model": {"nets": 1, "bag": {"buckets": 256}, "width": 16, "maps": 16}, "threads": 1}
    run = tw.train(reviews(120), out=tmp_path / "run", compare=False, settings=small)
    assert isinstance(run.package.model, TextCommittee)
    said = tw.load(run.path).predict({"text": ["a lovely film", "a dull film", ""]})["label"]
    assert list(said[:2]) == ["good", "bad"]


def test_text_in_a_table_enters_the_tabular_net(tmp_path):
    torch.manual_seed(0)
    columns = {"year": torch.randn(120).tolist(), **reviews(120)}
    model = {"members": 2, "hidden": [16], "encoders": {"text": {"buckets": 256}}}
    settings = {"model": model, "rule": {"epochs": 80}, "threads": 1}
    run = tw.train(columns, out=tmp_path / "run", compare=False, settings=settings)
    assert isinstance(run.package.model, Tabular)
    assert run.results["metric"]["value"] >= 0.9
