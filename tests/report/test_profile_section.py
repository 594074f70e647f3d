"""What the page says of where the time of training went."""

from tests.report.runs import results, run_of
from thalweg.report.report import write_report

PARTS = [
    {"name": "input", "seconds": 7.4, "share": 0.74, "milliseconds": 7.4},
    {"name": "forward", "seconds": 2.6, "share": 0.26, "milliseconds": 2.6},
    {"name": "draws", "seconds": 0.0, "share": 0.0, "milliseconds": 0.0},
]
FOUND = {
    "steps": 1000,
    "seconds": 10.0,
    "step_milliseconds": 10.0,
    "rows_per_second": 3200.0,
    "parts": PARTS,
    "timed_in_parts": 24,
    "flops_per_second": 9.2e9,
    "not_counted": "",
    "peak": {"flops": 92e9, "bandwidth": 1e10},
    "share_of_peak": 0.1,
    "memory_bytes": 23e6,
    "bottleneck": "74 % of the time is spent on input: larger batches (--batch-size N) <at once>",
}


def page(tmp_path, **facts):
    return write_report(run_of(tmp_path, results=results(**facts))).read_text(encoding="utf-8")


def test_parts_the_bottleneck_and_the_share_of_the_peak_are_told(tmp_path):
    shown = page(tmp_path, profile=FOUND)
    section = shown[shown.index('<section id="profile"') :]
    section = section[: section.index("</section>")]
    assert "74\u00a0% of the time is spent on input" in section
    assert "<code>--batch-size N</code>) &lt;at once&gt;." in section
    assert "3,200 rows/s in the steps, 9.2 GFLOP/s, 10\u00a0% of the machine&#x27;s measured peak of 92 GFLOP/s." in section
    assert "24 of 1,000 steps were timed in parts" in section
    assert "Memory grew by 23 MB" in section
    assert "<th scope=row>forward<td>26 %<td>2.600<td>2.60" in section
    assert "draws" not in section[: section.index("<details>")]


def test_a_run_without_a_profile_has_no_such_section(tmp_path):
    assert 'id="profile"' not in page(tmp_path)
    assert 'id="profile"' not in page(tmp_path / "other", profile=None)
