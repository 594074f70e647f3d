"""The bench: its tables say what was measured, and every torch peer at hand learns the perceptron."""

from pathlib import Path

import pytest

from benchmarks.peers.job import Clock, Job, lacks, names, tool, workload
from benchmarks.peers.measuring import Found, Plan, Turn, excuse, fastest, turns
from benchmarks.peers.tables import geometric_mean, ratio, rows, summary, table
from benchmarks.peers.workloads.adult import COUNTS, NET
from thalweg.core import registry
from thalweg.training.scaled import scaled

ON_TORCH = ("gather", "hugging_face", "lightning", "loop", "skorch")


def told(name: str, kind: str, number: int, **found: object) -> Found:
    """A process of a tool in its usual setting on the perceptron."""
    given = {"seconds": 1.0, "rates": (), "score": None, "cache": "", "variant": "float32", "failed": ""} | found
    cache, variant = given.pop("cache"), given.pop("variant")
    return Found(Turn("perceptron", name, variant, kind, cache), number, **given)


def measured() -> list[Found]:
    """Two rounds of two tools: ours twice and four times as fast, and in half and in a fifth of the time once it is warm."""
    ours = {"variant": "probe32", "cache": "warm"}
    return [
        told("loop", "both", 0, seconds=4.0, rates=(90.0, 100.0, 110.0), score=0.9),
        told("loop", "both", 1, seconds=10.0, rates=(100.0, 100.0, 1.0), score=0.8),
        told("thalweg", "whole", 0, seconds=8.0, score=0.9, **ours | {"cache": "cold"}),
        told("thalweg", "whole", 0, seconds=2.0, score=0.9, **ours),
        told("thalweg", "rate", 0, rates=(200.0, 200.0), **ours),
        told("thalweg", "whole", 1, seconds=2.0, score=0.9, **ours),
        told("thalweg", "rate", 1, rates=(400.0,), **ours),
        told("skorch", "both", 0, failed="out of memory"),
    ]


def test_a_rate_is_the_median_over_epochs_and_a_ratio_is_paired_by_round() -> None:
    found = rows(measured(), "perceptron")
    ours, loop = found["thalweg", "probe32"], found["loop", "float32"]
    assert loop.rates == {0: 100.0, 1: 100.0}
    rate, time = ratio(ours.rates, loop.rates), ratio(loop.again, ours.again)
    assert rate is not None
    assert (rate.low, rate.middle, rate.high) == (2.0, 3.0, 4.0)
    assert time is not None
    assert (time.low, time.middle, time.high) == (2.0, 3.5, 5.0)
    assert ours.cold == {0: 8.0}
    assert loop.scores == [0.9, 0.8]


def test_what_failed_has_no_row() -> None:
    assert ("skorch", "float32") not in rows(measured(), "perceptron")


def test_a_geometric_mean_is_the_root_of_the_product() -> None:
    assert geometric_mean([1.0, 4.0, 16.0]) == pytest.approx(4.0)
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


def test_tables_show_the_fastest_first_with_what_ours_is_ahead_by() -> None:
    shown = list(rows(measured(), "perceptron").values())
    tools = {name: tool(name) for name in ("loop", "thalweg")}
    lines = table(workload("perceptron"), shown, tools)
    assert lines[2].startswith("| **thalweg** |")
    assert "3.00 (2.00 – 4.00)" in lines[3]
    assert "3.50 (2.00 – 5.00)" in lines[3]
    assert lines[3].endswith("| 0.850 |")
    assert summary({"perceptron": shown, "again": shown}, tools)[-1] == "| plain loop, DataLoader | 3.00 | 3.50 | 2 |"


def test_what_builds_begins_cold_and_then_runs_warm(tmp_path: Path) -> None:
    plan = Plan(["perceptron"], ["loop"], 2, 1, None, tmp_path)
    assert [(one.kind, one.cache) for one in turns(plan, "perceptron") if one.variant == "compiled"] == [
        ("whole", "cold"),
        ("both", "warm"),
    ]


def test_later_rounds_keep_the_usual_setting_and_the_fastest(tmp_path: Path) -> None:
    plan = Plan(["perceptron"], ["loop"], 2, 1, None, tmp_path)
    found = [told("loop", "both", 0, rates=(rate,), variant=name) for name, rate in (("float32", 2.0), ("fused", 1.0))]
    found += [told("loop", "both", 0, rates=(3.0,), variant="compiled", cache="warm")]
    again = turns(plan, "perceptron", fastest(found, "perceptron"))
    assert [(one.variant, one.cache) for one in again] == [("float32", ""), ("compiled", "warm")], "compiling once is enough"


def test_nothing_of_the_tabular_net_is_left_for_thalweg_to_choose_by_the_rows() -> None:
    chosen = scaled(registry.facts("model", "tabular"), "classification", COUNTS["train"])["settings"]
    assert chosen
    assert set(chosen) <= set(NET)


def test_every_tool_takes_a_workload_or_says_why_not() -> None:
    for name in names("trainers"):
        assert any(not tool(name).refuses(workload(one)) for one in names("workloads")) or name == "fastai"
        assert tool(name).variants[0].usual
    assert excuse(tool("fastai"), workload("perceptron"))


@pytest.mark.parametrize("name", ON_TORCH)
def test_a_torch_peer_trains_the_perceptron(name: str, tmp_path: Path) -> None:
    if lacks(tool(name)):
        pytest.skip(lacks(tool(name)))
    work, clock = workload("perceptron"), Clock()
    raw = {key: one[:64] for key, one in work.read(None).items()}
    raw |= {key.replace("train", "test"): one for key, one in raw.items() if key.startswith("train")}
    learned = tool(name).train(Job(work, raw, "float32", 12, 1, 0, False, tmp_path), clock)
    assert learned > 0.8, "of the rows that it learned from"
    assert len(clock.rates(64)) == 11
