"""A line that is written over while work goes on, and lines that stay; plain lines where there is no terminal."""

from __future__ import annotations

from typing import Self, TextIO

from tollgate.cli.tables import printable

_OVER = "\r\x1b[K"  # to the beginning of the line, and the line away


class Live:
    """Writes to a stream. Use it as a context manager, so that the last line is closed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("", stays=False)

    def line(self, text: str) -> None:
        """A line that stays."""
        self._write(printable(text) + "\n", stays=True)

    def progress(self, text: str) -> None:
        """How far it is: the next line takes its place."""
        if self._terminal:
            self._write(printable(text), stays=False)
        else:
            self.line(text)

    def _write(self, text: str, *, stays: bool) -> None:
        self._stream.write((_OVER if self._open else "") + text)
        self._stream.flush()
        self._open = bool(text) and not stays
