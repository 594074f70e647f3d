"""Markup: text made safe, and the few elements that the report is built of."""

import html
from collections.abc import Iterable, Sequence
from typing import Any


def text(value: Any) -> str:  # noqa: ANN401 - whatever a run's files hold
    """Any value as text that holds no markup."""
    return html.escape(str(value), quote=True)


def unbroken(words: str) -> str:
    """The same with no line ending between a number and its percent."""
    return words.replace(" %", "\u00a0%")


def paragraph(words: str, *, kind: str = "") -> str:
    """A paragraph of plain words."""
    return f"<p{_class(kind)}>{unbroken(text(words))}</p>" if words else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are markup already."""
    top = "".join(f"<th scope=col>{text(name)}" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}<tbody>{body}</table></div>'


def folded(summary: str, content: str) -> str:
    """Content that opens on a click."""
    return f"<details><summary>{text(summary)}</summary>{content}</details>"


def figure(picture: str, caption: str, *, title: str = "", beside: str = "") -> str:
    """A picture with what it shows in words, and the same as a table folded beneath."""
    head = f"<b>{text(title)}</b>" if title else ""
    said = f"<figcaption>{unbroken(text(caption))}</figcaption>" if caption else ""
    return f"<figure>{head}{picture}{said}{beside}</figure>"


def section(name: str, title: str, content: str) -> str:
    """A part of the page that the contents can lead to; nothing where there is no content."""
    return f'<section id="{name}"><h2>{text(title)}</h2>{content}</section>' if content else ""


def columns(*parts: str) -> str:
    """Parts side by side where there is room."""
    there = [part for part in parts if part]
    return f'<div class="pair">{"".join(there)}</div>' if len(there) > 1 else "".join(there)


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
