"""The program: finds the verb, runs it, prints its answer or its refusal, and leaves with the exit code of what happened.

0 ok, 2 usage or settings, 3 data, 4 model or package, 5 training failed, 6 resources, 129/130/143 stopped by a signal, 141
closed pipe, 1 a fault of ours.
"""

import contextlib
import functools
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, final

import click

from thalweg.cli.flags import Answer, Page, Verb, refusal_of
from thalweg.cli.terminal import Terminal, TerminalTalk, hush, standard_error, standard_output
from thalweg.core.errors import Refusal, ResourceRefusal, Stopped, UsageRefusal, nearest
from thalweg.core.exhaustion import out_of_memory
from thalweg.core.interrupts import WANTED, Heard, hearing, interrupt_in
from thalweg.core.loading import load_numpy
from thalweg.core.strict_json import render_json
from thalweg.core.unheard import Unheard

VERBS = {
    "train": "train",
    "check": "check",
    "predict": "predict",
    "evaluate": "evaluate",
    "compare": "compare",
    "report": "report",
    "list": "listing",
    "info": "info",
    "weights": "weights",
    "import-weights": "import_weights",
    "doctor": "doctor",
    "check-part": "check_part",
}
"""Each verb and the file of this room that holds it, in the order of the help."""

SUMMARY = """Raw data in, a deep model out that its owner can defend.

\b
    thalweg train DATA                 a path or a name: thalweg list datasets
    thalweg check DATA                 what is wrong with data
    thalweg predict runs/NAME INPUT    answers for new data
"""
HELP = ("--help", "-h")
CLOSED_PIPE, FAULT = 141, 1
UNMAPPED = "failed to map segment"
"""What the system says of a library for which there is no memory."""
WAITING = "GOMP_SPINCOUNT"
"""How often threads look again before they sleep while they wait for each other. Where other programs want the same cores,
those that look 300,000 times, as usual, take turns with what they wait for: a step took 456 ms in place of 14."""


class Program(click.Group):
    """All verbs; the file of each is imported when it is named."""

    def __init__(self) -> None:
        super().__init__("thalweg", help=SUMMARY, params=[_version()], context_settings={"help_option_names": list(HELP)})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return verb_named(cmd_name)


