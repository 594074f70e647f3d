"""The page adds up what workers noted and keeps the worst figures."""

from tests.reliability.figures import Row, noted
from tests.reliability.page import page


def test_cases_of_all_workers_are_added_and_the_worst_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_FIGURES", str(tmp_path))
    row = Row("R8", "signals at random moments", "143")
    row.note(20, 20, seconds=1.5)
    row.note(40, 39, seconds=0.5)
    Row("R1", "kills").note(1, 1)
    lines = [line for line in page(noted(tmp_path)).splitlines() if line.startswith("| R")]
    assert lines[0].startswith("| R1 | kills | 1 | 1 |")
    assert lines[1] == "| R8 | signals at random moments | 60 | 59 | 1.5 seconds | 143 |"
