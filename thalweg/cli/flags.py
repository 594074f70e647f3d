"""Flags and verbs: click's parser with every refusal in our own words; what is given twice is refused."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
from click.core import ParameterSource

from thalweg.core.elsewhere import KNOWN_ELSEWHERE
from thalweg.core.errors import Refusal, UsageRefusal, did_you_mean, nearest
from thalweg.core.talk import Talk


@dataclass(frozen=True)
class Answer:
    """What a verb came to.

    Attributes:
        lines: for people, on standard output.
        facts: the same as JSON values, for `--json`.
        code: exit code.
    """

    lines: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    code: int = 0


@dataclass(frozen=True)
class Page:
    """What answers are laid out for: columns, and whether somebody looks (or a pipe reads)."""

    width: int = 80
    watched: bool = False


Act = Callable[[Mapping[str, Any], Talk, Page], Answer]
"""What a verb does with its flags (by name, `None` where not given)."""


class Flag(click.Option):
    """A flag; given twice with different values it is refused unless it is `many`.

    Args:
        path: the key in the run's settings that it sets, dotted.
    """

    def __init__(self, *names: str, path: str = "", many: bool = False, **told: Any) -> None:
        self.path, self.many = path, many
        once = told.get("is_flag", False)
        super().__init__(list(names), multiple=not once, **told)

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        given = super().process_value(ctx, value)
        if self.many or not self.multiple:
            return given
        distinct = list(dict.fromkeys(given or ()))
        if len(distinct) > 1:
            raise UsageRefusal(
                "FLAG_TWICE",
                f"{self.opts[0]} is given twice: {' and '.join(map(str, distinct))}",
                where=self.opts[0],
                why="only one of them can hold",
                fix="leave one out",
            )
        return distinct[0] if distinct else None


class Verb(click.Command):
    """A verb of the command line.

    Args:
        act: what it does.
        free: flags that it does not declare are collected for the task, as `request`.
        needs_all: it needs the packages that learning needs.
    """

    def __init__(
        self,
        name: str,
        summary: str,
        params: Sequence[click.Parameter],
        act: Act,
        *,
        free: bool = False,
        needs_all: bool = True,
        example: str = "",
    ) -> None:
        shared = [
            Flag("--json", is_flag=True, help="One JSON object on standard output, by docs/json.md."),
            Flag("--quiet", is_flag=True, help="No talk, only the result."),
            Flag("--debug", is_flag=True, help="A refusal shows where it was raised."),
        ]
        super().__init__(name, help=summary, params=[*params, *shared], epilog=example)
        self.act, self.free, self.needs_all = act, free, needs_all

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {name: option for option in self.params if isinstance(option, Flag) for name in option.opts}
        renamed: list[tuple[str, str]] = []
        args = list(_canonical(args, known, renamed))
        for said, meant in renamed:
            ctx.obj.say("note", f"{said} is called {meant} here")
        if self.free:
            args, ctx.meta["request"] = _split_free(args, known)
        return super().parse_args(ctx, args)

    def parsed(self, ctx: click.Context) -> dict[str, Any]:
        """The flags as they were given, by name; None where one was not."""
        given = {name: value if _was_given(ctx, name) else None for name, value in ctx.params.items()}
        return given | {"request": ctx.meta.get("request", {})}


def _was_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (None, ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)


def _canonical(args: Sequence[str], known: Mapping[str, Flag], renamed: list[tuple[str, str]]) -> Iterator[str]:
    """The arguments with underscores and other tools' names put right; what was put right is noted."""
    plain = False
    for token in args:
        plain = plain or token == "--"
        name, equals, value = token.partition("=")
        if plain or not name.startswith("--") or name in known or len(name) < 4:
            yield token
            continue
        word = name[2:].replace("_", "-")
        word = KNOWN_ELSEWHERE.get(word, word)
        if f"--{word}" in known:
            renamed.append((name, f"--{word}"))
            yield f"--{word}{equals}{value}"
        else:
            yield token


