"""TREC, questions by what they ask for (Li and Roth 2002, doi:10.3115/1072228.1072378)."""

from thalweg.core.registry import source
from thalweg.data._labelled_lines import examples_of_lines
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples

PARTS = {"train": ("TREC.train",), "test": ("TREC.test",)}


@source(
    "trec",
    catalogued=True,
    task="classification",
    rows=5952,
    licence="none stated; research use",
    address="https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/raw/",
    files=(
        ("TREC.train", 335858, "sha256:9e4c8bdcaffb96ed61041bd64b564183d52793a8e91d84fc3a8646885f466ec3"),
        ("TREC.test", 23354, "sha256:033f22c028c2bbba9ca682f68ffe204dc1aa6e1cf35dd6207f2d4ca67f0d0e8e"),
    ),
)
def trec(asked: Asked) -> Examples:
    """5,952 questions in six classes: abbreviation, description, entity, human, location, number; the official test."""
    return examples_of_lines(asked, "trec", PARTS, _taken)


def _taken(line: str) -> tuple[str, str]:
    label, text = line.split(" ", 1)
    coarse, _ = label.split(":")
    return coarse, text
