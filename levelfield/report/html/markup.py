"""HTML made of pieces in which everything is escaped that is not markup already."""

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

# What HTML or UTF-8 cannot hold; a log may.
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
VOID = {"br", "col", "hr", "meta", "link"}


class Html(str):
    """Markup that stands in a page as it is."""

    __slots__ = ()


Content: TypeAlias = "str | Iterable[Content]"


def html(content: Content) -> Html:
    """Markup as it is; any other text escaped; several of them one after the other."""
    if isinstance(content, Html):
        return content
    if isinstance(content, str):
        return Html(escape(_UNFIT.sub("\ufffd", _TERMINAL.sub("", content))))
    return Html("".join(map(html, content)))


def tag(name: str, *content: Content, **attributes: str | bool | None) -> Html:
    """An element. ``class_`` stands for class, ``data_x`` for data-x; an attribute that is None or False is left out."""
    told = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{html(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{told}>" if name in VOID else f"<{name}{told}>{html(content)}</{name}>")


def with_code(text: str) -> Html:
    """Text in which what stands between backticks is code."""
    parts = text.split("`")
    return html(tag("code", part) if at % 2 else part for at, part in enumerate(parts))


def table(kind: str, header: Iterable[Content], rows: Iterable[Html]) -> Html:
    """A table that scrolls within itself where the window is too narrow."""
    head = [tag("th", cell, scope="col") for cell in header]
    inner = tag("table", tag("thead", tag("tr", head)) if head else "", tag("tbody", rows), class_=kind)
    return tag("div", inner, class_="scroll", tabindex="0")


def row(name: Content, cells: Iterable[Content], *, kind: str | None = None) -> Html:
    """A row of `table`."""
    return tag("tr", tag("th", name, scope="row"), (tag("td", cell) for cell in cells), class_=kind)


def folded(summary: Content, *content: Content, opened: bool = False) -> Html:
    """A line that opens."""
    return tag("details", tag("summary", summary), *content, open=opened)
