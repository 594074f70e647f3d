"""What `package.json` may say, read strictly: unknown keys are refused, and none of them names anything importable."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from thalweg.core.errors import PackageRefusal, Refusal
from thalweg.core.manifest import MANIFEST
from thalweg.core.settings import Settings, read_settings

DESCRIPTION = "package.json"
_AGAIN = "take another copy, or train it again"


class Named(Settings):
    """A part and its settings."""

    name: str
    settings: dict[str, Any] = Field(default_factory=dict)


class NamedModel(Settings):
    """A registered model or baseline and its settings, or, for the eye only, the class of an external one."""

    name: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    class_: str = Field("", alias="class")


class Described(Settings):
    """All that a package says beside its weights."""

    form: Literal["part", "external", "baseline"]
    model: NamedModel
    task: Named
    encodings: list[dict[str, Any]]
    source: Named | None = None
    shell: Named | None = None
    facts: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not (self.model.class_ if self.form == "external" else self.model.name):
            raise ValueError(f"a package of form {self.form} must name its model")
        if self.form == "external" and (self.model.settings or self.model.name):
            raise ValueError("a model of the user's own has neither name nor settings here: it is given again")
        return self


def is_package(path: Path) -> bool:
    """Whether a folder is a package, be it one that lacks its manifest or its description."""
    return any(os.path.lexists(path / name) for name in (MANIFEST, DESCRIPTION))


def described(value: Any, *, where: str) -> Described:
    """What the package says, every key known and of its type.

    Raises:
        PackageRefusal: keys that are not known (all of them named), missing or of another type.
    """
    if not isinstance(value, dict):
        raise PackageRefusal(
            "PACKAGE_INCOMPLETE",
            f"the description is {type(value).__name__}, not an object",
            where=where,
            why="the model could not be built again",
            fix=_AGAIN,
        )
    with mended_by_another_copy(where):
        return read_settings(Described, value, where=DESCRIPTION)


@contextmanager
def mended_by_another_copy(where: str) -> Iterator[None]:
    """Settings that are refused within were read from a package, so the package is wrong and not what the user asked for.

    Raises:
        PackageRefusal: in the place of every other refusal, and of what a model's constructor raises on sizes that cannot be.
    """
    try:
        yield
    except PackageRefusal:
        raise
    except Refusal as refusal:
        why = "only what is understood is built from a package"
        raise PackageRefusal(
            "PACKAGE_DESCRIPTION", refusal.what, where=where, why=why, fix=_AGAIN, details=refusal.details
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, OverflowError, MemoryError) as error:
        first = (str(error).splitlines() or [""])[0][:160]
        raise PackageRefusal(
            "PACKAGE_INCOMPLETE",
            f"the package does not say all that it must: {type(error).__name__}: {first}",
            where=where,
            why="the model could not be built again",
            fix=_AGAIN,
        ) from None
