"""What a request that got no good answer leaves: its kind, and a sentence.

What the server said is kept apart from our own words: it may repeat what was sent to it, and that may have been a
credential. So it is only quoted where none was sent.
"""

from __future__ import annotations

from tollgate.bench.records import Outcome

_QUOTED = 200  # characters


class FailedError(Exception):
    """A request got no good answer; `outcome` says of what kind, the message what happened, in our own words."""

    def __init__(self, outcome: Outcome, message: str, said: str = "") -> None:
        super().__init__(message)
        self.outcome = outcome
        self._said = said

    def explain(self, quote: bool) -> str:
        """The message, with what the server said if that may be quoted."""
        line = " ".join("".join(c if c.isprintable() else " " for c in self._said[: 2 * _QUOTED]).split())
        return f"{self}: {line[:_QUOTED]}" if quote and line else str(self)


class StarvedError(FailedError):
    """The request failed for want of a socket or port here: the client's fault, not the server's."""


class GarbageError(FailedError):
    """An answer that says 200 and is no answer: not JSON, or without what the profile says is in it."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(Outcome.GARBAGE, message, said)
