"""AG News, a twelfth of it: news by topic (Zhang, Zhao and LeCun 2015, arXiv:1509.01626)."""

from thalweg.core.registry import source
from thalweg.data._labelled_lines import examples_of_lines
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples

PARTS = {"train": ("dev.tsv",), "test": ("test.tsv",)}


@source(
    "ag-news-subset",
    catalogued=True,
    task="classification",
    rows=17_601,
    licence="non-commercial academic use",
    address="https://raw.githubusercontent.com/forest-snow/alps/3c7ef2c98249fc975a897b27f275695f97d5b7a9/data/agnews/",
    files=(
        ("dev.tsv", 2030410, "sha256:7a0811e0006080bf4de17752c5466450ff3db778be71bc5bcf3c4e99b5f0803d"),
        ("test.tsv", 1530104, "sha256:e4217edd939f618f24a42b0988c56ec3cddf656d8dc279b9afa443dd1ab6a1c1"),
    ),
)
def ag_news_subset(asked: Asked) -> Examples:
    """News of four topics: 10,001 of the 120,000 official training rows, and the official test of 7,600."""
    examples = examples_of_lines(asked, "ag-news-subset", PARTS, _taken)
    share = "10,001 of 120,000 training texts of AG News; figures published for the whole do not compare"
    examples.notes.append(share)
    return examples


def _taken(line: str) -> tuple[str, str]:
    text, label = line.rsplit("\t", 1)
    return label, text
