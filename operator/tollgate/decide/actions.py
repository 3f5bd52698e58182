"""What the operator does to the cluster, as data. `reconcile.act` carries it out; every one is idempotent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tollgate.decide.snapshot import Pod


@dataclass(frozen=True)
class SetPaused:
    """Latch the target (True) or let it roll (False)."""

    paused: bool


@dataclass(frozen=True)
class Govern:
    """Put the governing label on the target; its value says what happens when the budget goes. "" takes it off."""

    value: str


@dataclass(frozen=True)
class MakeCandidate:
    """Make the copy that runs the new template, or set its number of pods."""

    replicas: int


@dataclass(frozen=True)
class DeleteCandidate:
    """Remove the copy."""


@dataclass(frozen=True)
class MakeBaseline:
    """Make the copy that runs last-good beside the candidate, or set its number of pods."""

    replicas: int


@dataclass(frozen=True)
class DeleteBaseline:
    """Remove that copy."""


@dataclass(frozen=True)
class MakeBenchmark:
    """Have the candidate measured, alone or in turn with the baseline."""

    name: str
    paired: bool = False


@dataclass(frozen=True)
class Join:
    """Put candidate pods into the endpoints of the target's Services."""

    pods: tuple[str, ...]


@dataclass(frozen=True)
class Leave:
    """Take candidate pods out of the endpoints."""

    pods: tuple[str, ...]


@dataclass(frozen=True)
class ReleaseReplicaSet:
    """Take a ReplicaSet out of the target's hands, so that the Deployment controller scales up the other."""

    name: str


@dataclass(frozen=True)
class ScaleReplicaSet:
    """Set the number of pods of a released ReplicaSet."""

    name: str
    replicas: int


@dataclass(frozen=True)
class DeleteReplicaSet:
    """Remove a ReplicaSet: a released one that is no longer needed, or empty history."""

    name: str


@dataclass(frozen=True)
class DeleteRecord:
    """Delete a record for which a checkpoint stands."""

    name: str
    uid: str


@dataclass(frozen=True)
class SetKey:
    """Set a key of a ConfigMap as it was seen, or take it away (None)."""

    config_map: str
    uid: str
    version: str
    key: str
    value: str | None


@dataclass(frozen=True)
class ScaleFallback:
    """Set the number of pods of a Deployment that stands by."""

    name: str
    uid: str
    replicas: int


@dataclass(frozen=True)
class Admit:
    """Put pods of a fallback into the endpoints of the target's Services."""

    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class Dismiss:
    """Take them out again."""

    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class CallWebhook:
    """Call a webhook of the operator's configuration about a step: Degrade or Restore."""

    webhook: str
    step: str
    action: Literal["Degrade", "Restore"]


Action = (
    SetPaused
    | Govern
    | MakeCandidate
    | DeleteCandidate
    | MakeBaseline
    | DeleteBaseline
    | MakeBenchmark
    | Join
    | Leave
    | ReleaseReplicaSet
    | ScaleReplicaSet
    | DeleteReplicaSet
    | DeleteRecord
    | SetKey
    | ScaleFallback
    | Admit
    | Dismiss
    | CallWebhook
)


Row = tuple[str, bool | None, str, str]
"""A condition that is to be set: its type, whether it holds (None: unknown), the reason and the message."""


@dataclass(frozen=True)
class Notice:
    """A Kubernetes Event about the budget."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
