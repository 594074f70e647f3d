"""The settings of a run: everything needed to repeat it. Written to `settings.yaml` before the first step."""

import os
from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field, field_validator

from thalweg.core.settings import Choice, Settings
from thalweg.data.settings import DataSettings
from thalweg.engine.plan import Speed
from thalweg.metrics._margin import read_margin
from thalweg.training.duration import seconds_of

Preset = Literal["fast", "good", "best"]
Finding = Literal["no", "tell", "use"]
USUAL: Preset = "good"
Augmentation = str | dict[str, dict[str, Any]]


def _usual_speed() -> Speed:
    """As the environment says, else as a probe finds."""
    return cast("Speed", os.environ.get("THALWEG_SPEED") or "probe")


class StoppingSettings(Settings):
    """When to stop before the last step, and which weights are kept."""

    patience: int | None = Field(None, ge=1, description="evaluations without improvement before stopping")
    keep: Literal["best", "last"] = Field("best", description="which weights ship: the best on validation, or the last")
    metric: str | None = Field(None, description="what is watched; by default the task's first metric")


class StageSettings(Settings):
    """One part of a run; what is left out stays as in the run's settings.

    Attributes:
        only: rows whose target is one of these values take part (classes that grow); or field to such values.
        rule: settings of the rule that differ in this stage; or a rule of its own by `name`, with all of its settings.
        model: settings of the model that differ in this stage.
    """

    only: list[Any] | dict[str, list[Any]] | None = None
    rule: dict[str, Any] = Field(default_factory=dict)
    model: dict[str, Any] = Field(default_factory=dict)


class RunSettings(Settings):
    """Everything that decides a run's result. Parts that are not named are chosen, and the choice is recorded."""

    version: Literal[1] = 1
    source: str | None = Field(None, description="what was given as data: a path or a catalogued name")
    source_settings: dict[str, Any] = Field(default_factory=dict, description="settings of a catalogued domain or environment")
    data: DataSettings = DataSettings()
    task: Choice | None = None
    model: Choice | None = None
    rule: Choice | None = None
    weights: str | None = Field(None, description="published weights to begin with: a name of the catalogue, or a file")
    augment: list[Augmentation] | None = None
    stages: list[StageSettings] = Field(default_factory=lambda: [StageSettings()], min_length=1)
    stopping: StoppingSettings = StoppingSettings()
    evaluate_every: int | None = Field(None, ge=1, description="steps between evaluations where there are no epochs")
    checkpoint_seconds: float = Field(
        10.0, gt=0, description="at least so long between checkpoints, and 200 times as long as steps waited for the last one"
    )
    checkpoint_steps: int | None = Field(
        None, ge=1, description="a checkpoint after every so many steps, whatever the clock says"
    )
    checkpoints_kept: int = Field(2, ge=1, le=1000)
    seed: int = Field(0, ge=0, lt=2**63)
    device: str = "auto"
    precision: Literal["auto", "float32", "float64", "bfloat16", "float16"] = "auto"
    threads: int | None = Field(None, ge=1, le=4096)
    memory_format: Literal["auto", "plain", "channels-last"] = Field(
        "auto", description="order of convolutions' weights in memory; auto: what suits the device"
    )
    speed: Speed = Field(
        default_factory=_usual_speed,
        description="how steps are run: plain, as a probe finds, or by a plan for each stage",
    )
    deterministic: bool = Field(False, description="what has no deterministic form is refused; else it is told")
    profile: bool = Field(False, description="steps are timed in parts more often, and where the time went is told")
    preset: Preset = Field(USUAL, description="how much effort it is worth: each model says what it has more or less of")
    find_lr: Finding = Field("no", description="a rate is looked for by a range test, and told, or used")
    find_batch_size: Finding = Field("no", description="a batch size is looked for by measuring, and told, or used")
    time_limit: float | None = Field(None, description="seconds from reading the data to the package; or 90s, 2m, 1h30m")
    compare: bool = Field(True, description="baselines are fitted and a verdict is given")
    check: bool = Field(True, description="the data are looked at for defects before anything is learned")
    doctor: bool = Field(True, description="some steps are looked into, and what is wrong with the training is told")
    margin: str | None = Field(None, description="difference that counts as none: 0.02, or 2%")

    @field_validator("augment", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the user wrote
        """One name is a list of one, `none` is an empty one."""
        given = [given] if isinstance(given, str | dict) else given
        return [one for one in given if one != "none"] if isinstance(given, list | tuple) else given

    @field_validator("speed", mode="before")
    @classmethod
    def _each_stage(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the user wrote
        """One plan is a list of one."""
        return [given] if isinstance(given, Mapping) else given

    @field_validator("time_limit", mode="before")
    @classmethod
    def _in_seconds(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the user wrote
        """A duration as people write it."""
        return None if given is None else seconds_of(given)

    @field_validator("find_lr", "find_batch_size", mode="before")
    @classmethod
    def _wanted(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the user wrote
        """True is to be told, false not to look; so are yes and no of YAML."""
        return {True: "tell", False: "no"}[given] if isinstance(given, bool) else given

    @field_validator("margin", mode="before")
    @classmethod
    def _understood(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the user wrote
        """A number may stand for its text."""
        if given is not None:
            read_margin(str(given))
        return None if given is None else str(given)
