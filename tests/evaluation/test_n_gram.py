"""N-grams: probabilities are those of Kneser and Ney, counted here by hand and one by one."""

from collections import Counter

import numpy as np
import pytest

from thalweg.evaluation.baselines.n_gram import KneserNey, _discounts
from thalweg.models.classical.n_gram import NGram


def windows(text, length):
    codes = np.array([ord(sign) - ord("a") for sign in text])
    starts = np.arange(0, len(codes) - length, length)[:, None] + np.arange(length)
    return codes[starts], codes[starts + 1]


def by_hand(rows, target, order, size):
    """A function from a context to probabilities, by the formulas alone."""
    stretches = [[*row, follows[-1]] for row, follows in zip(rows.tolist(), target.tolist(), strict=True)]
    grams = [Counter(tuple(s[i : i + n]) for s in stretches for i in range(len(s) - n + 1)) for n in range(1, order + 1)]
    counts = [Counter(longer[1:] for longer in grams[n + 1]) for n in range(order - 1)] + [grams[-1]]

    def told(context):
        if context is None:
            return np.full(size, 1 / size)
        n = len(context)
        here = {gram[-1]: count for gram, count in counts[n].items() if gram[:-1] == context}
        below = told(context[1:] if context else None)
        if not here:
            return below
        taken = _discounts(np.array(list(counts[n].values())))
        left = sum(taken[min(count, 3)] for count in here.values())
        found = below * left
        for symbol, count in here.items():
            found[symbol] += count - taken[min(count, 3)]
        return found / sum(here.values())

    return told


@pytest.fixture(scope="module")
def counted():
    letters = np.random.default_rng(0).choice(list("aaabbcdab"), 600)
    text = "".join(letters[i] if i % 3 else "ab"[i % 2] for i in range(600))
    return windows(text, 8)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_every_probability_is_that_of_the_formulas(counted, order):
    rows, target = counted
    size = int(max(rows.max(), target.max())) + 1
    model, told = KneserNey(order).fit(rows, target), by_hand(rows, target, order, size)
    found = model.predict_proba(rows[:6])
    for row in range(6):
        for place in range(rows.shape[1]):
            context = tuple(rows[row, max(0, place - order + 2) : place + 1].tolist()) if order > 1 else ()
            np.testing.assert_allclose(found[row, place], told(context), atol=1e-12)


def test_contexts_that_were_never_seen_are_left_to_shorter_ones_and_all_sums_are_one(counted):
    model = KneserNey(5).fit(*counted)
    strange = np.array([[3, 3, 3, 3, 3, 3], [0, 1, 3, 2, 3, 0]])
    found = model.predict_proba(strange)
    assert found.shape == (2, 6, len(model.classes_))
    np.testing.assert_allclose(found.sum(-1), 1.0, atol=1e-12)
    assert (found > 0).all()


def test_its_arrays_answer_alone_and_wrong_ones_are_refused(counted):
    model = KneserNey(3).fit(*counted)
    arrays = model.grams.arrays()
    np.testing.assert_array_equal(NGram.from_arrays(arrays).predict_proba(counted[0]), model.predict_proba(counted[0]))
    for name in ("pointers", "rest", "following", "edges"):
        with pytest.raises(ValueError, match=r"order|contexts|follows|symbols"):
            NGram.from_arrays({**arrays, name: arrays[name][:-1]})


def test_of_many_symbols_only_grams_that_fit_one_number_are_counted():
    rows = np.random.default_rng(0).integers(0, 60_000, (20, 8))
    model = KneserNey(8).fit(rows, rows)
    assert len(model.grams.edges) <= 62 / 15.8
    assert model.grams.edges[0] == 0


def test_codes_beyond_those_of_training_stand_in_no_context():
    """To base 4, a 5 after a 1 has the number of a 1 after a 2."""
    random = np.random.default_rng(0)
    text = random.integers(1, 4, (50, 21))
    fitted = KneserNey(3).fit(text[:, :-1], text[:, 1:])
    assert np.array_equal(fitted.predict_proba(np.array([[1, 5, 2]])), fitted.predict_proba(np.array([[1, 0, 2]])))
