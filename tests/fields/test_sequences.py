"""Sequences of letters: told by their letters, cut into words, known by their place where they are aligned."""

import numpy as np
import pytest
import torch

from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Look
from thalweg.fields.inference import infer
from thalweg.fields.kinds.text import Text
from thalweg.fields.sequences import ALPHABETS, alphabet_of

DRAW = np.random.default_rng(0)
MOLECULES = ["CC(C)NCC(O)COc1cccc2ccccc12", "C(=O)(OC(C)(C)C)CCCc1ccc(cc1)N(CCCl)CCCl", "C[C@H](N)C(=O)O", "CN1CCCC1"]


def drawn(letters: str, rows: int = 60, length: int = 40) -> list[str]:
    return ["".join(DRAW.choice(list(letters), length)) for _ in range(rows)]


@pytest.mark.parametrize(
    ("values", "alphabet"),
    [
        (drawn("ACGT"), "nucleotides"),
        (drawn("acgu"), "nucleotides"),
        (drawn("ACDEFGHIKLMNPQRSTVWY"), "amino acids"),
        (MOLECULES, "molecules (SMILES)"),
        (drawn("0123456789abcdef"), ""),
        (["Anna Maria", "Bo", "NCI"], ""),
        (["CI", "CM", "CA"], ""),
        (["A", "C", "G", "T"], ""),
        ([str(2**60 + i * i) for i in range(60)], ""),
        ([f"C{10_000_000 + 7 * i}" for i in range(60)], ""),
        (["http://example.org/a", "http://example.org/b"], ""),
        (["AB-123-X" * 4, "CD-456-Y" * 4], ""),
        ([None, ""], ""),
    ],
)
def test_letters_tell_what_a_sequence_is_of(values: list[str], alphabet: str):
    assert alphabet_of(values) == alphabet


def test_what_is_no_sequence_is_told_as_fast_as_what_is():
    assert alphabet_of(["ACGT" * 100_000 + "!"]) == alphabet_of(["CC(" * 100_000 + "!"]) == ""


def test_nucleotides_are_cut_into_runs_and_molecules_into_atoms():
    assert ALPHABETS["nucleotides"].cut("acgta c") == ["ACGT", "CGTA", "GTAC"]
    assert ALPHABETS["nucleotides"].cut("ac") == ["AC"]
    assert ALPHABETS["molecules (SMILES)"].cut("C[C@@H](Cl)Br") == ["C", "[C@@H]", "(", "Cl", ")", "Br"]


def test_sequences_are_texts_and_no_ids():
    values = drawn("ACGT")
    guess = infer("window", values)
    assert guess.kind == "text"
    assert guess.sentence == "window: sequences of nucleotides (--field window=category for categories)"
    assert Look("window", np.asarray(values)).alphabet == "nucleotides"


def test_the_same_letters_in_another_place_are_another_word_of_the_same_shape():
    encoding = Text("x", ["x"]).fit([drawn("ACGT")])
    assert encoding.aligned
    assert encoding.notes == ["x: all of one length, so that letters are known by their place"]
    first, second = (encoding.encode([[text]]).gather([0])[0][0] for text in ("ACGTTTTTT", "TTTTTACGT"))
    word, moved = first[0], second[5]
    assert word[0] != moved[0]
    assert word[1] != moved[1]
    assert torch.equal(word[2:], moved[2:])
    back = Text("x", ["x"]).restore(encoding.state())
    assert (back.alphabet, back.aligned) == ("nucleotides", True)
    assert not Text("x", ["x"]).fit([[*drawn("ACGT"), "ACGT"]]).aligned


def test_a_table_of_sequences_needs_no_option(shared_data):
    dataset = encode(read(shared_data / "splice_uci" / "splice.csv.gz"), DataSettings(), seed=0)
    assert [one.kind for one in dataset.encodings.inputs] == ["text"]
    assert "3 classes" in dataset.notes[0]
