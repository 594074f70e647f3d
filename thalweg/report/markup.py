"""Markup: text made safe, and the few elements that the report is built of."""

import html
from collections.abc import Iterable, Sequence
from typing import Any


def text(value: Any) -> str:  # noqa: ANN401 - whatever a run's files hold
    """Any value as text that holds no markup."""
    return html.escape(str(value), quote=True)


def unbroken(words: str) -> str:
    """The same with no line ending between a number and its percent, or within `p = .31`."""
    return words.replace(" %", "\u00a0%").replace("p = ", "p\u00a0=\u00a0")


def paragraph(words: str, *, kind: str = "") -> str:
    """A paragraph of plain words."""
    return f"<p{_class(kind)}>{unbroken(text(words))}</p>" if words else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, named: str = "") -> str:
    """A table whose cells are markup already; the first of each row names it.

    Args:
        named: what stands in it, for those who hear it; the heads where nothing is said.
    """
    named = named or ", ".join(head)
    top = "".join(f"<th scope=col>{text(name)}" for name in head)
    body = "".join(f"<tr><th scope=row>{row[0]}" + "".join(f"<td>{cell}" for cell in row[1:]) for row in rows)
    return wide(f"<table>{caption(named)}<thead><tr>{top}<tbody>{body}</table>", named=named)


def caption(named: str) -> str:
    """The name of a table, heard and not seen."""
    return f'<caption class="unseen">{text(named)}</caption>'


def wide(content: str, *, named: str) -> str:
    """What may be wider than the page: it is moved sideways, by keys too."""
    return f'<div class="scroll" role="group" tabindex="0" aria-label="{text(named)}">{content}</div>'


def folded(summary: str, content: str, *, of: str = "") -> str:
    """Content that opens on a click.

    Args:
        of: what it belongs to, for those who hear the summary alone.
    """
    more = f'<span class="unseen">: {text(of)}</span>' if of else ""
    return f"<details><summary>{text(summary)}{more}</summary>{content}</details>"


def figure(picture: str, caption: str, *, title: str = "", beside: str = "") -> str:
    """A picture with what it shows in words, and the same as a table folded beneath."""
    head = f"<b>{text(title)}</b>" if title else ""
    said = f"<figcaption>{unbroken(text(caption))}</figcaption>" if caption else ""
    return f"<figure>{head}{picture}{said}{beside}</figure>"


def section(name: str, title: str, content: str) -> str:
    """A part of the page that the contents can lead to; nothing where there is no content."""
    if not content:
        return ""
    named = f"{name}-title"
    return f'<section id="{name}" aria-labelledby="{named}"><h2 id="{named}">{text(title)}</h2>{content}</section>'


def command(words: str) -> str:
    """What is to be typed or run, in lines of its own."""
    return f"<pre><code>{text(words)}</code></pre>"


def part(title: str, content: str) -> str:
    """A part of a section with a heading of its own; nothing where there is no content."""
    return f"<h3>{text(title)}</h3>{content}" if content else ""


def columns(*parts: str) -> str:
    """Parts side by side where there is room."""
    there = [part for part in parts if part]
    return f'<div class="pair">{"".join(there)}</div>' if len(there) > 1 else "".join(there)


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
