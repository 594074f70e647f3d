"""Searching: a rate or a batch size that is looked for before the first step, kept in the run's plan, used where asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from thalweg.core.settings import Choice
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset
from thalweg.rules._rule import Context
from thalweg.training.batch_search import UPDATES, batch_search, refuse_without_batches
from thalweg.training.planned import Planned
from thalweg.training.rate_test import rate_test
from thalweg.training.requested import overlaid
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Own, Stage, build_stage

RATE, SIZE = "rate", "batch_size"


@dataclass(frozen=True)
class Search:
    """What a search works with.

    Attributes:
        ready: makes the machine ready for a stage that was built (threads).
    """

    settings: RunSettings
    dataset: Dataset
    own: Own
    context: Context
    ready: Callable[[Stage], None]
    talk: Talk

    def into(self, planned: Planned) -> list[tuple[str, list[str]]]:
        """Look for what is wanted and was not found before, and keep it in the plan; gives what is to be said of it."""
        said = []
        if self.settings.find_batch_size != "no" and SIZE not in planned.found:
            rows = self.dataset.rows("train")
            refuse_without_batches(self._stage(planned, {}))
            self.talk.live("batch", "sizes are tried")
            planned.found[SIZE] = found = batch_search(lambda size: self._stage(planned, {SIZE: size}), rows)
            said.append(("batch", told_size(found, rows, used=self.settings.find_batch_size == "use")))
        if self.settings.find_lr != "no" and RATE not in planned.found:
            self.talk.live("rate", "rates are tried, from the lowest up")
            planned.found[RATE] = found = rate_test(self._stage(planned, {}))
            said.append(("rate", _told_rate(found, used=self.settings.find_lr == "use")))
        return said

    def _stage(self, planned: Planned, changed: Mapping[str, Any]) -> Stage:
        stage = build_stage(ruled(found_used(self.settings, planned), changed), 0, self.dataset, self.own, self.context)
        self.ready(stage)
        return stage


def found_used(settings: RunSettings, planned: Planned) -> RunSettings:
    """The settings with what was found, as far as it is to be used."""
    wanted = {RATE: settings.find_lr, SIZE: settings.find_batch_size}
    found = {key: planned.found.get(key, {}).get("suggested") for key, use in wanted.items() if use == "use"}
    return ruled(settings, {key: value for key, value in found.items() if value is not None})


def ruled(settings: RunSettings, changed: Mapping[str, Any]) -> RunSettings:
    """The settings with other ones of the rule."""
    if not changed:
        return settings
    rule = settings.rule or Choice()
    return settings.model_copy(update={"rule": Choice(name=rule.name, settings=overlaid(rule.settings, changed))})


def _told_rate(found: Mapping[str, Any], *, used: bool) -> list[str]:
    usual = f"the usual one is {found['usual']:g}"
    if found["suggested"] is None:
        return [f"none is suggested: {found['why']}; {usual}, and is used"]
    told = f"{found['suggested']:g} is suggested ({usual}): {found['why']}"
    return [told, "it is used" if used else f"the usual one is used; this one: --lr {found['suggested']:g}, or --lr auto"]


def told_size(found: Mapping[str, Any], rows: int | None, *, used: bool) -> list[str]:
    """What a search for a batch size came to, in lines.

    Args:
        rows: there are to learn from; None: without end.
    """
    rates = ", ".join(f"{one['rows']}: {one['per_second']:,.0f}" for one in found["tried"])
    size, fits = found["suggested"], f"about {found['fits']:,}" if found["fits"] != rows else f"all {rows:,}"
    enough = rows is None or size * UPDATES <= rows
    why = (
        f"near the fastest of those that leave {UPDATES} updates in an epoch"
        if enough
        else f"no size leaves {UPDATES} updates in an epoch"
    )
    told = f"{size} rows are suggested: {why}; {fits} would fit into memory"
    other = f"the usual size is used; this one: --batch-size {size}, or --batch-size auto"
    return [told, f"rows a second by size: {rates}", "it is used" if used else other]
