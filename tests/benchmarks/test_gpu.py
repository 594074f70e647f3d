"""The bench of a GPU says where there is none, and goes through its work in miniature without one."""

import pytest
import torch

from benchmarks import gpu


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, and the bench would run")
def test_without_a_gpu_it_refuses_in_a_line(monkeypatch):
    monkeypatch.setattr("sys.argv", ["gpu.py"])
    with pytest.raises(SystemExit, match=r"measures on a CUDA GPU, .* finds none here: nothing was run"):
        gpu.main()


def test_a_rehearsal_says_what_stands_in_and_that_its_figures_mean_nothing(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu.py", "--rehearse", "--only", "mnist,transformer"])
    gpu.main()
    where, digits, text = capsys.readouterr().out.splitlines()
    assert "no figure means anything" in where
    assert "digits of 8 x 8 pixels stand in" in digits
    assert "tokens a second" in text
    assert "letters at random" in text
