"""Texts: how they are split, what is said of odd ones, and what words that training never saw are known by."""

import numpy as np
import pytest
import torch

from thalweg.core.errors import DataRefusal
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode, encode_columns, remarks
from thalweg.data.settings import DataSettings
from thalweg.fields.encoding import Encodings
from thalweg.fields.inference import infer
from thalweg.fields.kinds.text import Text
from thalweg.fields.words import HASHES, MOST_PIECES, hashed, pieces, shape, words

GOOD, BAD = "a fine and moving film", "a dull and empty film"


def fitted(column, **wishes):
    text = Text("t", ["t"]).heed(wishes)
    text.check([column])
    return text.fit([column])


def codes(text, value):
    return text.encode([[value]]).row(0)[:, 0].tolist()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It's well-known: 3 films!", ["It's", "well-known", ":", "3", "films", "!"]),
        ("我喜欢电影。", ["我", "喜", "欢", "电", "影", "。"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("great🙂👍", ["great", "🙂", "👍"]),
        ("ﬁlm Ａ", ["film", "A"]),
        ("e\u0301te\u0301", ["\u00e9t\u00e9"]),
        ("", []),
        (" \t\n", []),
    ],
)
def test_texts_of_any_script_are_split_into_words(text, found):
    assert words(text) == found


def test_a_word_is_known_by_few_pieces_however_long_it_is():
    assert pieces("cat") == ["<ca", "cat", "at>", "<cat", "cat>", "<cat>"]
    assert len(pieces("x" * 5000)) == MOST_PIECES


def test_shapes_tell_shouting_numbers_and_names_apart():
    assert [shape(word) for word in ("WIN", "Paris", "plain", "0845")] == ["X", "Xx", "x", "9 4"]


def test_hashes_are_the_same_in_every_process_and_never_that_of_nothing():
    assert hashed("film") == 312_903  # CRC-32, modulo 2**20 - 1, plus one
    assert all(0 < hashed(str(i)) < HASHES for i in range(1000))


def test_the_most_frequent_words_come_first_and_case_is_folded():
    text = fitted(["The film the", "film THE end"])
    assert text.words == ["the", "film", "end"]
    assert codes(text, "THE other") == [2, 1]
    assert fitted(["The film the"], text_case="keep").words == ["The", "film", "the"]


def test_an_unknown_word_is_still_known_by_its_pieces():
    text = fitted(["films are good"])
    film, films = (set(text.encode([[one]]).row(0)[0, 3:].tolist()) - {0} for one in ("film", "films"))
    assert codes(text, "film") == [1]
    assert len(film & films) >= 5


def test_each_distinct_word_is_held_once():
    stored = fitted([GOOD]).encode([[GOOD, BAD] * 500])
    assert stored.values.dtype == torch.int32
    assert (len(stored.values), len(stored.table)) == (5000, 7)
    gathered, mask = stored.gather(torch.tensor([0, 1]))
    assert torch.equal(gathered[0], stored.row(0))
    assert mask.all()


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ([f"{GOOD} number {i}" for i in range(40)], "text"),
        ([f"这部电影很好看{i}" for i in range(40)], "text"),
        ([f"Braund, Mr. Owen {chr(65 + i)}." for i in range(26)], "text"),
        (["never married yet", "was married once"] * 20, "category"),
        ([f"ticket {i}" for i in range(40)], None),
    ],
)
def test_prose_is_told_from_categories_and_names(column, kind):
    assert infer("t", column).kind == kind


def example(texts):
    labels = ["good", "bad"] * (len(texts) // 2)
    return Examples("reviews", {"text": texts, "label": labels})


def test_txt_01_texts_without_a_word_are_read_and_named_and_none_but_such_are_refused():
    texts = [f"{one} {i}" for i in range(20) for one in (GOOD, BAD)]
    dataset = encode(example([*texts[:-2], "", "  \u200b"]), DataSettings(), seed=0)
    assert "2 texts without a word, rows 38, 39" in " ".join(dataset.notes)
    with pytest.raises(DataRefusal, match="no row") as refused:
        encode(example([" ", ""] * 20), DataSettings(fields={"text": "text"}), seed=0)
    assert refused.value.code == "DATA_EMPTY_TEXTS"


@pytest.mark.parametrize(("share", "told"), [(0.02, "2.5 %"), (0.8, "80.0 %")])
def test_txt_02_long_texts_are_cut_and_their_share_is_said(share, told):
    texts = [f"{one} {i}" for i in range(20) for one in (GOOD, BAD)]
    long = max(1, int(share * len(texts)))
    dataset = encode(example([f"{one} more" * 20 for one in texts[:long]] + texts[long:]), DataSettings(text_length=10), seed=0)
    assert f"({told}) cut to 10 words" in " ".join(dataset.notes)
    assert int(dataset.store.fields["text"].lengths.max()) == 10


def test_txt_03_signs_that_hide_or_break_are_taken_out_or_marked():
    assert words("pay\u200bpal \u202egnp.exe\u202c a\x00b \ud800x") == ["paypal", "gnp", ".", "exe", "a", "b", "\ufffd", "x"]
    text = fitted([GOOD, "half \ud83d and \udc00"])
    back = Encodings.from_json(Encodings([text]).as_json())["t"]
    assert torch.equal(back.encode([["half \ud83d"]]).row(0), text.encode([["half \ud83d"]]).row(0))


def test_txt_04_codes_beyond_the_vocabulary_do_not_arise():
    text = fitted([GOOD])
    anything = ["".join(map(chr, np.random.default_rng(i).integers(1, 60_000, 50).tolist())) for i in range(20)]
    values, _ = text.encode([anything]).gather(torch.arange(20))
    assert all(int(values[..., i].max()) < size for i, size in enumerate(text.port.sizes))


def test_txt_05_texts_in_words_never_seen_are_warned_of():
    encodings = Encodings([fitted([GOOD, BAD])])
    strange = {"t": ["ein ganz und gar anderer Text", "den niemand je gelesen hat"]}
    assert "100 % of the words are unknown" in " ".join(remarks(encodings, strange))
    assert remarks(encodings, {"t": [GOOD, "a moving and empty day"]}) == []
    assert len(encode_columns(encodings, strange).fields["t"]) == 2


def test_what_is_no_text_is_refused_with_its_rows():
    with pytest.raises(DataRefusal, match="1 of 3 values"):
        fitted([GOOD, 7, None])


def test_new_words_take_codes_after_those_known():
    text = fitted([GOOD])
    before = codes(text, GOOD)
    text.extend([[BAD]])
    assert codes(text, GOOD) == before
    assert min(codes(text, "dull empty")) == 2 + 5
