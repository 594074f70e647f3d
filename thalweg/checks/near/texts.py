"""Texts that are other texts with a word or two changed."""

import numpy as np
import scipy

from thalweg.checks.copies import Copy, copy_findings
from thalweg.checks.finding import Finding
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.checks.words import words_of
from thalweg.core.registry import detector

EDITED = Copy("EDITED_TEXTS", "an edited copy", "edited copies", least=0.005)
ALIKE, ALIKE_SHORT = 0.6, 0.75
LEAST_WORDS, SHORT_WORDS = 4, 8
RATHER_ALIKE, FEW_WORDS = 0.4, 24
"""A word or two are much of a short text: less agreement will do, ..."""
NEARER, SURPRISE = 0.7, 5.0
"""... if the third most alike text is far less so, and what both share hardly stands in two texts by chance (in nats)."""
COMMON = 400
"""A word that more texts have proposes no pair."""


@detector("edited-texts", turn=4)
def edited_texts(subject: Subject) -> list[Finding]:
    """Pairs whose sets of words overlap, rare words counting more.

    Reference: Chaudhuri, Ganti & Kaushik 2006, doi:10.1109/ICDE.2006.9 (candidates by their rarest words).
    """
    found = []
    for one in subject.prose:
        rows = subject.sample(np.arange(len(one)), most=100_000, hurried=20_000, what="edited copies")
        found += copy_findings(subject, near_pairs(one, rows), EDITED)
    return found


def near_pairs(one: Seen, rows: np.ndarray) -> np.ndarray:
    """(P, 2) rows whose texts are alike and not the same words in order."""
    words = [words_of(str(one.column[row])) for row in rows.tolist()]
    sizes = np.asarray([len(set(text)) for text in words])
    known: dict[str, int] = {}
    codes = [
        np.unique([known.setdefault(word, len(known)) for word in text]) if text else np.zeros(0, np.int64) for text in words
    ]
    if not known:
        return np.zeros((0, 2), dtype=np.int64)
    frequency = np.bincount(np.concatenate(codes).astype(np.int64), minlength=len(known))
    weight = np.log((len(rows) + 1) / frequency)
    whole = np.asarray([weight[text].sum() for text in codes])
    candidates = _candidates(codes, weight, whole, frequency, sizes)
    shared = _shared(candidates, codes, weight)
    union = whole[candidates[:, 0]] + whole[candidates[:, 1]] - shared
    least = sizes[candidates].min(axis=1)
    ratio = shared / np.maximum(union, 1e-12)
    alike = ratio >= np.where(least >= SHORT_WORDS, ALIKE, ALIKE_SHORT)
    third = _third(candidates, ratio, len(rows))[candidates].max(axis=1)
    alike |= (least <= FEW_WORDS) & (1 - ratio <= NEARER * (1 - third)) & (shared >= 2 * np.log(len(rows)) + SURPRISE)
    chosen = candidates[alike & (ratio >= RATHER_ALIKE) & (least >= LEAST_WORDS)]
    same = np.asarray([words[i] == words[j] for i, j in chosen.tolist()], dtype=bool)
    return rows[chosen[~same]] if len(chosen) else chosen


def _candidates(
    codes: list[np.ndarray], weight: np.ndarray, whole: np.ndarray, frequency: np.ndarray, sizes: np.ndarray
) -> np.ndarray:
    """(P, 2) pairs that share one of their rarest words: whoever overlaps enough must."""
    row, column = [], []
    for i, text in enumerate(codes):
        if sizes[i] < LEAST_WORDS:
            continue
        order = text[np.argsort(-weight[text], kind="stable")]
        before = np.cumsum(weight[order]) - weight[order]
        prefix = order[before <= (1 - (RATHER_ALIKE if sizes[i] <= FEW_WORDS else ALIKE)) * whole[i]]
        prefix = prefix[(frequency[prefix] > 1) & (frequency[prefix] <= COMMON)]
        row += [i] * len(prefix)
        column += prefix.tolist()
    table = scipy.sparse.csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(len(codes), len(weight)))
    both = scipy.sparse.triu(table @ table.T, k=1).tocoo()
    pairs = np.stack([both.row, both.col], axis=1).astype(np.int64)
    ratio = np.minimum(*whole[pairs].T) / np.maximum(np.maximum(*whole[pairs].T), 1e-12) if len(pairs) else np.zeros(0)
    return pairs[ratio >= RATHER_ALIKE]


def _third(pairs: np.ndarray, ratio: np.ndarray, count: int) -> np.ndarray:
    """(count,) how alike the third most alike text is; 0 where there are not so many."""
    ends, ratios = pairs.T.ravel(), np.concatenate([ratio, ratio])
    order = np.lexsort((-ratios, ends))
    ends, ratios = ends[order], ratios[order]
    third = np.zeros(count)
    places = np.flatnonzero(ends[2:] == ends[:-2]) + 2
    fresh = places[(places == 2) | (ends[places - 3] != ends[places])]
    third[ends[fresh]] = ratios[fresh]
    return third


def _shared(pairs: np.ndarray, codes: list[np.ndarray], weight: np.ndarray) -> np.ndarray:
    """(P,) the weight of the words that both texts have."""
    lengths = [len(text) for text in codes]
    row = np.repeat(np.arange(len(codes)), lengths)
    column = np.concatenate(codes).astype(np.int64)
    weighted = scipy.sparse.csr_matrix((weight[column], (row, column)), shape=(len(codes), len(weight)))
    plain = scipy.sparse.csr_matrix((np.ones(len(column)), (row, column)), shape=(len(codes), len(weight)))
    found = [
        np.asarray(weighted[pairs[at : at + 50_000, 0]].multiply(plain[pairs[at : at + 50_000, 1]]).sum(axis=1)).ravel()
        for at in range(0, len(pairs), 50_000)
    ]
    return np.concatenate(found) if found else np.zeros(0)
