"""The picture of a learning-rate range test: the loss by the rate, on an axis of powers of ten."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.core import files
from thalweg.core.files import write_text
from thalweg.core.run_folder import RATES, RunFolder
from thalweg.report.charts import Frame, left_of, svg, tick_text, ticks
from thalweg.report.markup import figure, folded, section, table

LOOKS = {"--own": "#08666e", "--other": "#858b94", "--ink": "#18201f", "--soft": "#5f6b69", "--rule": "#dbe1df"}
"""The page's colours, for the picture as a file of its own."""


def rate_section(folder: RunFolder) -> str:
    """The range test with its picture; nothing where no rate was looked for."""
    found = found_rates(folder)
    if not found:
        return ""
    rows = [
        [f"{rate:.3g}", f"{loss:.4g}", f"{mean:.4g}"]
        for rate, loss, mean in list(zip(found["rates"], found["losses"], found["smoothed"], strict=True))[::10]
    ]
    beside = folded("Every tenth step as a table", table(["rate", "loss", "running mean"], rows, named="Loss by learning rate"))
    return section("rate", "Which learning rate?", figure(rate_picture(found), _caption(found), beside=beside))


def write_rates(folder: RunFolder) -> None:
    """Write the picture of a range test into the run's folder, where there was one."""
    found = found_rates(folder)
    if found:
        picture = rate_picture(found)
        for name, colour in LOOKS.items():
            picture = picture.replace(f"var({name})", colour)
        style = "<style>text{font:12px system-ui,sans-serif;fill:#18201f}</style>"
        standing = picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
            "</title>", f"</title>{style}", 1
        )
        write_text(folder.path / RATES, standing + "\n")


def found_rates(folder: RunFolder) -> Mapping[str, Any]:
    """What the range test of a run came to; empty where there was none, or too little to draw."""
    plan = files.read_object(folder.plan, where=folder.plan.name) if folder.plan.is_file() else {}
    found = (plan.get("found") or {}).get("rate")
    return found if isinstance(found, dict) and len(found.get("rates") or ()) > 2 else {}


def rate_picture(found: Mapping[str, Any]) -> str:
    """Losses as dots, their running mean as a line, the suggested rate and the one in use marked."""
    places = [math.log10(rate) for rate in found["rates"]]
    low, high = min(found["smoothed"]), found["smoothed"][0]
    room = 0.25 * (high - low) or 1.0
    span = (low - room, high + room)
    frame = Frame((places[0], places[-1]), span, left=left_of(span), height=232, bottom=38)
    seen = [(x, min(max(y, span[0]), span[1])) for x, y in zip(places, found["losses"], strict=True)]
    means = [(x, min(max(y, span[0]), span[1])) for x, y in zip(places, found["smoothed"], strict=True)]
    cloud = "".join(f'<circle cx="{frame.px(x):.1f}" cy="{frame.py(y):.1f}" r="1.6" fill="var(--other)"/>' for x, y in seen)
    path = " ".join(f"{frame.px(x):.1f},{frame.py(y):.1f}" for x, y in means)
    line = f'<polyline points="{path}" fill="none" stroke="var(--own)" stroke-width="2.5" stroke-linejoin="round"/>'
    return svg(frame, "Loss by learning rate", _ground(frame) + cloud + line + _marks(frame, found, means))


def _ground(frame: Frame) -> str:
    """Powers of ten below, losses at the left."""
    right, base = frame.width - frame.right, frame.height - frame.bottom
    up = ticks(*frame.y)
    step = up[1] - up[0] if len(up) > 1 else 1.0
    lines = [
        f'<path class="grid" stroke="var(--rule)" d="M{frame.left} {frame.py(y):.1f}H{right}"/>'
        f'<text class="tick" x="{frame.left - 6}" y="{frame.py(y) + 4:.1f}" text-anchor="end">{tick_text(y, step)}</text>'
        for y in up
    ]
    across = range(math.ceil(frame.x[0] - 1e-9), math.floor(frame.x[1] + 1e-9) + 1)
    lines += [
        f'<text class="tick" x="{frame.px(power):.1f}" y="{base + 16}" text-anchor="middle">{10.0**power:g}</text>'
        for power in across
    ]
    middle = (frame.left + right) / 2
    return (
        "".join(lines) + f'<text class="tick" x="{middle:.1f}" y="{frame.height - 4}" text-anchor="middle">learning rate</text>'
    )


def _marks(frame: Frame, found: Mapping[str, Any], means: Sequence[tuple[float, float]]) -> str:
    """The rate in use as a line with its words below the curve, and the suggested one, where there is one, on the curve too."""
    usual, suggested = found["usual"], found.get("suggested")
    if not suggested:
        return _line(frame, usual, "usual", above=False)
    x, y = min(means, key=lambda mean: abs(mean[0] - math.log10(suggested)))
    dot = f'<circle cx="{frame.px(x):.1f}" cy="{frame.py(y):.1f}" r="5" fill="var(--own)"/>'
    return _line(frame, usual, "usual", above=False) + _line(frame, suggested, "suggested", above=True) + dot


def _line(frame: Frame, rate: float, name: str, *, above: bool) -> str:
    """A rate as a dashed line, its words left of it below all curves, or a line of words above that place."""
    x, base = frame.px(math.log10(rate)), frame.height - frame.bottom
    words = f'<text class="tick" x="{x - 5:.1f}" y="{base - (22 if above else 7)}" text-anchor="end">{rate:g} {name}</text>'
    return f'<path d="M{x:.1f} {frame.top}V{base}" stroke="var(--other)" stroke-dasharray="3 3"/>{words}'


def _caption(found: Mapping[str, Any]) -> str:
    usual = f"the usual rate is {found['usual']:g}"
    if not found.get("suggested"):
        return f"The rate was raised at every step. None is suggested: {found['why']}; {usual}."
    return f"The rate was raised at every step: {found['why']}. {found['suggested']:g} is suggested; {usual}."
