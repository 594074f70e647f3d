"""`thalweg import-weights FILE`: weights that another program saved, read without running anything, as a safetensors file."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Flag, Page, Verb
from thalweg.cli.terminal import paragraph
from thalweg.core.errors import some_of
from thalweg.core.printable import printable
from thalweg.core.talk import Talk

SHOWN = 8
LONGEST = 60
"""Signs of a name in a file that are shown."""


def import_weights(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Look into the file, write what it holds, and say what that is."""
    from thalweg.verbs.import_weights import import_weights as verb

    found = verb(given["file"], out=given["out"], within=given["within"] or "", force=bool(given["force"]))
    following = f"thalweg train PHOTOS --model NAME --weights {found['file']}"
    shown = [*_paragraph("found", _found(found), page), *_tensors(found["tensors"])]
    if found["left_out"]:
        shown += _paragraph("left out", [some_of([_left(*one) for one in found["left_out"].items()], SHOWN)], page)
    shown += _paragraph("wrote", [f"{found['file']}, {_large(found['bytes'])}"], page)
    shown += _paragraph("next", [f"{following}   the model whose published layout it has"], page)
    return Answer(shown, {**found, "next": following})


def _paragraph(label: str, lines: list[str], page: Page) -> list[str]:
    return paragraph(label, lines, width=page.width, indent=10)


def _found(found: Mapping[str, Any]) -> list[str]:
    kinds = Counter(one["dtype"] for one in found["tensors"])
    types = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    place = f', under "{printable(found["within"], most=LONGEST)}"' if found["within"] else ""
    lines = [f"{found['form']}: {len(found['tensors']):,} tensors of {found['values']:,} values ({types}){place}"]
    if found["prefix"]:
        lines.append(f'"{found["prefix"]}" was taken off all names')
    if found["shared"]:
        lines.append(f"{found['shared']:,} with the same values as another (tied); each is written for itself")
    return lines


def _tensors(tensors: list[Mapping[str, Any]]) -> list[str]:
    shown = tensors[:SHOWN]
    names = [printable(one["name"], most=LONGEST) for one in shown]
    width = max(map(len, names), default=0)
    lines = [
        f"          {name:<{width}}  {' × '.join(map(str, one['shape'])) or 'one value'}"
        for name, one in zip(names, shown, strict=True)
    ]
    more = len(tensors) - len(shown)
    return [*lines, f"          and {more:,} more; --json names all"] if more > 0 else lines


def _left(place: str, count: int) -> str:
    tensors = f" ({count:,} tensor{'' if count == 1 else 's'})" if count else ""
    return f"{printable(place, most=LONGEST)}{tensors}"


def _large(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"


VERB = Verb(
    "import-weights",
    "Weights of another program (.pt, .pth, .bin, .ckpt, .safetensors) as a safetensors file; nothing in FILE is run.",
    [
        click.Argument(["file"], metavar="FILE", type=click.Path(path_type=Path)),
        Flag("--out", type=click.Path(path_type=Path), metavar="FILE", help="What is written; by default FILE's name here."),
        Flag("--within", metavar="NAME", help="The key under which the weights are, where FILE holds several."),
        Flag("--force", is_flag=True, help="Write over the file in --out."),
    ],
    import_weights,
    needs_all=False,
    example="FILE is read by a process that may open nothing else; what is no tensor is refused or left out.",
)
