"""Tells the user what is happening while it happens. Writes to standard error only: standard output belongs to the
answers of commands such as `kubeconfig`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PROGRESS_SECONDS = 10.0
"""How often a long step reports where its output is not a terminal."""


def say(message: str) -> None:
    """Prints one line."""
    print(message, file=sys.stderr, flush=True)


class Step:
    """One long step: overwrites its own line on a terminal, prints a line now and then elsewhere."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._began = time.monotonic()
        self._last = self._began
        self._terminal = sys.stderr.isatty()

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._began

    def progress(self, state: str) -> None:
        """Reports how far the step is; calls that come too soon after another are dropped."""
        now = time.monotonic()
        if now - self._last < (0.2 if self._terminal else PROGRESS_SECONDS):
            return
        self._last = now
        line = f"  {self.title}: {state} ({duration(self.seconds)})"
        if self._terminal:
            sys.stderr.write(f"\r\033[K{line}")
            sys.stderr.flush()
        else:
            say(line)

    def finish(self) -> None:
        """Says how long the step took."""
        if self._terminal:
            sys.stderr.write("\r\033[K")
        say(f"  {self.title}: done in {duration(self.seconds)}")


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Announces a step and, if it succeeds, how long it took."""
    running = Step(title)
    if running._terminal:
        sys.stderr.write(f"  {title} ...")
        sys.stderr.flush()
    else:
        say(f"  {title} ...")
    yield running
    running.finish()


def duration(seconds: float) -> str:
    """Writes a length of time the way people read it: `0.4 s`, `38 s`, `7 min 12 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
