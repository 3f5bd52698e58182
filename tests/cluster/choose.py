"""Chooses the cluster: one the user names, else `kind` where a container engine answers, else an embedded one.

Pure: the caller does the probing. A cluster that is already up stays the choice, whatever has changed since.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass


class Provider(enum.Enum):
    """Where the cluster comes from."""

    CONTEXT = "context"
    KIND = "kind"
    EMBEDDED = "embedded"


@dataclass(frozen=True)
class Choice:
    """A provider and the reason, in words for the user. `context` is set for `Provider.CONTEXT` only."""

    provider: Provider
    reason: str
    context: str = ""


def choose(environment: Mapping[str, str], recorded: str, docker_answers: Callable[[], bool]) -> Choice:
    """Picks the provider; asks `docker_answers` only if nothing else decides.

    `recorded` is the provider's value of the cluster that an earlier `up` started, or empty.
    """
    if context := environment.get("TOLLGATE_CONTEXT", ""):
        return Choice(Provider.CONTEXT, f"TOLLGATE_CONTEXT names the context {context!r}", context)
    if recorded:
        return Choice(Provider(recorded), "it was started before; `make cluster-down` removes it")
    if docker_answers():
        return Choice(Provider.KIND, "a Docker engine answers")
    return Choice(
        Provider.EMBEDDED,
        "no TOLLGATE_CONTEXT is set and no Docker engine answers, so this machine becomes the node",
    )
