"""MR, sentences of film reviews, positive or negative (Pang and Lee 2005, sentence polarity 1.0)."""

from functools import partial

import torch

from thalweg.core.registry import source
from thalweg.data._labelled_lines import examples_of_lines
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples

FILES = {"negative": "rt-polarity.neg", "positive": "rt-polarity.pos"}


@source(
    "mr",
    catalogued=True,
    task="classification",
    rows=10_662,
    licence="none stated; research use",
    stored_as="mr_polarity",
    address="https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/raw/",
    files=(
        ("rt-polarity.neg", 612256, "sha256:4ace77d558c3714723843f1d65b60c01e3417b208180f0728808d76ad0eeeaca"),
        ("rt-polarity.pos", 626139, "sha256:2da124ec187a9d5a29c9f04e91c540e02baed5af8868f550a26bd6fd4dbf8bf0"),
    ),
)
def mr(asked: Asked) -> Examples:
    """10,662 sentences of film reviews, positive or negative; no split is official, every tenth line of a file is the test."""
    both = [examples_of_lines(asked, "mr", {"": (file,)}, partial(_taken, label)) for label, file in FILES.items()]
    examples = both[0]
    places = torch.cat([torch.arange(len(one)) for one in both])
    examples.columns = {name: [*both[0].columns[name], *both[1].columns[name]] for name in both[0].columns}
    examples.given = {"test": (places % 10 == 0).nonzero().flatten(), "train": (places % 10 != 0).nonzero().flatten()}
    examples.notes.append("the test is every tenth line of each file: published figures are for ten folds")
    digests = [one.facts["digest"] for one in both]
    examples.facts |= {"classes": list(FILES), "digest": " ".join(digests)}
    return examples


def _taken(label: str, line: str) -> tuple[str, str]:
    return label, line.strip()
