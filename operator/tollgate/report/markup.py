"""Elements of HTML and SVG. Text is escaped unless it was made here."""

from __future__ import annotations

from html import escape

_EMPTY = frozenset({"meta", "br", "line", "circle", "rect", "polyline", "path"})


class Markup(str):
    """Text that is markup already. Only `tag` and `joined` make it, so nothing from a result is one."""

    __slots__ = ()


def tag(element: str, *children: str, **attributes: object) -> Markup:
    """An element. `class_` is written class, other underscores hyphens; an attribute that is None is left out."""
    told = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(clean(str(value)))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if element in _EMPTY and not children:
        return Markup(f"<{element}{told}/>")
    return Markup(f"<{element}{told}>{joined(*children)}</{element}>")


def joined(*children: str) -> Markup:
    """One after the other; what is no markup is escaped."""
    return Markup("".join(one if isinstance(one, Markup) else escape(clean(one)) for one in children))


def clean(text: str) -> str:
    """Without control characters, and without those that turn the direction of what follows."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)
