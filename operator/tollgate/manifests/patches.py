"""The merge patches that Tollgate sends: all that it ever changes of objects that are not its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tollgate.manifests.names import ANNOTATION_TARGET_UID, GOVERNED, RELEASED, REVISION, fit
from tollgate.ports import Object


def latch() -> Object:
    """Holds a Deployment: its template does not roll out, its scale works."""
    return {"spec": {"paused": True}}


def unlatch() -> Object:
    """Lets a Deployment roll out its template. Takes the field away, so that nobody owns it."""
    return {"spec": {"paused": None}}


def govern(on_delete: str) -> Object:
    """Marks a Deployment as governed. The value, Resume or Hold, is what its budget's end will mean."""
    return {"metadata": {"labels": {GOVERNED: on_delete}}}


def ungovern() -> Object:
    """Takes the mark away."""
    return {"metadata": {"labels": {GOVERNED: None}}}


def join(labels: Mapping[str, str]) -> Object:
    """Puts a candidate's pod into the endpoints of the target's Services."""
    return {"metadata": {"labels": dict(labels)}}


def leave(labels: Iterable[str]) -> Object:
    """Takes a candidate's pod out of these endpoints."""
    return {"metadata": {"labels": dict.fromkeys(labels)}}


def scale(replicas: int) -> Object:
    """Sets the number of replicas."""
    return {"spec": {"replicas": replicas}}


def release(target: Object, *, revision: str) -> Object:
    """Takes a ReplicaSet from its Deployment `target`, which must be latched; its pods go on serving.

    The Deployment's selector no longer matches the ReplicaSet's own labels, so its controller drops the owner
    and makes do with the ReplicaSets that are left. What is added says whose it was.
    """
    metadata = target["metadata"]
    selector = target["spec"]["selector"]
    keys = [*selector.get("matchLabels", {}), *(e["key"] for e in selector.get("matchExpressions", []))]
    return {
        "metadata": {
            "labels": {**dict.fromkeys(keys), RELEASED: fit(metadata["name"])},
            "annotations": {ANNOTATION_TARGET_UID: metadata["uid"], REVISION: revision},
        }
    }


def set_key(key: str, value: str | None) -> Object:
    """Sets a key of a ConfigMap, or takes it away."""
    return {"data": {key: value}}
