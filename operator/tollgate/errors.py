"""The exceptions of Tollgate, one small tree.

    TollgateError
    ├── ClusterError            the API server did not do what was asked
    │   ├── Conflict            somebody else was faster: read again (409, failed precondition)
    │   ├── Denied              not allowed, or refused by admission (401, 403, 422)
    │   └── Unavailable         cannot be reached, overloaded, timed out: try again (429, 5xx)
    ├── MetricsError            Prometheus did not answer usefully: no verdict, never a breach
    └── WebhookError            a webhook of the configuration did not take a call: it is called again

A wrong object is its author's mistake and becomes a condition; a broken dependency is a state. Only a bug
reaches the log as an exception.
"""

from __future__ import annotations


class TollgateError(Exception):
    """Base of all."""


class ClusterError(TollgateError):
    """The API server refused or failed; the message names the verb and the object."""


class Conflict(ClusterError):
    """The object changed, exists already, or is not the one that was meant."""


class Denied(ClusterError):
    """Authorization, admission or validation said no."""


class Unavailable(ClusterError):
    """The API server cannot be reached or asks to slow down; `retry_after` in seconds when it said so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class MetricsError(TollgateError):
    """Prometheus is down, slow, refuses the query or answers garbage."""


class WebhookError(TollgateError):
    """A webhook cannot be reached, or refuses; the message names it, and never its URL."""
