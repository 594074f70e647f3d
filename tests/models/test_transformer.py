"""The decoder has the parameters of its published rows, and writes by memory what it would write by reading again."""

import pytest
import torch

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import load, settings_of
from thalweg.models.transformer import Decoder, DecoderSettings
from thalweg.tasks._writing import chosen, written


def built(name="transformer", symbols=20, context=12, **given):
    torch.manual_seed(0)
    return load("model", name)(Decoder.ports_of(symbols, context), settings_of("model", name, given)).eval()


@pytest.mark.parametrize(
    ("name", "symbols", "context", "count"),
    [
        pytest.param("gpt2", 50257, 1024, 124_439_808, marks=pytest.mark.slow),  # Radford et al. 2019
        ("gpt-char", 65, 64, 804_096 + 9 * 128),  # nanoGPT's, whose nine normalisations have no shifts
    ],
)
def test_published_rows_have_as_many_parameters_as_published(name, symbols, context, count):
    with torch.device("meta"):
        model = built(name, symbols, context)
    assert sum(one.numel() for one in model.parameters()) == count


@pytest.mark.parametrize("name", ["transformer", "gpt-char"])
@pytest.mark.parametrize("length", [9, 30])
def test_memory_changes_no_symbol_that_is_written(name, length):
    model = built(name, layers=2, width=16, heads=2)
    with torch.no_grad():
        model.head.weight.mul_(40.0)  # so that symbols differ in how likely they are
        begun, drawn = torch.tensor([[3, 5, 7], [2, 2, 9]]), torch.rand(2, length, dtype=torch.float64)
        by_memory = written(model, lambda codes: model(text=codes), begun, drawn, longest=12, temperature=1.0)
        kept = begun
        for index in range(length):  # what it does, read anew at every symbol
            shown = kept if kept.shape[1] <= 12 else kept[:, -(6 + (kept.shape[1] - 13) % 7) :]
            told = model(text=shown)[:, -1]
            kept = torch.cat([kept, chosen(told, drawn[:, index], 1.0)[:, None]], 1)
    assert torch.equal(by_memory, kept[:, 3:])
    assert by_memory.shape == (2, length)


def test_what_remembers_nothing_reads_the_last_window():
    seen = []

    def logits(codes):
        seen.append(codes.shape[1])
        return torch.nn.functional.one_hot((codes + 1) % 5, 5).float()

    codes = written(None, logits, torch.tensor([[1]]), torch.rand(1, 6), longest=4, temperature=0.0)
    assert codes.tolist() == [[2, 3, 4, 1, 2, 3]]  # 0 is never written
    assert seen == [1, 2, 3, 4, 4, 4]


def test_symbols_are_drawn_as_often_as_they_are_likely():
    shares = torch.tensor([0.0, 0.1, 0.6, 0.3])
    drawn = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    codes = chosen(shares.log().expand(1000, -1), drawn, 1.0)
    assert torch.bincount(codes, minlength=4).tolist() == [0, 100, 600, 300]
    assert set(chosen(shares.log().expand(1000, -1), drawn, 0.01).tolist()) == {2}


def test_a_window_longer_than_those_learned_is_refused():
    with pytest.raises(UsageRefusal, match="13 symbols"):
        built()(text=torch.zeros(1, 13, dtype=torch.int64))


def test_blocks_that_say_nothing_leave_symbols_as_they_are():
    model = built(layers=2, width=16, heads=2, tied=True)
    with torch.no_grad():
        for block in model.blocks:
            block.attention.write.weight.zero_()
            block.perceptron[2].weight.zero_()
    assert isinstance(settings_of("model", "transformer"), DecoderSettings)
    codes = torch.arange(12)[None]
    x = model.symbols(codes)
    torch.testing.assert_close(model(text=codes), model.last(x) @ model.symbols.weight.T)
