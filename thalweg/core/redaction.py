"""Secrets stay out of what is written: settings, logs, packages and cards are made to be handed on.

A value whose key says that it is a secret is left out of what is written, and can still be used. One that has the form of a
secret (the prefixes that providers give their tokens, a password in an address, the head of a private key) under any other key
is refused: left out, the run could not be repeated.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from thalweg.core.errors import UsageRefusal

SECRET = re.compile(r"(^|_)(token|password|passwd|secret|api_?key|credentials?)($|_)", re.IGNORECASE)
LEFT_OUT = "(left out: a secret)"
OF_COLUMNS = ("fields",)
"""Settings whose keys are names of columns."""
FORMS = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}"  # model hubs
    r"|\bsk-[A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}"  # programming interfaces
    r"|\bA(?:KI|SI)A[A-Z0-9]{16}\b|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}"  # clouds
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+"  # signed tokens
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@"  # an address with a password
)


def redacted(value: Any) -> Any:
    """The same JSON value with secrets left out; what is said of columns stays, whatever they are called."""
    if isinstance(value, Mapping):
        return {
            key: LEFT_OUT if _is_secret(key, one) else one if key in OF_COLUMNS else redacted(one) for key, one in value.items()
        }
    return [redacted(one) for one in value] if isinstance(value, list | tuple) else value


def _is_secret(key: Any, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and SECRET.search(str(key)) is not None


def refuse_secrets(given: Mapping[str, Any], *, where: str) -> None:
    """Return if nothing in nested settings looks like a secret.

    Raises:
        UsageRefusal: something does; it is named by its place, never by its value.
    """
    places = [".".join(path) for path, value in _leaves(given) if isinstance(value, str) and FORMS.search(value)]
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
            if not _is_secret(key, value):
                yield from _leaves(value, (*path, str(key)))
    elif isinstance(given, list | tuple):
        for value in given:
            yield from _leaves(value, path)
    else:
        yield path, given
