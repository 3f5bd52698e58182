"""The one exception of this package: its text is the whole message that the user reads."""

from __future__ import annotations


class ClusterError(Exception):
    """Something the cluster needs is missing or failed; the text says what, and the way out."""