def _split_free(args: Sequence[str], known: Mapping[str, Flag]) -> tuple[list[str], dict[str, str | None]]:
    """Arguments that are declared, and those that are asked of the task: `--samples 16`, `--beams=4`; None: named alone."""
    rest: list[str] = []
    request: dict[str, str | None] = {}
    waiting = list(args)
    while waiting:
        token = waiting.pop(0)
        name, equals, value = token.partition("=")
        if token == "--":
            return [*rest, token, *waiting], request
        if not name.startswith("--") or name in (*known, "--help"):
            takes_next = name in known and not equals and not known[name].is_flag and waiting
            rest += [token, waiting.pop(0)] if takes_next else [token]
            continue
        said: str | None = value
        if not equals:
            said = waiting.pop(0) if waiting and not waiting[0].startswith("--") else None
        key = name[2:].replace("-", "_")
        if request.setdefault(key, said) != said:
            raise UsageRefusal(
                "FLAG_TWICE",
                f"{name} is given twice: {request[key] or 'alone'} and {said or 'alone'}",
                where=name,
                why="only one of them can hold",
                fix="leave one out",
            )
    return rest, request


class Number(click.ParamType):
    """A number within a range, whole or not."""

    name = "NUMBER"

    def __init__(self, least: float, most: float, *, whole: bool = True, above: bool = False) -> None:
        self.least, self.most, self.whole, self.above = least, most, whole, above

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        try:
            number = int(value) if self.whole else float(value)
        except ValueError:
            number = math.nan
        fits = self.least < number if self.above else self.least <= number
        if not (fits and number <= self.most):
            raise click.BadParameter(f"{self.range()}, got {str(value)[:40]}", ctx, param)
        return number

    def range(self) -> str:
        """What is allowed, in words."""
        kind = "a whole number" if self.whole else "a number"
        low = f"above {self.least:g}" if self.above else f"from {self.least:,.0f}"
        most = f"{self.most:,.0f}" if self.most < 1e15 else f"{self.most:.3g}"
        return f"must be {kind} {low} {'up ' if self.above else ''}to {most}"


class Pair(click.ParamType):
    """A `KEY=VALUE`."""

    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, equals, text = (value if isinstance(value, str) else "=".join(value)).partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"must be KEY=VALUE, got {str(value)[:60]}", ctx, param)
        return key.strip(), text


def refusal_of(error: click.ClickException) -> Refusal:
    """What click found wrong, as a refusal."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    verb = context.command.name if context is not None else ""
    fix = (
        f"thalweg {verb} --help lists the flags" if context is not None and context.parent else "thalweg --help lists the verbs"
    )
    if isinstance(error, click.NoSuchOption):
        return _unknown(error, fix)
    if isinstance(error, click.MissingParameter):
        name = error.param.make_metavar(error.ctx) if error.param is not None and error.ctx is not None else "a value"
        what, where = f"{name} is missing", f"thalweg {verb}"
        return UsageRefusal("ARGUMENT_MISSING", what, where=where, why="there is nothing to work on", fix=fix)
    if isinstance(error, click.BadParameter):
        name = error.param.opts[0] if error.param is not None else "argument"
        return UsageRefusal("FLAG_INVALID", f"{name} {error.message}", where=name, why="it could not mean anything", fix=fix)
    what = error.format_message().rstrip(".")
    why = "a command that is not understood does nothing"
    return UsageRefusal("USAGE", what[:1].lower() + what[1:], where=f"thalweg {verb}".strip(), why=why, fix=fix)


def _unknown(error: click.NoSuchOption, fix: str) -> Refusal:
    given = error.option_name
    known = (
        [name for option in error.ctx.command.params if isinstance(option, Flag) for name in option.opts] if error.ctx else []
    )
    close = nearest(given, known, count=1)
    return UsageRefusal(
        "FLAG_UNKNOWN",
        f"there is no flag {given}" + (f"; {did_you_mean(given, known)}" if close else ""),
        where=given,
        why="a flag that is not understood would otherwise be skipped in silence",
        fix=f"write {close[0]}, or see: {fix}" if close else fix,
    )
