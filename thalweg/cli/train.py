"""`thalweg train DATA`: train, evaluate, compare, report."""

import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thalweg.cli.flags import Answer, Flag, Number, Page, Pair, Verb
from thalweg.cli.outcome import result_lines, run_facts, texts_of
from thalweg.core.errors import UsageRefusal
from thalweg.core.talk import Talk
from thalweg.core.unswept import unswept

if TYPE_CHECKING:
    from thalweg.packages.package import Package


class OrAuto(Number):
    """A number, or `auto` for one that is looked for."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == "auto" else super().convert(value, param, ctx)

    def range(self) -> str:
        return super().range() + ', or "auto"'


class Seed(Number):
    """A seed, or `random` for one that is drawn and recorded."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        if value == "random":
            return secrets.randbelow(2**31)
        return super().convert(value, param, ctx)

    def range(self) -> str:
        return super().range() + ', or "random"'


CHOICES = [
    Flag("--target", path="data.target", metavar="FIELD", help="What is to be predicted."),
    Flag("--task", path="task.name", metavar="NAME", help="What is to be learned: thalweg list tasks."),
    Flag("--model", path="model.name", metavar="NAME", help="What learns it: thalweg list models."),
    Flag("--rule", path="rule.name", metavar="NAME", help="How it is learned: thalweg list rules."),
    Flag("--loss", path="task.loss", metavar="NAME", help="What mistakes cost: thalweg list losses."),
    Flag("--weights", path="weights", metavar="NAME", help="Published weights to begin with: thalweg weights list."),
    Flag("--freeze", path="rule.freeze", metavar="WHAT", help="What stays as it is: trunk, for all but the head, or layers."),
    Flag("--epochs", path="rule.epochs", type=Number(1, 1_000_000), help="Times through the training part."),
    Flag("--steps", path="rule.steps", type=Number(1, 1_000_000_000), help="Steps, instead of epochs."),
    Flag("--preset", path="preset", metavar="NAME", help="How much effort: fast, good (the default) or best."),
    Flag("--time-limit", path="time_limit", metavar="TIME", help="Time to the package, instead of epochs: 90s, 2m, 1h30m."),
    Flag("--batch-size", path="rule.batch_size", type=OrAuto(1, 1 << 24), help="Rows of a batch; auto: as learn fastest."),
    Flag(
        "--lr", path="rule.rate", type=OrAuto(0, 1e6, whole=False, above=True), help="Rate at its peak; auto: by a range test."
    ),
    Flag("--find-lr", path="find_lr", is_flag=True, help="Say which rate a range test suggests; --lr auto takes it."),
    Flag("--find-batch-size", path="find_batch_size", is_flag=True, help="Say which batch size learns fastest."),
    Flag("--seed", path="seed", type=Seed(0, 2**63 - 1), help='Decides all that is drawn; or "random".'),
    Flag("--patience", path="stopping.patience", type=Number(1, 1_000_000), help="Evaluations without gain before stopping."),
    Flag("--augment", path="augment", many=True, metavar="NAME", help="Augmentation, or none; may be repeated."),
]
MACHINE = [
    Flag("--device", path="device", metavar="NAME", help="auto, cpu, cuda:0, mps."),
    Flag("--precision", path="precision", metavar="NAME", help="auto, float32, float64, bfloat16, float16."),
    Flag("--threads", path="threads", type=Number(1, 4096), help="Threads on the CPU."),
    Flag("--speed", path="speed", metavar="plain|probe|FILE", help="How steps are run; FILE: as that settings.yaml says."),
    Flag("--deterministic", path="deterministic", is_flag=True, help="Refuse what has no deterministic form."),
    Flag("--profile", path="profile", is_flag=True, help="Say where the time of a step goes, and what to do about it."),
]
DATA = [
    Flag("--split", path="data.split", metavar="A,B,C,D", help="Shares of train, validation, calibration, test."),
    Flag("--field", type=Pair(), many=True, path="data.fields", help="Kind or role of a field: --field zip=category."),
    Flag("--ignore", many=True, path="data.ignore", metavar="FIELD", help="Leave a field out; of two: --ignore A --ignore B."),
    Flag("--keep", many=True, path="data.keep", metavar="FIELD", help="An input whatever the check says; may be repeated."),
    Flag("--keep-duplicates", path="data.keep_duplicates", is_flag=True, help="Copies of a row may stand in several parts."),
    Flag("--group", path="data.group", metavar="FIELD", help="Rows with the same value stay in one part."),
    Flag("--time", path="data.time", metavar="FIELD", help="The past trains, the future tests."),
    Flag("--image-size", path="data.image_size", type=Number(4, 4096), help="Side of pictures in pixels."),
    Flag("--image-pixels", path="data.image_pixels", type=Number(1, 178_956_970), help="Pixels that a picture may have."),
    Flag("--drop-missing-target", path="data.drop_missing_target", is_flag=True, help="Leave out rows without a target."),
    Flag("--on-bad-file", path="data.on_bad_file", metavar="skip|refuse", help="What a broken file leads to."),
    Flag("--on-bad-row", path="data.on_bad_row", metavar="skip|refuse", help="What a broken row leads to."),
    Flag("--no-header", path="data.header", is_flag=True, flag_value=False, help="The first line of a table holds values."),
    Flag("--header", path="data.header", is_flag=True, help="The first line of a table holds names, though not by its looks."),
    Flag("--delimiter", path="data.delimiter", metavar="SIGN", help="What separates values of a table."),
    Flag("--decimal", path="data.decimal", metavar="SIGN", help="The decimal mark of a table."),
    Flag("--encoding", path="data.encoding", metavar="NAME", help="The character encoding of text files."),
    Flag("--missing", many=True, path="data.missing", metavar="WORD", help="A further word, or number, for what is missing."),
    Flag("--date-order", path="data.date_order", metavar="day|month", help="Which comes first in dates such as 3/4/2024."),
    Flag("--parse-numbers", path="data.parse_numbers", is_flag=True, help="Take signs off the target's numbers, as of $1,234."),
    Flag("--sheet", path="data.sheet", metavar="NAME", help="The sheet of a workbook."),
    Flag("--download", path="data.download", is_flag=True, help="The network may be used to fetch catalogued data."),
]
RUN = [
    Flag("--settings", type=click.Path(path_type=Path), metavar="FILE", help="A settings file; flags win over it."),
    Flag("--set", type=Pair(), many=True, help="Any setting: --set model.hidden=[64,32]; may be repeated."),
    Flag("--out", type=click.Path(path_type=Path), metavar="DIR", help="The run's folder; runs/NAME where none is given."),
    Flag("--resume", is_flag=True, help="Go on with the unfinished run in --out; the same command repeated does so by itself."),
    Flag("--fresh", is_flag=True, help="Begin anew, though the same command began a run that did not finish."),
    Flag("--force", is_flag=True, help="Replace the run in --out."),
    Flag("--no-check", path="check", is_flag=True, flag_value=False, help="Do not look at the data for defects first."),
    Flag("--no-compare", path="compare", is_flag=True, flag_value=False, help="Fit no baselines; there is no verdict then."),
    Flag("--margin", path="margin", metavar="M", help="Difference that counts as none: 0.02, or 2%."),
]


