"""The encoder-decoder: what it is told step by step and all at once agrees, and padding changes nothing."""

import pytest
import torch

from thalweg.layers.padded_recurrence import PaddedRecurrence, reversed_rows
from thalweg.models.encoder_decoder import EncoderDecoder


@pytest.fixture
def net():
    torch.manual_seed(0)
    return EncoderDecoder(*EncoderDecoder.tiny()).eval()


def example():
    return EncoderDecoder.example(EncoderDecoder.tiny()[0], torch.Generator().manual_seed(0))


def test_writing_step_by_step_gives_what_is_computed_at_once(net):
    inputs = {name: one for name, one in example().items() if not name.startswith("answer") or "before" in name}
    at_once = net(**inputs)
    state = net.encode(**inputs)
    for place in range(2):
        logits, state = net.step(state, inputs["answer_before"][:, place])
        torch.testing.assert_close(logits, at_once[:, place])


def test_padding_changes_nothing(net):
    inputs = example()
    wider = {name: torch.nn.functional.pad(one, (0, 3)) for name, one in inputs.items()}
    wider["text"][:, 4:] = 5
    torch.testing.assert_close(net(**wider)[:, :2], net(**inputs))


def test_what_comes_later_is_hidden_from_what_is_written(net):
    inputs = example()
    changed = {**inputs, "answer_before": inputs["answer_before"].clone()}
    changed["answer_before"][:, 1] = 3
    assert torch.equal(net(**changed)[:, 0], net(**inputs)[:, 0])
    assert not torch.allclose(net(**changed)[:, 1], net(**inputs)[:, 1])


def test_rows_are_reversed_up_to_their_padding():
    rows = torch.tensor([[1.0, 2, 3, 0], [4, 0, 0, 0], [0, 0, 0, 0]])[:, :, None]
    turned = reversed_rows(rows, rows[:, :, 0] > 0)
    assert turned[:, :, 0].tolist() == [[3, 2, 1, 0], [4, 0, 0, 0], [0, 0, 0, 0]]


def test_both_directions_agree_with_torch_on_packed_rows():
    torch.manual_seed(0)
    ours, theirs = PaddedRecurrence(3, 4, both=True), torch.nn.GRU(3, 4, batch_first=True, bidirectional=True)
    for name, weight in ours.onward.named_parameters():
        theirs.get_parameter(name).data.copy_(weight.data)
    for name, weight in ours.backward_reading.named_parameters():
        theirs.get_parameter(f"{name}_reverse").data.copy_(weight.data)
    x, lengths = torch.randn(3, 5, 3), torch.tensor([5, 2, 1])
    mask = torch.arange(5) < lengths[:, None]
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    read, last = theirs(packed)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(read, batch_first=True)
    torch.testing.assert_close(ours(x, mask), expected)
    torch.testing.assert_close(ours.summary(ours(x, mask), mask), torch.cat([last[0], last[1]], 1))
