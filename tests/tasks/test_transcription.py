"""Transcription: digits are read off strips of any width, in handwriting that training never saw."""

import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.position import Position
from thalweg.data._source import Asked
from thalweg.data.batch import Batch
from thalweg.data.settings import DataSettings
from thalweg.data.sources import digit_strips
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.strip import Strip
from thalweg.fields.kinds.tokens import FIRST, Tokens
from thalweg.tasks._alignments import best_path, likeliest
from thalweg.tasks._task import measured
from thalweg.tasks.transcription import Transcription, TranscriptionRequest

FEW = {"source": "digit-strips", "source_settings": {"train": 60, "validation": 20, "calibration": 5, "test": 20, "longest": 3}}


@pytest.fixture
def task():
    strip = Strip("strip", ["strip"]).restore({"height": 4, "mean": 0.0, "deviation": 1.0})
    text = Tokens("text", ["text"], "target").restore({"symbols": ["a", "b"], "texts": True})
    return Transcription(Encodings([strip, text]), Transcription.declaration.settings())


@pytest.mark.slow
def test_strips_of_unseen_digits_are_read(tmp_path):
    settings = {"source": "digit-strips", "source_settings": {"train": 2000, "test": 400, "longest": 4}}
    run = fitted({**settings, "rule": {"epochs": 7}, "evaluate_every": 224}, tmp_path / "run")
    found = measured(run.package.task, run.package.model, run.dataset.batches("test", size=100), at=Position())
    assert found["exact-match"] >= 0.7
    assert found["token-error-rate"] <= 0.12


def test_a_run_cut_anywhere_ends_with_the_same_bits_and_reads_the_same_elsewhere(tmp_path):
    settings = {**FEW, "model": {"widths": [4, 4, 8], "units": 8}, "rule": {"epochs": 4, "batch_size": 32, "average": 0.9}}
    whole = assert_resumes_to_the_same_bits(settings, tmp_path, cuts=(0, 1, 5))
    generator = np.random.default_rng(0)
    strips = {"strip": [generator.integers(0, 256, (10, width), dtype=np.uint8) for width in (9, 30, 17)]}
    assert_new_process_predicts_the_same(whole, whole.folder.model, strips)
    assert_new_process_predicts_the_same(whole, whole.folder.model, strips, {"beams": 4})


def test_each_strip_shows_the_digits_it_says_and_those_only_of_its_own_part():
    settings = digit_strips.DigitStripsSettings(train=40, validation=20, calibration=20, test=30, longest=1, noise=0)
    examples = digit_strips.digit_strips(Asked("digit-strips", DataSettings(), settings))
    assert {part: len(rows) for part, rows in examples.given.items()} == settings.model_dump(exclude={"longest", "noise"})
    pictures, target = np.rint(load_digits().images * (255 / 16)), load_digits().target
    for part, own in digit_strips.images_of_parts(len(pictures)).items():
        for row in examples.given[part].tolist():
            shown = pictures[own[target[own] == int(examples.columns["text"][row])]]
            windows = np.lib.stride_tricks.sliding_window_view(examples.columns["strip"][row], (8, 8))
            assert (windows.reshape(-1, 1, 8, 8) == shown).all((2, 3)).any()


def test_no_digit_image_belongs_to_two_parts():
    parts = digit_strips.images_of_parts(1797)
    assert sorted(index for own in parts.values() for index in own.tolist()) == list(range(1797))


def test_examples_with_too_few_frames_have_no_weight_and_no_gradient(task):
    logits = torch.randn(2, 3, FIRST + 2, requires_grad=True)
    frames = torch.tensor([[True, True, True], [True, True, True]])
    fields = {"strip": torch.zeros(2, 3, 4), "strip_mask": frames}
    fields["text"] = torch.tensor([[4, 5, 0], [4, 4, 5]])  # the second needs four frames: two equal neighbours
    fields["text_mask"] = fields["text"] > 0
    losses = task.objective(lambda **named: (logits, frames), Batch.of(fields))
    assert losses.weight.tolist() == [1, 0]
    assert float(losses.measures["impossible"]) == 0.5
    losses.loss.sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[1] == 0).all()


def spelled(path):
    """Equal neighbours are one symbol; blanks vanish."""
    return tuple(code for code, _ in itertools.groupby(path) if code)


def test_the_best_path_is_read_as_the_paper_says():
    path = torch.tensor([[4, 4, 0, 4, 5, 5, 0], [0, 5, 5, 4, 4, 4, 4]])
    log_p = torch.nn.functional.one_hot(path, 6).float().mul(9).log_softmax(2)
    symbols, sure = best_path(log_p, torch.tensor([[True] * 7, [True] * 4 + [False] * 3]))
    assert [[code for code in row if code >= 0] for row in symbols.tolist()] == [[4, 4, 5], [5, 4]]
    assert float(sure[1]) == pytest.approx(4 * float(log_p.max()), rel=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_with_enough_beams_the_likeliest_of_all_spellings_is_found(seed):
    log_p = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(seed)).log_softmax(2)
    sums = {}
    for path in itertools.product(range(4), repeat=5):
        p = math.exp(sum(float(log_p[0, t, code]) for t, code in enumerate(path)))
        sums[spelled(path)] = sums.get(spelled(path), 0) + p
    best = max(sums, key=sums.get)
    symbols, sure = likeliest(log_p, torch.ones(1, 5, dtype=torch.bool), beams=500)
    assert tuple(code for code in symbols[0].tolist() if code >= 0) == best
    assert math.exp(float(sure)) == pytest.approx(sums[best], rel=1e-5)


def test_codes_that_mean_no_symbol_are_never_read(task):
    logits = torch.zeros(1, 4, FIRST + 2)
    logits[:, :, 1:FIRST] = 50.0
    logits[:, 1, 5] = 9.0
    batch = Batch.of({"strip": torch.zeros(1, 4, 4), "strip_mask": torch.ones(1, 4, dtype=torch.bool)})
    for beams in (1, 3):
        request = TranscriptionRequest(beams=beams)
        said = task.predict(lambda **named: (logits, named["strip_mask"]), batch, Position(), request)
        assert "b" in task.decode(said)["text"][0]
        assert not set(said["tokens"].flatten().tolist()) & {1, 2, 3}
