"""FASTA: sequences with labels from headers or from files, and what is no FASTA refused by its lines."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.refusing import expect_refusal
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

DRAW = np.random.default_rng(0)


def letters(length: int = 60) -> str:
    return "".join(DRAW.choice(list("ACGT"), length))


def fasta(path: Path, headers: list[str], *, width: int = 40) -> Path:
    rows = [(header, letters()) for header in headers]
    lines = [f">{header}\n" + "\n".join(one[i : i + width] for i in range(0, 60, width)) for header, one in rows]
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("form", ["seq{i} some words {label}", "seq{i}|{label}", "seq{i} class={label}"])
def test_a_label_is_what_recurs_in_headers(tmp_path: Path, form: str):
    headers = [form.format(i=i, label=("donor", "acceptor")[i % 2]) for i in range(30)]
    examples = read(fasta(tmp_path / "sites.fa.gz", headers))
    assert examples.columns["label"][:2] == ["donor", "acceptor"]
    assert examples.columns["id"][:2] == ["seq0", "seq1"]
    assert {len(one) for one in examples.columns["sequence"]} == {60}
    assert examples.roles == {"id": "id", "label": "target"}
    assert any("label by headers: acceptor (15), donor (15)" in note for note in examples.notes)


def test_headers_without_classes_give_no_target(tmp_path: Path):
    examples = read(fasta(tmp_path / "a.fasta", [f"seq{i}" for i in range(30)]))
    assert list(examples.columns) == ["id", "sequence"]
    assert any("headers tell no classes" in note for note in examples.notes)


def test_files_of_a_folder_are_classes(tmp_path: Path):
    fasta(tmp_path / "promoter.fa", [f"p{i}" for i in range(20)])
    fasta(tmp_path / "other.fa.gz", [f"o{i}" for i in range(30)])
    examples = read(tmp_path)
    assert len(examples) == 50
    assert any("label by the files' names: other (30), promoter (20)" in note for note in examples.notes)
    dataset = encode(examples, DataSettings(), seed=0)
    assert dataset.encodings["sequence"].alphabet == "nucleotides"
    assert [one.name for one in dataset.encodings.inputs] == ["sequence"]


def test_files_that_are_parts_are_the_split(tmp_path: Path):
    for name, rows in (("train", 30), ("test", 10)):
        fasta(tmp_path / f"{name}.fa", [f"s{i} {('a', 'b')[i % 2]}" for i in range(rows)])
    examples = read(tmp_path)
    assert {part: len(rows) for part, rows in examples.given.items()} == {"train": 30, "test": 10}
    assert set(examples.columns["label"]) == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("ACGT\n>a\nACGT\n", "does not begin with a header", 1),
        (">a\nACGT\n>b\n>c\nACGT\n", "a header without a sequence", 3),
        (">a\nACGT\n>b\n1,2,3\n", "no letters of a sequence", 4),
    ],
)
def test_what_is_no_fasta_is_refused_by_its_line(tmp_path: Path, text: str, said: str, line: int):
    (tmp_path / "a.fa").write_text(text)
    with expect_refusal("DATA_FASTA", exit_code=3) as caught:
        read(tmp_path / "a.fa")
    assert said in caught.value.what
    assert str(line) in caught.value.where
