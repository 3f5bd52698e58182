"""The exit threshold as a file has it, such as a key of a mounted ConfigMap: it counts without a restart.

The kubelet puts another file in its place when the ConfigMap changes, a minute or so later. What cannot be used changes
nothing and is said once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger("digits")

LOOK_SECONDS = 1.0


class Tuning:
    """Hands on the threshold each time that the file has another one; `default` while there is no such file."""

    def __init__(self, path: Path, default: float, apply: Callable[[float], None]) -> None:
        self._path = path
        self._default = default
        self._apply = apply
        self._text: str | None = None
        self._now = default

    def look(self) -> None:
        """Read the file again."""
        try:
            text = self._path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            text = ""
        except (OSError, UnicodeDecodeError) as error:
            text = f"unreadable: {error}"
        if text == self._text:
            return
        self._text = text
        try:
            threshold = float(text) if text else self._default
            if not 0 <= threshold <= 1:
                raise ValueError
        except ValueError:
            log.error("%s must hold a number within 0..1, not %r: staying at %g", self._path, text, self._now)
            return
        if threshold != self._now:
            log.info("exit threshold %g instead of %g", threshold, self._now)
        self._now = threshold
        self._apply(threshold)
