"""Running texts: cut by place, held once, read in windows that are others in every epoch."""

import gzip

import pytest
import torch

from thalweg.core.errors import DataRefusal
from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.data.read import identify, read
from thalweg.data.running_text import RunningText
from thalweg.data.settings import DataSettings
from thalweg.fields.kinds.symbols import UNKNOWN
from thalweg.fields.windows import Windows

VERSE = "The wind blew high, the wind blew low,\nand nobody knew where it wanted to go;\nit took a hat and left\n"
TEXT = "".join(f"{VERSE}verse {i}, of which the end is {i * i}.\n\n" for i in range(90))


def text_of(text=TEXT, length=16):
    edges = [round(share * len(text)) for share in (0, 0.8, 0.9, 0.9, 1)]
    names = ("train", "validation", "calibration", "test")
    return RunningText("verse", dict(zip(names, map(lambda a, b: text[a:b], edges, edges[1:]), strict=True)), length)


def test_the_text_lies_once_and_in_bytes_whatever_is_read_of_it():
    stored = text_of().batches("train", size=8, training=True).store.fields
    assert all(isinstance(one, Windows) for one in stored.values())
    assert stored["text"].values.data_ptr() == stored["next"].values.data_ptr()
    assert stored["text"].values.dtype == torch.uint8
    assert stored["text"].values.nbytes == round(0.8 * len(TEXT))


def test_more_symbols_take_a_wider_type():
    assert text_of("".join(map(chr, range(200, 900))) * 4).codes["train"].dtype == torch.int16


@pytest.mark.parametrize("part", ["validation", "test"])
def test_held_out_parts_are_read_once_through_in_order(part):
    dataset = text_of()
    decode = dataset.encodings["text"].decode
    batches = list(dataset.batches(part, size=8))
    said = "".join("".join(decode(batch["text"])) for batch in batches)
    assert dataset.texts[part].startswith(said)
    assert len(dataset.texts[part]) - len(said) <= 16
    following = "".join("".join(decode(batch["next"])) for batch in batches)
    assert following == dataset.texts[part][1 : 1 + len(said)]
    assert sum(batch.size for batch in batches) == dataset.rows(part)


def starts(dataset, epoch, seed=0):
    batches = dataset.batches("train", size=8, training=True)
    at = [Position(seed=seed, epoch=epoch, index=index) for index in range(batches.length)]
    return torch.cat([batches.at(one).rows for one in at])


def test_an_epoch_reads_every_symbol_once_from_another_first_start_each_time():
    dataset = text_of()
    seen = [starts(dataset, epoch) for epoch in range(6)]
    for one in seen:
        assert (one.sort().values.diff() == 16).all()
        assert one.max() + 16 < len(dataset.codes["train"])
        assert not torch.equal(one, one.sort().values)
    assert len({int(one.min()) for one in seen}) > 2
    assert torch.equal(starts(text_of(), 3), seen[3])
    assert not torch.equal(starts(dataset, 3, seed=1), seen[3])


class OneOfTwo(Processes):
    world = 2

    def __init__(self, rank):
        self.rank = rank


def test_two_processes_read_what_one_would():
    dataset, at = text_of(), Position(seed=4, epoch=2, index=5)
    whole = dataset.batches("train", size=8, training=True).at(at)["text"]
    parts = [dataset.batches("train", size=8, training=True, processes=OneOfTwo(rank)).at(at)["text"] for rank in (0, 1)]
    assert torch.equal(torch.cat(parts), whole)


def test_characters_of_other_parts_are_unknown_and_told():
    dataset = text_of(TEXT[:-4] + "§§§.")
    assert int((dataset.codes["test"] == UNKNOWN).sum()) == 3
    assert any("3 of test" in note for note in dataset.notes)


def test_a_text_too_short_for_its_windows_is_refused():
    with pytest.raises(DataRefusal, match="holds") as refused:
        text_of(length=2000)
    assert refused.value.code == "DATA_SHORT_TEXT"


def test_a_model_reads_another_text_in_its_own_symbols():
    ours = text_of()
    theirs = text_of(TEXT.replace("verse", "stanza")).read_by(ours.encodings)
    assert theirs.encodings is ours.encodings
    assert theirs.rows("train") == 0
    assert theirs.texts["test"].count("stanza") == 90


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_sentences_is_one_text_cut_by_place(tmp_path, packed):
    path = tmp_path / ("input.txt.gz" if packed else "input.txt")
    path.write_bytes(gzip.compress(TEXT.encode()) if packed else TEXT.encode())
    dataset = read(path)
    assert isinstance(dataset, RunningText)
    assert (dataset.name, dataset.facts["task"]) == ("input", "language-modelling")
    assert "".join(dataset.texts.values()) == TEXT
    other = read(path, DataSettings.model_validate({"split": "0.5,0.2,0.1,0.2"}), own={"context": 8})
    assert abs(len(other.texts["train"]) - len(TEXT) / 2) <= 1
    assert other.encodings.input.port.shape == (8,)


def test_a_folder_of_texts_is_one_and_files_named_after_parts_are_these(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.txt").write_text(f"{name}{TEXT}")
    (tmp_path / "README.md").write_text("what it is")
    assert "".join(read(tmp_path).texts.values()) == "\n".join(f"{name}{TEXT}" for name in ("a", "b", "c"))
    for name, part in (("a", "train"), ("b", "valid"), ("c", "test")):
        (tmp_path / f"{name}.txt").rename(tmp_path / f"verse.{part}.txt")
    assert {part: text[0] for part, text in read(tmp_path).texts.items()} == {
        "train": "a",
        "validation": "b",
        "test": "c",
        "calibration": "b",
    }
    (tmp_path / "verse.test.txt").unlink()
    with pytest.raises(DataRefusal, match="no text for test"):
        read(tmp_path)


TABLES = {
    "tabs": "".join(f"{VERSE.splitlines()[i % 3]}\tgood\n" for i in range(90)),
    "commas": "name,town,age\n" + "".join(f"Anna,Northern Harbour,{i}\n" for i in range(90)),
    "words": "".join(f"{word}\n" for word in TEXT.split() * 3),
    "numbers": "".join(f"{i / 7:.5f} {i / 9:.5f}\n" for i in range(300)),
    "blanks": "".join(f"northern harbour town {word}\n" for word in TEXT.split()),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_in_files_of_text_stay_tables(tmp_path, name):
    (tmp_path / "table.txt").write_text(TABLES[name])
    assert identify(tmp_path / "table.txt")[0] == "text-table"


def test_sentences_of_which_columns_are_spoken_are_a_table(tmp_path):
    (tmp_path / "input.txt").write_text(TEXT)
    assert not isinstance(read(tmp_path / "input.txt", DataSettings(delimiter="tab")), RunningText)


def test_folders_of_classes_of_texts_are_no_running_text(tmp_path):
    for label in ("good", "bad"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text(TEXT)
    assert identify(tmp_path)[0] == "texts"
