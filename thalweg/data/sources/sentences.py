"""Sentences of a small grammar: a running text to try language models on, whose every rule a short context tells."""

from itertools import accumulate, pairwise

import torch
from pydantic import Field

from thalweg.core.position import Position
from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.dataset import PARTS
from thalweg.data.running_text import RunningText
from thalweg.data.sources.running_text import BY_PLACE, RunningTextSettings

WHO = ("a cat", "a dog", "the old man", "the girl", "my aunt", "no one")
DOES = ("sees", "likes", "hears", "follows", "finds")
WHOM = ("the sea", "a bird", "the moon", "an apple", "two mice", "it")


class SentencesSettings(RunningTextSettings):
    """How much text there is, and how it is read."""

    context: int = Field(32, ge=2, le=1 << 16, description="characters of a window, from which each next one is told")
    sentences: int = Field(2000, ge=50, le=1_000_000)


@source("sentences", catalogued=True, task="language-modelling", settings=SentencesSettings, licence="CC0 1.0")
def sentences(asked: Asked[SentencesSettings]) -> RunningText:
    """Sentences such as "my aunt follows two mice.", drawn word by word; the same in every run."""
    settings, generator = asked.settings, Position().inside("sentences").generator("words", by="run")
    drawn = [torch.randint(len(words), (settings.sentences,), generator=generator).tolist() for words in (WHO, DOES, WHOM)]
    text = "".join(f"{WHO[who]} {DOES[does]} {WHOM[whom]}.\n" for who, does, whom in zip(*drawn, strict=True))
    edges = [round(len(text) * share) for share in accumulate((getattr(BY_PLACE, part) for part in PARTS), initial=0.0)]
    parts = {part: text[first:last] for part, (first, last) in zip(PARTS, pairwise(edges), strict=True)}
    return RunningText("sentences", parts, settings.context)
