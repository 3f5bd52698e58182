"""Server-sent events out of bytes that come in any pieces. Pure.

https://html.spec.whatwg.org/multipage/server-sent-events.html: lines end with LF, CR or CRLF, a line that begins with a
colon is a comment, several data lines of an event are joined by LF, and an event without its blank line is none.
Lines are cut before they are decoded, so a character that comes in two pieces is whole again.
"""

from __future__ import annotations

from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """An event's type, empty if it has none, and its data."""

    type: bytes
    data: bytes


class EventStream:
    """Cuts one answer into events."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []  # of the line that is not whole yet
        self._begun = False
        self._after_cr = False  # an LF would end no line of its own
        self._type = b""
        self._data: list[bytes] = []
        self.held = 0  # bytes since the last event that was whole

    def feed(self, part: bytes) -> list[Event]:
        """The events that the next bytes complete."""
        if self._after_cr and part.startswith(b"\n"):
            part = part[1:]
            self._after_cr = False
        if not part:
            return []
        if b"\r" in part:
            self._after_cr = part.endswith(b"\r")
            part = part.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        else:
            self._after_cr = False
        self.held += len(part)
        if b"\n" not in part:
            self._parts.append(part)
            return []
        *lines, rest = b"".join((*self._parts, part)).split(b"\n")
        self._parts = [rest] if rest else []
        made = [event for line in lines if (event := self._line(line)) is not None]
        if not self._data:
            self.held = len(rest)
        return made

    def _line(self, line: bytes) -> Event | None:
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BOM)
        if not line:
            event = Event(self._type, b"\n".join(self._data)) if self._data else None
            self._type, self._data = b"", []
            return event
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value
        return None
