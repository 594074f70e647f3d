"""Settings: frozen pydantic models, unknown keys refused, declared once by the part that they belong to."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from thalweg.core.errors import UsageRefusal, did_you_mean


class Settings(BaseModel):
    """The base of every part's settings. Numbers may be given as text, as command lines and YAML 1.1 do."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _default_parts(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the user wrote
        """Settings for a part that is not named are for the one that is the default."""
        if not isinstance(given, Mapping):
            return given
        names = {key: one.default.name for key, one in cls.model_fields.items() if isinstance(one.default, Choice)}
        unnamed = {key for key in names if isinstance(given.get(key), Mapping) and not given[key].get("name")}
        return {**given, **{key: {**given[key], "name": names[key]} for key in unnamed}} if unnamed else given


Count = Annotated[int, Field(ge=1, le=1 << 24)]
"""How many there are of something, at least one: units of a layer, maps, blocks."""


class Choice(Settings):
    """A part chosen by name, with settings of its own: `adamw`, or `{name: adamw, decay: 0.05}`.

    Without a name the settings go to the part that is chosen by default.
    """

    name: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, given: Any) -> Any:  # noqa: ANN401 - whatever the user wrote
        if isinstance(given, str):
            return {"name": given}
        if isinstance(given, Mapping):
            rest = {key: value for key, value in given.items() if key not in ("name", "settings")}
            inner = {} if given.get("settings") is None else given["settings"]
            return {"name": given.get("name", ""), "settings": {**inner, **rest} if isinstance(inner, Mapping) else inner}
        return given


S = TypeVar("S", bound=Settings)


def read_settings(kind: type[S], given: Mapping[str, Any] | S | None, *, where: str) -> S:
    """Validated settings, or one refusal that names every wrong key at once.

    Args:
        given: a mapping of keys to values, ready settings, or None for the defaults.
        where: what the settings belong to, as the user would name it ("model lenet5", "settings.yaml").

    Raises:
        UsageRefusal: unknown keys (nearest name given), or values outside their range.
    """
    if isinstance(given, kind):
        return given
    try:
        return kind.model_validate(dict(given or {}))
    except ValidationError as error:
        raise _refusal(kind, error, where) from None


def _refusal(kind: type[Settings], error: ValidationError, where: str) -> UsageRefusal:
    problems = list(_problems(kind, error))
    unknown = any(problem["type"] == "extra_forbidden" for problem in error.errors())
    correct = f"correct {'it' if len(problems) == 1 else 'them'}"
    return UsageRefusal(
        "SETTING_UNKNOWN" if unknown else "SETTING_INVALID",
        "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else ""),
        where=where,
        why="a setting that is not understood would otherwise be skipped in silence",
        fix=f"{correct}; settings of {where}: {', '.join(kind.model_fields) or 'none'}" if unknown else correct,
        details={"problems": problems},
    )


def _problems(kind: type[Settings], error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        key = ".".join(str(step) for step in problem["loc"]) or "the whole"
        if problem["type"] == "extra_forbidden":
            yield f'unknown setting "{key}" ({did_you_mean(str(problem["loc"][-1]), _known(kind, problem["loc"][:-1]))})'
        else:
            shown = repr(problem["input"])
            message = problem["msg"].removeprefix("Value error, ")
            yield f"{key}: {message[0].lower()}{message[1:]}, got {shown[:60]}"


def _known(kind: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The settings that are known at a place within nested settings."""
    for key in place:
        field = kind.model_fields.get(str(key))
        within = field.annotation if field is not None else None
        if not (isinstance(within, type) and issubclass(within, BaseModel)):
            break
        kind = within
    return list(kind.model_fields)
