"""Texts in another language or script than the others."""

import unicodedata
from collections import Counter

import numpy as np

from thalweg.checks.finding import Finding, counted, shown_rows, verb
from thalweg.checks.function_words import FUNCTION_WORDS
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.checks.words import words_of
from thalweg.core.registry import detector

LEAST_WORDS, LEAST_SHARE, OWN_SHARE = 5, 0.15, 0.1


@detector("text-language", turn=1)
def text_language(subject: Subject) -> list[Finding]:
    """Texts whose function words or letters are of another language than most."""
    return [finding for one in subject.prose for finding in _of_column(one, subject)]


def _of_column(one: Seen, subject: Subject) -> list[Finding]:
    rows = subject.sample(np.arange(len(one)), most=200_000, hurried=20_000, what="another language")
    read = [words_of(str(one.column[row])) for row in rows.tolist()]
    main = _main(read)
    scripts = [_script(words) for words in read]
    usual = Counter(filter(None, scripts)).most_common(1)
    foreign_words = _foreign_words(read, main) if main is not None else {}
    other = []
    for row, words, script in zip(rows.tolist(), read, scripts, strict=True):
        foreign = script != usual[0][0] if script and usual else False
        if foreign or (main is not None and _is_other(words, main, foreign_words)):
            other.append(row)
    if not other:
        return []
    told = main or "the others' language"
    looks = f"{verb(len(other), 'looks', 'look')} to be in another language than {told}"
    what = f'{counted(len(other), "text")} of "{one.name}" {looks} ({shown_rows(other)})'
    return [
        Finding(
            "warn",
            "TEXT_LANGUAGE",
            what,
            "too few to be learned, they are judged with the others.",
            "translate or leave out these rows",
            other,
            one.name,
        )
    ]


def _main(read: list[list[str]]) -> str | None:
    """The language of most texts; None where no list fits well."""
    step = max(1, len(read) // 2000)
    words = [word for text in read[::step] for word in text]
    shares = {language: sum(word in known for word in words) / max(len(words), 1) for language, known in FUNCTION_WORDS.items()}
    best = max(shares, key=lambda language: shares[language])
    return best if shares[best] >= LEAST_SHARE else None


def _foreign_words(read: list[list[str]], main: str) -> dict[str, frozenset[str]]:
    """The function words of the other languages, less those that these texts use beside words of their own language.

    "u wan 2 go" is no Dutch, where most texts that say "u" are English otherwise.
    """
    others = frozenset[str]().union(*(known for language, known in FUNCTION_WORDS.items() if language != main))
    own, every = FUNCTION_WORDS[main] - others, others - FUNCTION_WORDS[main]
    texts, beside = Counter[str](), Counter[str]()
    for words in read:
        found = every.intersection(words)
        if found:
            texts.update(found)
            beside.update(found if sum(word in own for word in words) >= OWN_SHARE * len(words) else ())
    adopted = {word for word, count in texts.items() if count >= 3 and beside[word] >= 0.5 * count}
    return {language: known - adopted for language, known in FUNCTION_WORDS.items() if language != main}


def _is_other(words: list[str], main: str, foreign: dict[str, frozenset[str]]) -> bool:
    if len(words) < LEAST_WORDS:
        return False
    own = sum(word in FUNCTION_WORDS[main] for word in words)
    for known in foreign.values():
        number = sum(word in known for word in words)
        special = bool(known.intersection(words) - FUNCTION_WORDS[main])
        if special and number >= max(2, 2 * own + 1, LEAST_SHARE * len(words)):
            return True
    return False


def _script(words: list[str]) -> str:
    """The script of most letters: LATIN, CYRILLIC, CJK, ...; empty where there are few letters."""
    letters = [sign for word in words[:40] for sign in word if sign.isalpha()]
    if len(letters) < 5:
        return ""
    if all(sign < "\u0250" for sign in letters):
        return "LATIN"
    names = Counter(unicodedata.name(sign, "OTHER").split()[0] for sign in letters)
    return names.most_common(1)[0][0]
