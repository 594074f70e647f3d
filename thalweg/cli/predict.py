"""`thalweg predict RUN [INPUT]...`: what a trained model says of new data, or of a request alone."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from thalweg.cli.flags import Answer, Flag, Number, Page, Verb
from thalweg.core.errors import UsageRefusal, some_of
from thalweg.core.talk import Talk
from thalweg.core.unswept import unswept

if TYPE_CHECKING:
    from thalweg.core.settings import Settings  # pydantic, which the help does without

SHOWN_ROWS = 10


def predict(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Predict, and write or show the columns."""
    with unswept():
        from thalweg.packages import written
        from thalweg.verbs import predict as verb
        from thalweg.verbs.run import load, package_of

    out = given["out"]
    if out is not None:
        written.refuse_unwritable(out, force=bool(given["force"]))
    run = load(given["run"])
    facts: dict[str, Any]
    request = _requested(given["request"], package_of(run).task.asks)
    said: dict[str, Any] = {} if given["on_bad_file"] is None else {"on_bad_file": given["on_bad_file"]}
    said |= {} if given["baseline"] is None else {"baseline": given["baseline"]}
    said |= {"seed": given["seed"] or 0, "talk": talk, **request}
    source = _input(given["input"] or ())
    written_rows = None if out is None else verb.predict_to_csv(run, source, out, **said)
    if written_rows is not None:
        facts = {"run": str(given["run"]), "rows": written_rows, "files": [str(out)]}
        return Answer([f"{written_rows:,} rows: {out}"], facts)
    columns = verb.predict(run, source, **said)
    names = package_of(run).task.names_of_values()
    rows = len(next(iter(columns.values())))
    facts = {"run": str(given["run"]), "rows": rows}
    if out is not None:
        files = written.write_columns(out, columns, names)
        shown = some_of(files, 3)
        return Answer([f"{rows:,} rows: {shown}"], facts | {"files": [str(file) for file in files]})
    facts |= {"predictions": columns, "names": {name: list(names[name]) for name in columns if name in names}}
    pictures = written.pictures(columns)
    if pictures:
        return Answer([*written.pictures_told(pictures), f"to write them: {_writing(given)}"], facts)
    if page.watched:
        return Answer(written.texts_told(columns) or written.table_lines(columns, rows=SHOWN_ROWS, width=page.width), facts)
    return Answer(written.csv_text(columns, names).rstrip("\n").split("\n"), facts)


def _requested(given: Mapping[str, str | None], asks: "type[Settings]") -> dict[str, Any]:
    """What the flags ask, as YAML values, true where one stands alone; what is a text stays as it was typed.

    Raises:
        UsageRefusal: a flag that takes a text stands alone.
    """
    from thalweg.core.strict_yaml import parse_yaml

    texts = {name for name, field in asks.model_fields.items() if field.annotation is str}
    flags = {key: f"--{key.replace('_', '-')}" for key in given}
    alone = [flags[key] for key, one in given.items() if one is None and key in texts]
    if alone:
        raise UsageRefusal(
            "FLAG_NO_TEXT",
            f"{alone[0]} is given without a text",
            where=alone[0],
            why="another question would be answered",
            fix=f'{alone[0]} "..."; one that begins with dashes as {alone[0]}="--..."',
        )
    return {
        key: one if key in texts else parse_yaml("true" if one is None else one, where=flags[key])[0]
        for key, one in given.items()
    }


def _input(paths: Sequence[str]) -> str | list[Path] | None:
    """What is predicted for: a path or name, several files, or nothing."""
    if len(paths) > 1:
        return [Path(path) for path in paths]
    return paths[0] if paths else None


def _writing(given: Mapping[str, Any]) -> str:
    """The same command with a file to write to."""
    named = {f"--{key.replace('_', '-')}": value for key, value in given["request"].items()}
    asked = [word for pair in named.items() for word in pair if word is not None]
    asked += ["--seed", str(given["seed"])] if given["seed"] else []
    return shlex.join(["thalweg", "predict", str(given["run"]), *(given["input"] or ()), *asked, "--out", "pictures.png"])


FLAGS = [
    Flag(
        "--out",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write to .csv, .json, .npz, or .png for pictures.",
    ),
    Flag("--force", is_flag=True, help="Write over the file in --out."),
    Flag("--seed", type=Number(0, 2**63 - 1), help="Decides what is drawn, where anything is."),
    Flag("--on-bad-file", metavar="skip|refuse", help="What a broken file leads to."),
    Flag("--with", "baseline", metavar="BASELINE", help="Let a baseline of the run answer in the net's place."),
]

VERB = Verb(
    "predict",
    "What a trained model says of INPUT. Further flags are asked of its task: --samples 16, --beams 4.",
    [
        click.Argument(["run"], metavar="RUN", type=click.Path(path_type=Path)),
        click.Argument(["input"], metavar="[INPUT]...", nargs=-1, required=False),
        *FLAGS,
    ],
    predict,
    free=True,
    example="RUN is a run's folder, or its model/ folder alone. INPUT is a path or a name, or several files.",
)
