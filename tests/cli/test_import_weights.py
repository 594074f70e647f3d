"""`thalweg import-weights`: what it writes, what it says, and what it refuses."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

import thalweg as tw


def checkpoint(path: str, **further) -> dict[str, torch.Tensor]:
    weights = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).state_dict()
    torch.save({"model": weights, **further}, path)
    return weights


def test_weights_are_written_as_safetensors_and_told(line):
    weights = checkpoint("a.pt", epoch=3, optimizer={"state": {0: {"moment": torch.zeros(3)}}})
    ran = line("import-weights", "a.pt")
    assert ran.code == 0, ran.err
    found = load_file("a.safetensors")
    assert all(torch.equal(found[name], one) for name, one in weights.items())
    told = " ".join(ran.out.split())  # lines end where the terminal does
    assert '7 tensors of 28 values (6 float32, 1 int64), under "model"' in told
    assert "left out epoch, optimizer (1 tensor)" in told
    assert "thalweg train PHOTOS --model NAME --weights a.safetensors" in told


def test_what_was_written_reads_again_and_the_same(line):
    checkpoint("a.pt")
    assert line("import-weights", "a.pt", "--out", "b/c.safetensors").code == 0
    facts = json.loads(line("import-weights", "b/c.safetensors", "--out", "d.safetensors", "--json").out)
    assert Path("b/c.safetensors").read_bytes() == Path("d.safetensors").read_bytes()
    assert (facts["form"], facts["values"], facts["left_out"]) == ("a safetensors file", 28, {})


def test_tied_and_turned_tensors_are_written_for_themselves(line):
    matrix = torch.randn(5, 4)
    torch.save({"matrix": matrix, "tied": matrix, "turned": matrix.t()}, "a.pt")
    assert "1 with the same values as another (tied)" in line("import-weights", "a.pt").out
    found = load_file("a.safetensors")
    assert torch.equal(found["tied"], matrix)
    assert torch.equal(found["turned"], matrix.t())


def test_nothing_is_written_over_unasked_and_never_what_is_read(line):
    checkpoint("a.pt")
    Path("a.safetensors").write_text("mine")
    assert line.refused(2, "import-weights", "a.pt")["code"] == "OUT_EXISTS"
    assert Path("a.safetensors").read_text() == "mine"
    assert line("import-weights", "a.pt", "--force").code == 0
    assert line.refused(2, "import-weights", "a.safetensors", "--force")["code"] == "OUT_EXISTS"
    assert line.refused(2, "import-weights", "a.pt", "--out", "b.pt")["code"] == "OUT_UNKNOWN_FORMAT"
    assert line.refused(4, "import-weights", "absent.pt")["code"] == "WEIGHTS_NOT_FOUND"
    assert line.refused(4, "import-weights", ".")["code"] == "WEIGHTS_UNREADABLE"


def test_a_refused_file_leaves_nothing_behind(line):
    torch.save(nn.Linear(2, 2), "whole.pt")
    told = line.refused(4, "import-weights", "whole.pt", "--out", "b.safetensors")
    assert told["code"] == "WEIGHTS_WHOLE_MODEL"
    assert "torch.save(model.state_dict(), 'weights.pt')" in told["fix"]
    assert sorted(path.name for path in Path().iterdir()) == ["whole.pt"]


def test_python_and_the_command_line_say_the_same(line):
    checkpoint("a.pt", epoch=1)
    facts = json.loads(line("import-weights", "a.pt", "--json").out)
    assert tw.import_weights("a.pt", force=True) == {name: one for name, one in facts.items() if name != "next"}