def train(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Train as the flags say."""
    for other, does in (("force", "replaces it"), ("fresh", "leaves it")):
        if given["resume"] and given[other]:
            raise UsageRefusal(
                "FLAGS_CONFLICT",
                f"--resume goes on with a run, --{other} {does}",
                where=f"--resume, --{other}",
                why="only one of them can be meant",
                fix="leave one out",
            )
    with unswept():
        from thalweg.cli.asked import asked_settings

        data, settings = asked_settings(given, [*CHOICES, *MACHINE, *DATA, *RUN], talk)
        from thalweg.verbs import train as verb  # alone: what the other verbs need is not loaded before the first epoch

    run = verb.train(
        data,
        settings=settings,
        out=given["out"],
        resume=True if given["resume"] else False if given["fresh"] else None,
        force=bool(given["force"]),
        talk=talk,
    )
    following = _following(run.path, run.package)
    return Answer(result_lines(run.results, run.path, page, following=following), run_facts(run.results, run.path))


def _following(path: Path, package: "Package") -> tuple[str, str]:
    """The command to try next, and what it gives."""
    words, alone = texts_of(package.task.asks), package.example_request()
    if words:
        return shlex.join(["thalweg", "predict", str(path), *words]), "how it goes on"
    if alone is None:
        return shlex.join(["thalweg", "predict", str(path), "INPUT"]), "its answers for new data"
    asked = [word for name, value in alone.items() for word in (f"--{name}", str(value))]
    return shlex.join(["thalweg", "predict", str(path), *asked]), "what it makes alone"


VERB = Verb(
    "train",
    "Train on DATA, evaluate, compare with baselines, and write a report.",
    [click.Argument(["data"], metavar="DATA", required=False), *CHOICES, *MACHINE, *DATA, *RUN],
    train,
    example="DATA is a path or a name: thalweg list datasets.",
)
