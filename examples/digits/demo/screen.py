"""What the demo prints: lines with the time since its start, wrapped, the same in a terminal and in a CI log.

No cursor is ever moved; colour is used in a terminal only, and not where NO_COLOR is set.
"""

from __future__ import annotations

import enum
import os
import shutil
import sys
import textwrap
import threading
import time
from typing import TextIO

TOPIC_WIDTH = 13
WIDEST = 120


class Mood(enum.Enum):
    """How a line is meant; the value is its ANSI colour."""

    PLAIN = ""
    GOOD = "32"
    BAD = "31"
    FAINT = "2"
    STRONG = "1"


class Screen:
    """Prints for a reader who watches, and for one who reads it afterwards."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._colour = out.isatty() and "NO_COLOR" not in os.environ
        self._width = min(WIDEST, shutil.get_terminal_size((WIDEST, 40)).columns) if out.isatty() else WIDEST
        self._last_line = self._began

    @property
    def seconds(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self._began

    @property
    def silent_seconds(self) -> float:
        """Seconds since something was printed."""
        return time.monotonic() - self._last_line

    def title(self, text: str) -> None:
        """The first line."""
        self.text(text, Mood.STRONG)

    def story(self, text: str) -> None:
        """A new part."""
        rule = "─" * max(3, self._width - len(text) - 5)
        self._write(f"\n{self._paint(f'── {text} {rule}', Mood.STRONG)}\n")

    def say(self, topic: str, text: str, mood: Mood = Mood.PLAIN) -> None:
        """One thing that happened: the time, what it is about, and the rest, wrapped."""
        minutes, seconds = divmod(int(self.seconds), 60)
        head = f"{minutes:>2}:{seconds:02d}  {topic:<{TOPIC_WIDTH}}"
        indent = " " * (len(head) + 1)
        lines = textwrap.wrap(text, max(30, self._width - len(indent)), break_long_words=False) or [""]
        body = f"\n{indent}".join(self._paint(line, mood) for line in lines)
        self._write(f"{self._paint(head, Mood.FAINT)} {body}\n")

    def text(self, text: str = "", mood: Mood = Mood.PLAIN) -> None:
        """A line as it is; a long one is wrapped, with its indentation."""
        indent = " " * (len(text) - len(text.lstrip()))
        lines = textwrap.wrap(
            text, self._width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        for line in lines or [""]:
            self._write(f"{self._paint(line, mood)}\n")

    def _paint(self, text: str, mood: Mood) -> str:
        return f"\033[{mood.value}m{text}\033[0m" if self._colour and mood.value and text else text

    def _write(self, text: str) -> None:
        with self._lock:
            self._last_line = time.monotonic()
            self._out.write(text)
            self._out.flush()
