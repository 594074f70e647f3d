"""Secrets in settings: refused before they are written anywhere, and never shown.

Run folders, logs, packages and cards are made to be handed on, so that nothing that opens an account may reach them. A secret
is recognised by its form: the prefixes that providers give their tokens, a password in an address, the head of a private key. A
setting that is called `token` is none of ours, and the refusal of an unknown setting does not show its value either.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from thalweg.core.errors import UsageRefusal

FORMS = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}"  # model hubs
    r"|\bsk-[A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}"  # programming interfaces
    r"|\bA(?:KI|SI)A[A-Z0-9]{16}\b|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}"  # clouds
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+"  # signed tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@"  # an address with a password
)


def refuse_secrets(given: Mapping[str, Any], *, where: str) -> None:
    """Return if nothing in nested settings looks like a secret.

    Raises:
        UsageRefusal: something does; it is named by its place, never by its value.
    """
    places = [".".join(path) for path, value in _leaves(given) if _is_secret(path[-1] if path else "", value)]
    if places:
        raise UsageRefusal(
            "SETTINGS_SECRET",
            f"{' and '.join(places)} hold{'s' if len(places) == 1 else ''} what looks like a token or password (not shown)",
            where=where,
            why="settings are written into the run, its log and its package, which are made to be handed on",
            fix="take it out, and revoke it if the file was shared; what a download needs belongs in the environment",
            details={"places": places},
        )


def _leaves(given: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - user's settings
    if isinstance(given, Mapping):
        for key, value in given.items():
            yield from _leaves(value, (*path, str(key)))
    elif isinstance(given, list | tuple):
        for value in given:
            yield from _leaves(value, path)
    else:
        yield path, given


def _is_secret(name: str, value: Any) -> bool:  # noqa: ANN401 - user's settings
    return bool(FORMS.search(name) or (isinstance(value, str) and FORMS.search(value)))
