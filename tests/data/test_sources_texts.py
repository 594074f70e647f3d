"""Collections of texts: the catalogued ones, tables of label and text, and folders of text files."""

import gzip

import pytest

from thalweg.core.errors import DataRefusal
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

GOOD, BAD = "a fine and moving film", "a dull and empty film"
REAL = {
    "sst2": (9613, 2, {"train": 6920, "validation": 872, "test": 1821}),
    "mr": (10_662, 2, {"test": 1068, "train": 9594}),
    "trec": (5952, 6, {"train": 5452, "test": 500}),
    "sms-spam": (5574, 2, {}),
    "ag-news-subset": (17_601, 4, {"train": 10_001, "test": 7600}),
}


@pytest.mark.parametrize("name", REAL)
def test_catalogued_texts_are_whole(shared_data, name):
    examples = read(name)
    rows, classes, parts = REAL[name]
    assert len(examples) == rows
    assert examples.facts["classes"] == sorted(set(examples.columns["label"]))
    assert len(examples.facts["classes"]) == classes
    assert {part: len(numbers) for part, numbers in examples.given.items()} == parts
    assert examples.facts["licence"]


def test_texts_of_a_set_are_read_packed_or_plain(tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_DATA", str(tmp_path))
    (tmp_path / "trec").mkdir()
    (tmp_path / "trec" / "TREC.train").write_text("NUM:dist How far is it ?\nLOC:city Where is it ?\n", encoding="utf-8")
    (tmp_path / "trec" / "TREC.test.gz").write_bytes(gzip.compress("HUM:ind Who is it , caf\u00e9 ?\n".encode("cp1252")))
    examples = read("trec")
    assert examples.columns["label"] == ["NUM", "LOC", "HUM"]
    assert examples.columns["text"][2] == "Who is it , caf\u00e9 ?"


@pytest.mark.parametrize(
    ("content", "code"), [(b"no label here", "DATA_DAMAGED_FILE"), (None, "DATA_FILE_MISSING")], ids=["unlabelled", "missing"]
)
def test_a_set_that_is_not_whole_is_refused(tmp_path, monkeypatch, content, code):
    monkeypatch.setenv("THALWEG_DATA", str(tmp_path))
    (tmp_path / "trec").mkdir()
    (tmp_path / "trec" / "TREC.test").write_bytes(b"NUM:dist How far ?\n")
    if content is not None:
        (tmp_path / "trec" / "TREC.train").write_bytes(content)
    with pytest.raises(DataRefusal) as refused:
        read("trec")
    assert refused.value.code == code


def kinds(path):
    dataset = encode(read(path), DataSettings(), seed=0)
    return {one.name: (one.kind, one.role) for one in dataset.encodings.values()}


@pytest.mark.parametrize(
    ("name", "head", "order"),
    [
        ("SMSSpamCollection", "", "{label}\t{text}\n"),
        ("SMSSpamCollection.txt", "", "{label}\t{text}\n"),
        ("reviews.tsv", "label\ttext\n", "{label}\t{text}\n"),
        ("reviews.tsv", "", "{text}\t{label}\n"),
        ("reviews.csv", "text,label\n", '"{text}, it is",{label}\n'),
        ("reviews.csv", "sentiment,review\n", '{label},"{text}, it is"\n'),
    ],
)
def test_two_columns_are_a_text_and_its_label_with_or_without_names(tmp_path, name, head, order):
    rows = [
        order.format(label=label, text=f"{text}{' indeed' * (i % 5)} number {i}")
        for i in range(20)
        for label, text in (("good", GOOD), ("bad", BAD))
    ]
    (tmp_path / name).write_text(head + "".join(rows), encoding="utf-8")
    found = kinds(tmp_path / name)
    assert sorted(found.values()) == [("category", "target"), ("text", "input")]


@pytest.mark.parametrize("split", [False, True])
def test_folders_of_classes_of_text_files_are_read(tmp_path, split):
    for part in ("train", "test") if split else ("",):
        for label, text in (("good", GOOD), ("bad", BAD)):
            (tmp_path / part / label).mkdir(parents=True)
            for i in range(10):
                (tmp_path / part / label / f"{i}.txt").write_text(f"{text} {i}\nand its second line", encoding="utf-8")
    examples = read(tmp_path)
    assert examples.facts["classes"] == ["bad", "good"]
    assert examples.columns["text"][0] == f"{BAD} 0\nand its second line"
    assert set(examples.given) == ({"train", "test"} if split else set())
    assert kinds(tmp_path) == {"text": ("text", "input"), "class": ("category", "target")}


def test_a_class_without_texts_is_refused_in_the_words_of_texts(tmp_path):
    for label in ("good", "bad", "odd"):
        (tmp_path / label).mkdir()
    for label in ("good", "bad"):
        (tmp_path / label / "1.txt").write_text(GOOD, encoding="utf-8")
    with pytest.raises(DataRefusal, match="no texts in 1 of 3 folders") as refused:
        read(tmp_path)
    assert refused.value.code == "DATA_EMPTY_CLASS"
