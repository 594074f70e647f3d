"""SMS Spam Collection, English short messages, wanted or spam.

Reference: Almeida, Hidalgo and Yamakami 2011, doi:10.1145/2034691.2034742.
"""

from thalweg.core.registry import source
from thalweg.data._labelled_lines import examples_of_lines
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples


@source(
    "sms-spam",
    catalogued=True,
    task="classification",
    rows=5574,
    licence="CC BY 4.0",
    files=(("sms_spam.tsv", 478232, "sha256:e37f051d283fbbcf3022947cd28a5cccd7b74031ceac43f1c5f930f23c0cbd5c"),),
)
def sms_spam(asked: Asked) -> Examples:
    """5,574 short messages, of which 13 % are spam; no split is official, so parts are drawn."""
    return examples_of_lines(asked, "sms-spam", {"": ("sms_spam.tsv",)}, _taken)


def _taken(line: str) -> tuple[str, str]:
    label, text = line.split("\t", 1)
    quoted = len(text) > 1 and text.startswith('"') and text.endswith('"')
    return label, text[1:-1].replace('""', '"') if quoted else text