def verb_named(name: str) -> Verb:
    """The verb of that name.

    Raises:
        UsageRefusal: there is none; the nearest is given.
    """
    if name in VERBS:
        verb: Verb = import_module(f"thalweg.cli.{VERBS[name]}").VERB
        return verb
    close = nearest(name, VERBS, count=1)
    raise UsageRefusal(
        "VERB_UNKNOWN",
        f'there is no verb "{name[:60]}"' + (f'; did you mean "{close[0]}"?' if close else ""),
        where=f"thalweg {name[:60]}",
        why="the first word says what is to be done",
        fix=f"thalweg {close[0]}" if close else f"one of {', '.join(VERBS)}",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        arguments: what follows the program's name; None: what the process was started with.
    """
    os.environ.setdefault(WAITING, "1000")  # read when torch is imported
    given = list(sys.argv[1:] if arguments is None else arguments)
    output, errors = standard_output(), standard_error()
    talk = TerminalTalk(errors, quiet="--quiet" in given)
    outcome = _Outcome(output, errors, talk, as_json="--json" in given, debug="--debug" in given)
    page, end = Page(output.width, output.stream is not None and output.stream.isatty()), _End(outcome)
    with _signals(end), _other_peoples_warnings(shown="--debug" in given):
        try:
            try:
                code = outcome.answered(_run(given, talk, page))
                end.tell()
            except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - a fault of ours is told in words too
                end.tell()
                code = outcome.of(error)
        except KeyboardInterrupt as second:  # no sooner had the first been caught
            end.tell()
            code = outcome.of(second)
    return code


def end_by_signals() -> None:
    """Where nobody hears signals, they end the process as the system does it, with nothing to say; what is ignored stays so."""
    for number in WANTED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _run(given: list[str], talk: TerminalTalk, page: Page) -> Answer:
    program = Program()
    with click.Context(program, info_name="thalweg", obj=talk, terminal_width=page.width, **program.context_settings) as whole:
        if not given:
            return Answer(program.get_help(whole).splitlines(), code=UsageRefusal.exit_code)
        if given[0] == "help":
            given = [*given[1:2], HELP[0]]
        if given[0].startswith("-"):
            program.make_context("thalweg", given)  # --help and --version leave here
        verb = verb_named(given[0])
        with verb.make_context(given[0], given[1:], parent=whole) as context:
            if verb.needs_all:
                from thalweg.core import requirements

                requirements.refuse_unmet(requirements.needs())
                load_numpy()
            return verb.act(verb.parsed(context), talk, page)


def _version() -> click.Option:
    def shown(context: click.Context, option: click.Parameter, wanted: bool) -> None:
        if wanted:
            from thalweg import __version__

            click.echo(f"thalweg {__version__}")
            context.exit()

    told = "Show the version."
    return click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=shown, help=told)


@dataclass(frozen=True)
class _Outcome:
    """How a command line ends: what is printed, and the exit code."""

    output: Terminal
    errors: Terminal
    talk: TerminalTalk
    as_json: bool
    debug: bool

    def answered(self, answer: Answer) -> int:
        """The answer on standard output; help that nobody asked for goes where refusals go."""
        self.talk.close()
        try:
            if self.as_json:
                self.output.write(render_json(jsonable(answer.facts)).decode() + "\n")
            else:
                (self.errors if answer.code == UsageRefusal.exit_code else self.output).lines(answer.lines)
        except BrokenPipeError:
            return self.unread()
        return answer.code

    def refused(self, refusal: Refusal) -> int:
        """A refusal in at most six lines, or as one JSON object."""
        self.talk.close()
        try:
            if self.as_json:
                self.output.write(render_json({"error": jsonable(refusal.as_dict())}).decode() + "\n")
            else:
                self.errors.lines(str(refusal).split("\n"))
            if self.debug:
                traceback.print_exc()
        except BrokenPipeError:
            return self.unread()
        return refusal.exit_code

    def of(self, error: BaseException) -> int:
        """A refusal; an interrupt, be it held by an error; what is not installed; no memory; else a fault of ours."""
        if isinstance(error, click.exceptions.Exit):
            return error.exit_code
        if isinstance(error, click.ClickException):
            return self.refused(refusal_of(error))
        if isinstance(error, Refusal):
            return self.refused(error)
        if isinstance(error, BrokenPipeError):
            return self.unread()
        stop = interrupt_in(error)
        if stop is not None:
            return self.stopped(stop.number if isinstance(stop, Stopped) else signal.SIGINT)
        lacking = _lacking(error)
        return self.refused(lacking) if lacking is not None else self.failed(error)

    def stopped(self, number: int) -> int:
        """A signal where nothing was left half done."""
        name = signal.Signals(number).name
        why, fix = "nothing was left half written", "repeat the command"
        stop = Refusal("STOPPED", f"stopped by {name}", where=f"signal {number}", why=why, fix=fix)
        self.refused(stop)
        return 128 + number

    def failed(self, error: BaseException) -> int:
        """A fault of ours: its kind and place, without the traceback that nobody asked for."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        first = (str(error).splitlines() or ["no message"])[0][:200]
        fault = Refusal(
            "FAULT",
            f"{type(error).__name__}: {first}",
            where=f"{place.filename}:{place.lineno}",
            why="this is a fault of thalweg or of a part, not of yours",
            fix="repeat with --debug, and report what it shows",
        )
        self.refused(fault)
        return FAULT

    def unread(self) -> int:
        """Nobody reads any more: what Python still holds back for standard output goes nowhere."""
        hush(sys.stdout)
        return CLOSED_PIPE


def jsonable(value: Any) -> Any:
    """A value as JSON holds it: arrays as lists, paths as text, what is not finite as null."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [jsonable(one) for one in value]
    if isinstance(value, float):
        return value if value - value == 0 else None
    if value is None or isinstance(value, bool | int | str):
        return value
    plain = getattr(value, "tolist", None)  # numpy is not imported to ask whether this is one of its arrays
    return jsonable(plain()) if callable(plain) else str(value)


def _lacking(error: BaseException) -> Refusal | None:
    """What this machine lacks, where an error came of that."""
    if isinstance(error, ImportError):
        from thalweg.core.requirements import missing

        return _out_of_memory() if UNMAPPED in str(error) else missing(error)
    return _out_of_memory() if isinstance(error, Exception) and out_of_memory(error) else None


def _out_of_memory() -> Refusal:
    option, limit = _memory_limit()
    return ResourceRefusal(
        "MEMORY_FULL",
        f"there is not enough memory within the limit of {limit / 1e9:.1f} GB" if limit else "there is not enough memory",
        where=f"ulimit {option}" if limit else "the memory of this machine",
        why="the run cannot go on",
        fix=f"raise the limit: ulimit {option} unlimited"
        if limit
        else "a smaller --batch-size, a smaller model, or fewer data",
    )


def _memory_limit() -> tuple[str, int]:
    """The smallest limit of bytes that this process may address or hold, with its option; 0 where there is none."""
    try:
        import resource
    except ImportError:  # Windows has none
        return "", 0
    limits = {"-v": resource.getrlimit(resource.RLIMIT_AS)[0], "-d": resource.getrlimit(resource.RLIMIT_DATA)[0]}
    held = {option: limit for option, limit in limits.items() if limit != resource.RLIM_INFINITY}
    return min(held.items(), key=lambda one: one[1], default=("", 0))


@final
class _End:
    """What a signal does to the program: it goes through every `finally` on its way out; a last word is let be spoken.

    A last word that nobody reads, as into a pipe that is full, is not waited for once a signal has come.

    Attributes:
        unheard: who ends the process then.
        told: the last word is being spoken, or was; one more signal after the next ends the process as the system does it.
    """

    def __init__(self, outcome: _Outcome) -> None:
        self.told = False
        self.unheard = Unheard(self._tell, lambda number: isinstance(signal.getsignal(number), Heard))
        self._outcome = outcome

    def __call__(self, number: int) -> None:
        if not self.told:
            raise Stopped(number)
        self.unheard.leaving()
        signal.signal(number, signal.SIG_DFL)

    def tell(self) -> None:
        """From here on the last word is spoken."""
        self.told = True
        self.unheard.leaving()

    def _tell(self, number: int) -> None:
        if not self.told:
            self._outcome.stopped(number)


@contextlib.contextmanager
def _signals(end: _End) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end the program alike, at once where nobody hears them.

    Where Python's own answer to Ctrl-C comes in the midst of an `exec`, as in the making of a dataclass while a library is
    imported, `python -m` ends by the signal and not by the exit code; a subclass of KeyboardInterrupt does not.
    """
    with end.unheard.watched(), hearing(end, unheard=end.unheard), _vanishing_quietly():
        yield


@contextlib.contextmanager
def _vanishing_quietly() -> Iterator[None]:
    """Within, an interrupt that Python keeps to itself, as in what dying objects call, is not told: it comes again."""
    hook, sys.unraisablehook = sys.unraisablehook, functools.partial(_told_unless_interrupt, sys.unraisablehook)
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _told_unless_interrupt(hook: Callable[[Any], object], unraisable: Any) -> None:
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        hook(unraisable)


@contextlib.contextmanager
def _other_peoples_warnings(*, shown: bool) -> Iterator[None]:
    """Warnings of packages beneath us are for their users; `--debug` shows them."""
    with warnings.catch_warnings():
        warnings.simplefilter("default" if shown else "ignore")
        yield
