"""`thalweg weights list` and `thalweg weights get NAME`: published weights, where they are and how they come here."""

from collections.abc import Mapping
from typing import Any

import click

from thalweg.cli.flags import Answer, Page, Verb
from thalweg.core.errors import UsageRefusal
from thalweg.core.talk import Talk

DEEDS = ("list", "get")


def weights(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """The catalogue, or one entry fetched."""
    from thalweg.models.weights.catalogue import entries

    deed, name = given["deed"], given["name"]
    if deed not in DEEDS:
        raise UsageRefusal(
            "DEED_UNKNOWN",
            f'weights can be listed and got, not "{deed[:40]}"',
            where="thalweg weights",
            why="there is no other",
            fix="thalweg weights list",
        )
    if deed == "get":
        return _got(name, talk)
    facts = [_facts(one.name) for one in entries()]
    width = max(len(one["name"]) for one in facts)
    lines = [_line(one, width) for one in facts]
    return Answer([*lines, "", "thalweg weights get NAME, then: thalweg train PHOTOS --weights NAME"], {"weights": facts})


def _got(name: str | None, talk: Talk) -> Answer:
    from thalweg.models.weights.catalogue import entry, local, obtain

    if name is None:
        raise UsageRefusal(
            "ARGUMENT_MISSING",
            "NAME is missing",
            where="thalweg weights get",
            why="there are several",
            fix="thalweg weights list",
        )
    known = entry(name)
    if local(known) is None:
        talk.say("weights", f"{known.address}{known.file.name}, {known.file.size / 1e6:,.1f} MB, licence: {known.licence}")

    def told(here: int, whole: int) -> None:
        talk.live("weights", f"{here / 1e6:,.1f} of {whole / 1e6:,.1f} MB", here / whole)

    path = obtain(known, download=True, told=told)
    following = f"thalweg train PHOTOS --weights {name}"
    return Answer([f"{name}: {path}", f"next: {following}"], {**_facts(name), "next": following})


def _facts(name: str) -> dict[str, Any]:
    from thalweg.models.weights.catalogue import entry, local

    known = entry(name)
    here = local(known)
    return {
        "name": name,
        "model": known.model,
        "address": known.address + known.file.name,
        "bytes": known.file.size,
        "digest": known.file.digest,
        "licence": known.licence,
        "path": None if here is None else str(here[0]),
    }


def _line(facts: Mapping[str, Any], width: int) -> str:
    where = "here" if facts["path"] else facts["address"]
    return f"{facts['name']:<{width}}  {facts['bytes'] / 1e6:>6.1f} MB  {facts['licence']}  {where}"


VERB = Verb(
    "weights",
    "Published weights: list them, or get NAME (the network is used for nothing else).",
    [click.Argument(["deed"], metavar="list|get"), click.Argument(["name"], metavar="[NAME]", required=False)],
    weights,
    needs_all=False,
    example="THALWEG_DATA may name a folder that holds them already; else they are kept below THALWEG_HOME.",
)
