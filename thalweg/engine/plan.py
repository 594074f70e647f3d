"""The speed plan: how the steps of a stage are run. Equal seed and equal plan give equal bits."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from thalweg.core.settings import Settings

PLAIN = "plain"
"""Steps by the rule, one by one, as the run's settings have them."""


class SpeedPlan(Settings):
    """How steps are run; what is left out is as the run's settings have it. One that changes nothing is called `plain`."""

    program: str = Field("", description="what takes the steps; empty: the rule, one by one")
    compiled: bool = Field(False, description="forward and backward pass are compiled by torch before the first step")
    ahead: bool = Field(False, description="rows are finished once, before the first step")
    lanes: int = Field(1, ge=1, le=256, description="parts of a batch that are computed side by side")
    threads: int | None = Field(None, ge=1, le=4096)
    precision: Literal["float32", "float64", "bfloat16", "float16", "tf32"] | None = None
    memory_format: Literal["plain", "channels-last"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the user wrote
        return {} if given == PLAIN else given

    def as_json(self) -> Any:  # noqa: ANN401
        """What differs from plain steps, or `plain`."""
        return self.model_dump(mode="json", exclude_defaults=True) or PLAIN

    @property
    def told(self) -> str:
        """The plan in words: `dense-chain, 2 threads`; `plain` where it changes nothing that can be noticed."""
        side_by_side = f"{self.lanes} lanes" if self.lanes > 1 else ""
        threads = f"{self.threads} thread{'s' if self.threads != 1 else ''}" if self.threads and not side_by_side else ""
        order = {None: "", "plain": "channels first", "channels-last": "channels last"}[self.memory_format]
        compiled = "compiled" if self.compiled else ""
        told = [self.program, compiled, self.precision, order, side_by_side, threads]
        return ", ".join(filter(None, told)) or PLAIN


def _named(given: Any) -> str:  # noqa: ANN401 - whatever the user wrote
    """Which of both is meant, so that only what is wrong with that one is told."""
    return "plan" if isinstance(given, list | tuple) else "name"


Speed = Annotated[
    Annotated[Literal["plain", "probe"], Tag("name")] | Annotated[list[SpeedPlan], Field(min_length=1), Tag("plan")],
    Discriminator(_named),
]
"""Plain steps, what a probe finds, or a plan for each stage, of which the last one holds for all that follow."""


def in_words(plans: Sequence[Any]) -> Any:  # noqa: ANN401
    """Plans for a settings file: `plain` where all of them are."""
    return PLAIN if all(plan == PLAIN for plan in plans) else list(plans)
