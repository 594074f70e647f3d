"""How it learned: the loss it was trained by, and what it reached on validation rows along the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from thalweg.evaluation.figures import Unit, written
from thalweg.report.charts import curve
from thalweg.report.incidents import parts, spikes
from thalweg.report.loss_chart import both_losses
from thalweg.report.markup import columns, figure, folded, paragraph, section, table, text
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import best_of, learned, losses_said

WATCHED = "validation."
COURSE = "How it learned"
SAME = "log-loss"
"""The metric that is the same measure as the usual loss of classes."""


def learning_section(facts: Facts) -> str:
    """Curves of loss and validation."""
    met = "".join(paragraph(one) for one in (spikes(facts), parts(facts)))
    if len(facts.history) < 2:
        return section("learning", COURSE, met) if met else ""
    course = Course.of(facts)
    charts = [_validation(facts, course), _losses(facts, course)]
    tables = folded("The same as a table", _table(facts, course), of=COURSE) if any(charts) else ""
    return section("learning", COURSE, columns(*charts) + met + _between(facts) + tables)


def _between(facts: Facts) -> str:
    """What ships where that is not what was learned last; nothing elsewhere."""
    share = facts.rule.get("between")
    if share is None:
        return ""
    way = "halfway" if share == 0.5 else f"{written(float(share), 2)} of the way"
    said = f"What was kept, and measured here, lies {way} from the weights that the last stage began with to those it learned."
    return paragraph(said, kind="quiet")


def _places(lines: Sequence[dict[str, Any]]) -> tuple[str, list[float]]:
    """What counts along the way: epochs, else steps, else evaluations where there are several stages."""
    if len({line.get("stage", 0) for line in lines}) > 1:
        return "evaluation", [float(i + 1) for i in range(len(lines))]
    for name in ("epoch", "step"):
        places = [float(line.get(name) or 0) for line in lines]
        if len(set(places)) == len(places):
            return name, places
    return "evaluation", [float(i + 1) for i in range(len(lines))]


@dataclass(frozen=True)
class Course:
    """How a training went.

    Attributes:
        lines: one for each evaluation.
        places: what counts along the way, and `axis` what that is.
        watched: the metric by which the best weights are told; `best` the last line at which it was best.
    """

    lines: Sequence[dict[str, Any]]
    axis: str
    places: Sequence[float]
    watched: str
    best: int | None
    kept: bool

    @staticmethod
    def of(facts: Facts) -> "Course":
        """The course that a run's files tell."""
        lines = facts.history
        axis, places = _places(lines)
        stopping = facts.settings.get("stopping") or {}
        names = [name.removeprefix(WATCHED) for line in lines for name in line if name.startswith(WATCHED)]
        watched = str(stopping.get("metric") or (names[0] if names else ""))
        values = [line.get(WATCHED + watched) for line in lines]
        there = [float(one) for one in values if isinstance(one, int | float)]
        higher = facts.unit(watched).better == "higher"
        best = best_of(there, higher=higher)[0] if there and len(there) == len(values) else None
        return Course(lines, axis, places, watched, best, stopping.get("keep", "best") == "best")

    @property
    def mark(self) -> str:
        """The words at the best point."""
        return f"{'kept' if self.kept else 'best'}, {self.axis} {written(self.places[self.best or 0], 0)}"

    def points(self, name: str) -> list[tuple[float, float]]:
        """What a column of the lines came to, by place."""
        found = zip(self.places, (line.get(name) for line in self.lines), strict=True)
        return [(place, float(value)) for place, value in found if isinstance(value, int | float)]


def _losses(facts: Facts, course: Course) -> str:
    """The loss it was trained by, with that of validation rows where both are the same measure."""
    trained, held = course.points("loss"), course.points(WATCHED + SAME)
    if len(trained) < 2:
        return ""
    if len(held) != len(trained) or facts.loss_of_its_own:
        return _loss(trained, course.axis)
    marked = course.best if course.watched == SAME else None
    said = losses_said(trained, held, axis=course.axis)
    label = f"loss in training and on validation rows by {course.axis}"
    picture = both_losses(trained, held, label=label, axis=course.axis, marked=marked, mark=course.mark, said=said)
    return figure(picture, said, title="Loss")


def _validation(facts: Facts, course: Course) -> str:
    """The metric that was watched; the headline where the loss was watched, which has a picture of its own."""
    both = course.watched == SAME and not facts.loss_of_its_own
    name = str(facts.headline.get("name") or course.watched) if both else course.watched
    points = course.points(WATCHED + name)
    if len(points) < 2:
        return ""
    unit = facts.unit(name)
    values, higher = [y for _, y in points], unit.better == "higher"
    title = f"{unit.title[:1].upper()}{unit.title[1:]} on validation rows"
    if name == course.watched:
        best = best_of(values, higher=higher)[0]
        said = learned(values, [x for x, _ in points], higher=higher, kept=course.kept, axis=course.axis)
    else:
        best = min(course.best or 0, len(points) - 1)
        at, kept = f"{course.axis} {written(points[best][0], 0)}", "were kept" if course.kept else "were the best"
        said = f"The weights of {at} {kept}, where the loss on validation rows was lowest."
    label = f"{unit.title} on validation rows by {course.axis}"
    picture = curve(points, unit, label=label, axis=course.axis, marked=best, mark=course.mark, said=said)
    return figure(picture, said, title=title)


def _loss(points: list[tuple[float, float]], axis: str) -> str:
    first, last = points[0][1], points[-1][1]
    way = "fell" if last < first else "rose" if last > first else "stayed"
    caption = f"The loss it was trained by {way} from {first:.3g} to {last:.3g}, by {axis}.".replace("-", "−")
    return figure(
        curve(points, None, label=f"training loss by {axis}", axis=axis, said=caption), caption, title="Training loss"
    )


def _table(facts: Facts, course: Course) -> str:
    lines = course.lines
    names = [
        name for name in dict.fromkeys(name for line in lines for name in line) if name == "loss" or name.startswith(WATCHED)
    ]
    titles = ["loss" if name == "loss" else facts.unit(name.removeprefix(WATCHED)).title for name in names]
    rows = [
        [written(place, 0), *(_value(facts, name, line.get(name)) for name in names)]
        for place, line in zip(course.places, lines, strict=True)
    ]
    return table([course.axis, *titles], rows, named=COURSE)


def _value(facts: Facts, name: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(value, int | float):
        return "–"
    unit: Unit = facts.unit(name.removeprefix(WATCHED))
    return text(unit.value(value, None) if name != "loss" else written(value, 4))
