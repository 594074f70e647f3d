"""The bench on the command line: trains, prints each process as it ends, then two tables, and saves both.

Table 1 shows every setting that computes in float32; table 2 each tool at the setting in which it was fastest here. With all
workloads and tools it takes an hour or more on two cores that nothing else wants; Ctrl-C shows what was measured until then.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.child import versions
from benchmarks.peers.job import HERE, Tool, lacks, tool, workload
from benchmarks.peers.measuring import Found, Plan, all_names, measure
from benchmarks.peers.tables import Key, Row, best, rows, summary, table

RESULTS = HERE.parent / "results"


def main() -> None:
    given = _given()
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(os.environ["THALWEG_DATA"]) if os.environ.get("THALWEG_DATA") else None
        if data is None:
            print("THALWEG_DATA is not set: digits of scikit-learn, enlarged, stand in for MNIST", file=sys.stderr)
        named = all_names("workloads", given.only), all_names("trainers", given.tools)
        plan = Plan(*named, given.rounds, given.threads, data, Path(scratch), lean=given.lean)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        begun, found = time.monotonic(), list[Found]()
        try:
            for one in measure(plan):
                found.append(one)
                print(_line(one), file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            print("stopped: what was measured until now follows", file=sys.stderr)
    facts = machine(given) | {"seconds": round(time.monotonic() - begun)}
    tools = {name: tool(name) for name in plan.tools}
    text = "\n".join([*_heading(facts), *written(found, plan, tools)])
    print(text)
    _save(given.out, facts, found, text)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help="workloads, parted by commas: " + ", ".join(all_names("workloads", None)))
    parser.add_argument("--tools", help="tools, parted by commas: " + ", ".join(all_names("trainers", None)))
    parser.add_argument("--rounds", type=int, default=2, help="how often all take their turn (default 2)")
    parser.add_argument("--threads", type=int, default=2, help="cores for each process, the same for all (default 2)")
    parser.add_argument("--lean", action="store_true", help="leave out what is not the usual setting: the first table alone")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results (default benchmarks/results)")
    return parser.parse_args()


def _line(one: Found) -> str:
    turn = one.turn
    told = f"{max(one.rates):,.0f}/s" if one.rates else ""
    scored = f"score {one.score:.4f}" if one.score is not None else ""
    name = f"{turn.workload} · {turn.tool} · {turn.variant} · {turn.kind} {turn.cache}".strip()
    said = one.failed and f"failed: {one.failed.splitlines()[-1]}"
    return "  ".join(filter(None, [f"{one.round + 1}", name, f"{one.seconds:.2f} s", told, scored, said]))


def machine(given: argparse.Namespace) -> dict[str, Any]:
    """What figures depend on: machine, commit, versions, threads, load."""
    said = Path("/proc/cpuinfo")
    models = (
        [line.split(":")[1].strip() for line in said.read_text().splitlines() if "model name" in line] if said.exists() else []
    )
    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "commit": _commit(),
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "threads": given.threads,
        "rounds": given.rounds,
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "variables": {name: value for name, value in os.environ.items() if name.startswith(("OMP_", "GOMP_", "MKL_"))},
        "versions": versions(),
    }


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


def _heading(facts: Mapping[str, Any]) -> list[str]:
    installed = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return [
        "# thalweg beside its peers",
        "",
        f"{facts['date']} UTC · commit {facts['commit']} · {facts['processor']}, {facts['threads']} of {facts['cores']} cores"
        f" · rounds: {facts['rounds']}, in {facts['seconds'] / 60:.0f} minutes · load {facts['load']:.1f} at the end",
        "",
        installed,
        "",
        "Rates are medians over epochs after the first, then over rounds; in brackets the least and the largest round. A whole",
        "process is one from its start to its end with the score of held-out rows; *again* means with what an earlier one",
        "compiled or measured. Ratios are paired by round.",
    ]


def written(found: Sequence[Found], plan: Plan, tools: Mapping[str, Tool]) -> list[str]:
    """Both tables and what is to be said beside them."""
    every = {name: made for name in plan.workloads if (made := rows(found, name))}
    equal = {name: [row for row in made.values() if _float32(row, tools)] for name, made in every.items()}
    fastest = {name: list(best(made, lambda row: row.rate).values()) for name, made in every.items()}
    usual = {name: [row for row in shown if tools[row.tool].variant(row.variant).usual] for name, shown in equal.items()}
    lines = ["", "## Every tool in float32", "", *summary(usual, tools)]
    for name, shown in equal.items():
        lines += ["", *table(workload(name), shown, tools)]
    lines += ["", "## Every tool at the setting in which it was fastest here", "", *summary(fastest, tools)]
    for name, shown in fastest.items():
        lines += ["", *table(workload(name), shown, tools)]
    return lines + _beside(found, plan, tools)


def _float32(row: Row, tools: Mapping[str, Tool]) -> bool:
    return tools[row.tool].variant(row.variant).precision in ("float32", "float64")


def _beside(found: Sequence[Found], plan: Plan, tools: Mapping[str, Tool]) -> list[str]:
    """What was not measured, and why; what failed."""
    lines = [f"- {one.title}: {lacks(one)}" for one in tools.values() if lacks(one)]
    refused: dict[tuple[str, str], list[str]] = {}
    for name in plan.workloads:
        for one in tools.values():
            if not lacks(one) and (why := one.refuses(workload(name))):
                refused.setdefault((one.title, why), []).append(name)
    lines += [f"- {title}, {', '.join(places)}: {why}" for (title, why), places in refused.items()]
    failed: dict[tuple[str, Key], str] = {}
    for one in found:
        if one.failed:
            failed[one.turn.workload, (one.turn.tool, one.turn.variant)] = one.failed.splitlines()[-1]
    lines += [f"- {tools[key[0]].title} ({key[1]}), {name}: failed: {said}" for (name, key), said in failed.items()]
    return ["", "## Not measured", "", *lines] if lines else []


def _save(folder: Path, facts: Mapping[str, Any], found: Sequence[Found], text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"peers-{facts['date'].replace(':', '').replace(' ', '-')}"
    (folder / f"{stem}.json").write_text(json.dumps({**facts, "found": [one.as_json() for one in found]}, indent=1))
    (folder / f"{stem}.md").write_text(text + "\n")
    print(f"\nsaved as {folder / stem}.json and .md", file=sys.stderr)


if __name__ == "__main__":
    main()
