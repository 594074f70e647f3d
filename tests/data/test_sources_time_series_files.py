"""Series as the UCR and UEA archives write them."""

import numpy as np
import pytest
import torch

from thalweg.core.errors import DataRefusal
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.fields.ragged import Ragged

HEADER = "# waves\n@problemName Waves\n@timeStamps false\n@univariate {one}\n@classLabel true up down\n@data\n"


def written(folder, name, lines, *, one="true"):
    path = folder / name
    path.write_text(HEADER.format(one=one) + "\n".join(lines) + "\n")
    return path


def test_a_training_file_brings_its_test_file_as_the_given_split(tmp_path):
    path = written(tmp_path, "Waves_TRAIN.ts", ["1,2,3:up", "3,2,1:down"])
    written(tmp_path, "Waves_TEST.ts", ["2,3,4:up"])
    for given in (path, tmp_path):
        examples = read(given)
        assert examples.name == "Waves"
        assert np.array_equal(examples.columns["series"], [[1, 2, 3], [3, 2, 1], [2, 3, 4]])
        assert examples.columns["label"] == ["up", "down", "up"]
        assert {part: rows.tolist() for part, rows in examples.given.items()} == {"train": [0, 1], "test": [2]}
        assert examples.notes == ["parts: Waves_TRAIN.ts (2), Waves_TEST.ts (1); series of 3 steps"]


def test_channels_stand_between_colons_and_rows_may_differ_in_length(tmp_path):
    lines = [f"{','.join(['0.5'] * n)}:{','.join(['1.5'] * n)}:{'up' if n % 2 else 'down'}" for n in range(2, 42)]
    examples = read(written(tmp_path, "Waves.ts", lines, one="false"))
    assert examples.columns["series"][3].shape == (5, 2)
    dataset = encode(examples, DataSettings(), seed=0)
    stored = dataset.store.fields["series"]
    assert isinstance(stored, Ragged)
    values, mask = stored.gather(torch.tensor([0, 3]))
    assert values.shape == (2, 2, 5)
    assert mask.sum(1).tolist() == [2, 5]


def test_a_gap_lies_on_the_line_between_its_neighbours_and_is_said(tmp_path):
    examples = read(written(tmp_path, "Waves.ts", ["1,?,3,NaN:up", "1,2,3,4:down"]))
    assert np.array_equal(examples.columns["series"][0], [1, 2, 3, 3])
    assert "gaps in 1 series" in examples.notes[1]


def test_every_bad_line_is_named_by_its_number(tmp_path):
    lines = ["1,2,3:up", "1,x,3:up", "1,2,3:left", "1,2:1,2:up", "1,2,3", "?,?:up"]
    with pytest.raises(DataRefusal) as refused:
        read(written(tmp_path, "Waves.ts", lines))
    said = str(refused.value)
    assert refused.value.code == "DATA_BAD_LINES"
    for part in (
        "5 lines of Waves.ts",
        "line 8: x is no number",
        "line 9: its label",
        "line 10: it has 2 channels, 1 are usual",
        "line 12: channel 1 holds no value",
    ):
        assert part in said, said


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("@problemName Waves\n1,2:up\n", "no line @data"),
        ("@timeStamps true\n@data\n(0,1),(1,2):up\n", "time stamps"),
        ("@data\n# nothing\n", "no line stands after @data"),
    ],
)
def test_what_is_no_file_of_series_is_refused(tmp_path, text, what):
    path = tmp_path / "Waves.ts"
    path.write_text(text)
    with pytest.raises(DataRefusal, match=what):
        read(path)


def test_numbers_to_predict_are_read_as_such(tmp_path):
    path = tmp_path / "Heat_TRAIN.ts"
    path.write_text("@univariate true\n@targetlabel true\n@data\n1,2:0.5\n2,3:1.5\n")
    examples = read(path)
    assert examples.columns["label"] == [0.5, 1.5]
    assert examples.kinds["label"] == "number"
