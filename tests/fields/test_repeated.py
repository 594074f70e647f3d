"""Columns that know their distinct words: arrays of text to all others, and the same codes in a hundredth of the looks."""

import numpy as np

from thalweg.fields.column import take
from thalweg.fields.kinds.category import Category
from thalweg.fields.repeated import Repeated
from thalweg.fields.spelling import Spelling

TEXTS = ["blue", "red", "", "blue", "green", "n/a", "red", "blue", "red", "blue", "red", "green"]


def column():
    found = Spelling().read(list(TEXTS))
    assert isinstance(found, Repeated)
    return found


def test_text_that_recurs_is_read_as_an_array_that_knows_its_words():
    found = column()
    assert found.tolist() == ["" if text == "n/a" else text for text in TEXTS]
    assert found.words[found.places].tolist() == found.tolist()


def test_rows_that_are_taken_keep_their_words():
    found = column()
    for part in (found[2:7], found[[5, 1, 1]], found[found == "red"], take(found, [3, 0])):
        assert isinstance(part, Repeated)
        assert part.words[part.places].tolist() == part.tolist()


def test_what_is_no_column_of_these_words_any_more_does_not_claim_to_know_them():
    found = column()
    for other in (found.copy(), found.reshape(3, 4), np.sort(found), found.astype("U9"), np.concatenate([found, found])):
        assert getattr(other, "places", None) is None
    assert str(found[1]) == "red"


def test_a_category_codes_it_as_it_codes_plain_text():
    kind = Category("colour", ["colour"]).fit([np.array(["blue", "red"])])
    found, plain = column(), np.array(column().tolist())
    assert type(plain) is np.ndarray
    assert kind.encode([found]).tolist() == kind.encode([plain]).tolist() == kind.encode([plain.tolist()]).tolist()
    assert kind.unseen([found]) == kind.unseen([plain]) == {"colour": ["green", "green"]}
    assert kind.unseen([found[found != "green"]]) == {"colour": []}


def test_text_that_hardly_recurs_is_a_plain_array():
    assert type(Spelling().read(["a", "b", "c", "a"])) is np.ndarray
