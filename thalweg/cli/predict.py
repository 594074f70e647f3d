"""`thalweg predict RUN [INPUT]`: what a trained model says of new data, or of a request alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Flag, Number, Page, Verb
from thalweg.core.talk import Talk

SHOWN_ROWS = 10


def predict(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Predict, and write or show the columns."""
    from thalweg import api
    from thalweg.core.strict_yaml import parse_yaml
    from thalweg.packages import written

    request = {key: parse_yaml(text, where=f"--{key.replace('_', '-')}")[0] for key, text in given["request"].items()}
    out = given["out"]
    if out is not None:
        written.refuse_unwritable(out, force=bool(given["force"]))
    run = api.load(given["run"])
    columns = api.predict(run, given["input"], seed=given["seed"] or 0, **request)
    rows = len(next(iter(columns.values())))
    facts: dict[str, Any] = {"run": str(given["run"]), "rows": rows}
    if out is not None:
        files = written.write_columns(out, columns)
        shown = ", ".join(str(file) for file in files[:3]) + (f" and {len(files) - 3:,} more" if len(files) > 3 else "")
        return Answer([f"{rows:,} rows: {shown}"], facts | {"files": [str(file) for file in files]})
    if page.watched:
        return Answer(written.table_lines(columns, rows=SHOWN_ROWS, width=page.width), facts | {"predictions": columns})
    return Answer(written.csv_text(columns).rstrip("\n").split("\n"), facts | {"predictions": columns})


FLAGS = [
    Flag(
        "--out",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write to .csv, .json, .npz, or .png for pictures.",
    ),
    Flag("--force", is_flag=True, help="Write over the file in --out."),
    Flag("--seed", type=Number(0, 2**63 - 1), help="Decides what is drawn, where anything is."),
]

VERB = Verb(
    "predict",
    "What a trained model says of INPUT. Further flags are asked of its task: --samples 16, --beams 4.",
    [
        click.Argument(["run"], metavar="RUN", type=click.Path(path_type=Path)),
        click.Argument(["input"], metavar="[INPUT]", required=False),
        *FLAGS,
    ],
    predict,
    free=True,
    example="RUN is a run's folder, or its model/ folder alone.",
)
