"""Names, labels and owner references of everything that Tollgate makes.

A name is a pure function of what it stands for, so that a create that is repeated after a crash meets its own
first try instead of making a second object.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tollgate.api.base import GROUP
from tollgate.api.decision import Action
from tollgate.ports import Kind, Object

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "tollgate"

# Labels. A value that is an object's name is always `fit(name)`.
GOVERNED = f"{GROUP}/governed"  # on a governed Deployment: what its budget's end means for it, Resume or Hold
BUDGET = f"{GROUP}/budget"
TARGET = f"{GROUP}/target"
CANDIDATE = f"{GROUP}/candidate"  # on a candidate and its pods: the name of the target
BASELINE = f"{GROUP}/baseline"  # on a baseline and its pods: the name of the target
BENCHMARK = f"{GROUP}/benchmark"
SWEEP = f"{GROUP}/sweep"  # on what a sweep makes: the name of its Benchmark, or of the copy that a pod is of
REVISION = f"{GROUP}/revision"
RELEASED = f"{GROUP}/released"  # on a ReplicaSet taken from its Deployment: the name of that Deployment
ACTION = f"{GROUP}/action"
DEGRADABLE = (
    f"{GROUP}/degradable"  # on a ConfigMap or Deployment, by people: steps of degradation may change it
)

# Annotations.
ANNOTATION_TARGET_UID = f"{GROUP}/target-uid"
ANNOTATION_MEASURE_AGAIN = (
    f"{GROUP}/measure-again"  # on a budget, by people: another value asks for a measurement
)


@dataclass(frozen=True)
class Identity:
    """An object as it is now: its successor under the same name has another uid."""

    kind: Kind
    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, kind: Kind, obj: Object) -> Identity:
        """The identity of an object that the API server returned."""
        metadata = obj["metadata"]
        return cls(kind, metadata.get("namespace", ""), metadata["name"], metadata["uid"])

    def owner_reference(self) -> Object:
        """Makes this object the controller of another, which goes when this one does, and never delays it."""
        return {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }


def owned_by(obj: Object, owner: Identity) -> bool:
    """Whether that very object, not one of the same name, controls `obj`."""
    references = obj["metadata"].get("ownerReferences") or []
    return any(r.get("controller") and r.get("uid") == owner.uid for r in references)


def fit(name: str, limit: int = 63) -> str:
    """`name`, or its head and a hash of the whole where it is longer than a label value may be."""
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9].rstrip('-.')}-{_short_hash(name)}"


def host(name: str, limit: int) -> str:
    """`name` as hosts are called: as `fit`, with a hash in the place of dots."""
    if "." not in name:
        return fit(name, limit)
    return f"{name.replace('.', '-')[: limit - 9].rstrip('-')}-{_short_hash(name)}"


def candidate_name(target: str) -> str:
    """Name of the candidate's Deployment."""
    return fit(f"{target}-candidate")


def baseline_name(target: str) -> str:
    """Name of the Deployment that runs last-good beside the candidate."""
    return fit(f"{target}-baseline")


def benchmark_name(budget: Identity, release: int, revision: str, attempt: int = 1) -> str:
    """Name of the Benchmark of a candidate; a repeated one has its attempt in the name."""
    repeated = f"-{attempt}" if attempt > 1 else ""
    return fit(f"{budget.name}-{_short_hash(budget.uid)[:5]}-{release}-{revision}{repeated}")


def point_name(sweep: str, number: int) -> str:
    """Name of the Benchmark of an operating point."""
    return fit(f"{sweep}-point-{number}")


def point_copy_name(sweep: str, number: int) -> str:
    """Name of the Deployment on which the operating points of an environment are measured."""
    return fit(f"{sweep}-copy-{number}")


def decision_name(budget: Identity, release: int, action: Action, attempt: int = 1) -> str:
    """Name of a decision's record. Records outlive their budget, so the budget's uid is part of it.

    An action that a release can come to with each of its measurements has the `attempt` in the name.
    """
    repeated = f"-{attempt}" if attempt > 1 else ""
    return fit(f"{budget.name}-{_short_hash(budget.uid)[:5]}-{release}-{action.lower()}{repeated}")


def change_name(budget: Identity, sequence: int) -> str:
    """Name of the record of a change of limits at that place of its target's chain."""
    return fit(f"{budget.name}-{_short_hash(budget.uid)[:5]}-changed-{sequence}")


def step_name(budget: Identity, action: Action, sequence: int) -> str:
    """Name of the record of a step of degradation at that place of its target's chain."""
    return fit(f"{budget.name}-{_short_hash(budget.uid)[:5]}-{action.lower()}-{sequence}")


def checkpoint_name(budget: Identity, sequence: int) -> str:
    """Name of the checkpoint at that place of its target's chain."""
    return fit(f"{budget.name}-{_short_hash(budget.uid)[:5]}-checkpoint-{sequence}")


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
