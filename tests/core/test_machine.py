"""The machine's peak: measured once, remembered, and measured anew where it cannot be true."""

import pytest
import torch

from thalweg.core.files import read_json, write_json
from thalweg.core.machine import DTYPES, Peak, measured_peak, peak

CPU = torch.device("cpu")


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_a_peak_is_measured_in_the_precision_that_a_run_has(precision):
    found = measured_peak(CPU, DTYPES[precision])
    assert 1e6 < found.flops < 1e16
    assert 1e6 < found.bandwidth < 1e14


def test_nothing_is_measured_unless_asked_and_what_was_is_remembered(tmp_path):
    assert peak(CPU, "float32", kept=tmp_path, measure=False) is None
    first = peak(CPU, "float32", kept=tmp_path)
    assert peak(CPU, "float32", kept=tmp_path) == peak(CPU, "float32", kept=tmp_path, measure=False) == first
    assert peak(CPU, "float64", kept=tmp_path, measure=False) is None


def test_a_peak_below_what_was_reached_is_measured_anew_and_so_is_one_that_cannot_be_read(tmp_path):
    real = peak(CPU, "float32", kept=tmp_path)
    (kept,) = tmp_path.iterdir()
    write_json(kept, {"flops": 7.0, "bandwidth": 7.0})
    assert peak(CPU, "float32", kept=tmp_path) == Peak(7.0, 7.0)
    assert peak(CPU, "float32", kept=tmp_path, reached=8.0).flops > real.flops / 100
    assert read_json(kept, where="kept")["flops"] > 7.0
    kept.write_text("{")
    assert peak(CPU, "float32", kept=tmp_path).flops > 7.0
