"""Text for people: columns as wide as their widest cell, and no character that does more than stand there."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def aligned(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = (), indent: int = 2
) -> list[str]:
    """The lines of a table; the columns numbered in `right` end below each other."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return (" " * indent + "  ".join(padded)).rstrip()

    return [line(header), *map(line, rows)]


def printable(text: str) -> str:
    """The text without control characters: what a measured pod wrote must not move a terminal, or break XML."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)
