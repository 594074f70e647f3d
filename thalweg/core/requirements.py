"""What thalweg stands on here: packages that are missing or too old, with the line that installs them. Imports none of them."""

import importlib.metadata
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from thalweg.core.errors import UsageRefusal

PYTHON = (3, 11)
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9.]+)(?:.*extra\s*==\s*['\"]([a-z]+)['\"])?")


@dataclass(frozen=True)
class Need:
    """A package that is needed from some version on; by an extra, or always."""

    name: str
    least: str
    extra: str = ""

    @property
    def install(self) -> str:
        """The line that installs it."""
        return f"pip install 'thalweg[{self.extra}]'" if self.extra else f"pip install '{self.name}>={self.least}'"


def needs(requirements: Iterable[str] | None = None) -> list[Need]:
    """What the installed thalweg declares that it needs.

    Args:
        requirements: lines as in package metadata; None: those of thalweg.
    """
    try:
        lines = requirements if requirements is not None else importlib.metadata.requires("thalweg") or []
    except importlib.metadata.PackageNotFoundError:
        lines = []
    found = [_REQUIREMENT.match(line) for line in lines]
    return [Need(match[1], match[2], match[3] or "") for match in found if match]


def unmet(wanted: Iterable[Need], installed: Mapping[str, str] | None = None) -> list[tuple[Need, str]]:
    """The needs that are not met and the version that is there, empty where none is.

    Args:
        installed: versions by name; None: those of this environment.
    """
    versions = [(need, _version(need.name) if installed is None else installed.get(need.name, "")) for need in wanted]
    return [(need, version) for need, version in versions if _numbers(version) < _numbers(need.least)]


def refuse_unmet(wanted: Iterable[Need], installed: Mapping[str, str] | None = None) -> None:
    """Return if all is there that is always needed.

    Raises:
        UsageRefusal: packages are missing or too old, or this Python is; the line that installs them is given.
    """
    if sys.version_info < PYTHON:
        raise _refusal(f"this is Python {sys.version.split()[0]}", "install Python 3.11 or newer")
    lacking = unmet([need for need in wanted if not need.extra], installed)
    if lacking:
        what = ", ".join(f"{need.name} {version or 'is missing'}" + f" (needed: {need.least})" for need, version in lacking[:5])
        raise _refusal(what, "pip install " + " ".join(f"'{need.name}>={need.least}'" for need, _ in lacking))


def missing(error: ImportError) -> UsageRefusal | None:
    """The refusal for a package that could not be imported, if it is one that thalweg or an extra of it needs."""
    name = (error.name or "").split(".")[0]
    same = [need for need in needs() if _spelled(need.name) == _spelled(name) or need.name in _MODULES.get(name, "")]
    if not same:
        return None
    return _refusal(f"{name} cannot be imported", min(same, key=lambda need: need.extra).install)


_MODULES = {"yaml": "pyyaml", "PIL": "pillow", "sklearn": "scikit-learn", "mlflow": "mlflow-skinny"}
"""Modules that are called otherwise than their package."""


def _refusal(what: str, fix: str) -> UsageRefusal:
    return UsageRefusal("DEPENDENCY_UNMET", what, where=sys.prefix, why="thalweg stands on it", fix=fix)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", version.split("+")[0])[:3])


def _spelled(name: str) -> str:
    return name.casefold().replace("_", "-")
