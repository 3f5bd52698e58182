"""The API server's JSON as the plain values a decision is made from. Missing fields have Kubernetes' defaults."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from tollgate.decide.snapshot import Copy, Pod, ReplicaSet, Target
from tollgate.manifests.names import (
    ANNOTATION_TARGET_UID,
    GOVERNED,
    RELEASED,
    REVISION,
    Identity,
    fit,
    owned_by,
)
from tollgate.manifests.revision import images, revision
from tollgate.ports import Object

MANAGER = "tollgate"


def uid(obj: Object) -> str:
    """The object's UID."""
    return str(obj["metadata"]["uid"])


def labels(obj: Object) -> Mapping[str, str]:
    """The object's labels."""
    found: Mapping[str, str] = obj["metadata"].get("labels") or {}
    return found


def created(obj: Object) -> datetime:
    """When the object was made."""
    return datetime.fromisoformat(obj["metadata"]["creationTimestamp"])


def rounded(value: int | str, of: int, *, up: bool) -> int:
    """A Kubernetes int-or-percent of a number of pods."""
    if isinstance(value, int):
        return value
    exact = of * int(value.rstrip("%")) / 100
    return math.ceil(exact) if up else math.floor(exact)


def target_view(deployment: Object, replica_sets: Iterable[Object]) -> Target:
    """The governed Deployment."""
    meta, spec = deployment["metadata"], deployment["spec"]
    status = deployment.get("status") or {}
    replicas = int(spec.get("replicas", 1))
    seen = int(status.get("observedGeneration", 0)) >= int(meta.get("generation", 0))
    updated = int(status.get("updatedReplicas", 0))
    rolled_out = (
        seen
        and updated == replicas
        and int(status.get("replicas", 0)) == replicas
        and int(status.get("availableReplicas", 0)) >= replicas
    )
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    mine = revision(spec["template"])
    paused = bool(spec.get("paused", False))
    has_set = any(
        owns(deployment, rs) and _same_template(spec["template"], rs["spec"]["template"])
        for rs in replica_sets
    )
    return Target(
        name=meta["name"],
        uid=meta["uid"],
        revision=mine,
        image=images(spec["template"]),
        paused=paused,
        paused_and_seen=paused and seen,
        governed=labels(deployment).get(GOVERNED, ""),
        replicas=replicas,
        ready=int(status.get("readyReplicas", 0)),
        updated=updated,
        rolled_out=rolled_out,
        template_active=has_set,
        max_unavailable=max(1, rounded(rolling.get("maxUnavailable", "25%"), replicas, up=False)),
        history_limit=int(spec.get("revisionHistoryLimit", 10)),
        progress_deadline_seconds=int(spec.get("progressDeadlineSeconds", 600)),
        pause_owner=pause_owner(deployment),
    )


def _same_template(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether a ReplicaSet holds exactly this template, volatile annotations included."""

    def bare(template: Mapping[str, Any]) -> dict[str, Any]:
        meta = template.get("metadata") or {}
        kept = {k: v for k, v in (meta.get("labels") or {}).items() if k != "pod-template-hash"}
        return {"labels": kept, "annotations": meta.get("annotations") or {}, "spec": template.get("spec")}

    return bare(a) == bare(b)


def pause_owner(deployment: Object) -> str:
    """A server-side applier other than us that owns spec.paused: it would fight for the latch."""
    for entry in deployment["metadata"].get("managedFields") or []:
        owns_it = "f:paused" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        if owns_it and entry.get("operation") == "Apply" and entry.get("manager") != MANAGER:
            return str(entry.get("manager"))
    return ""


def owns(deployment: Object, replica_set: Object) -> bool:
    """Whether the Deployment controls this ReplicaSet."""
    references = replica_set["metadata"].get("ownerReferences") or []
    return any(ref.get("controller") and ref["uid"] == uid(deployment) for ref in references)


def released_from(deployment_name: str, deployment_uid: str, replica_set: Object) -> bool:
    """Whether this ReplicaSet was taken out of that Deployment's hands by us."""
    notes = replica_set["metadata"].get("annotations") or {}
    return (
        labels(replica_set).get(RELEASED) == fit(deployment_name)
        and notes.get(ANNOTATION_TARGET_UID) == deployment_uid
        and not replica_set["metadata"].get("deletionTimestamp")
    )


def replica_set_views(deployment: Object, replica_sets: Iterable[Object]) -> tuple[ReplicaSet, ...]:
    """The Deployment's own ReplicaSets, and those that were released from it."""
    name, deployment_uid = deployment["metadata"]["name"], uid(deployment)
    views = []
    for rs in replica_sets:
        released = released_from(name, deployment_uid, rs)
        if not released and not owns(deployment, rs):
            continue
        views.append(
            ReplicaSet(
                name=rs["metadata"]["name"],
                uid=uid(rs),
                revision=revision(rs["spec"]["template"]),
                created=created(rs),
                replicas=int(rs["spec"].get("replicas", 1)),
                ready=int((rs.get("status") or {}).get("readyReplicas", 0)),
                released=released,
            )
        )
    return tuple(views)


def ready(pod: Object) -> bool:
    """Whether the pod is Ready and not on its way out."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return is_ready and not pod["metadata"].get("deletionTimestamp")


def reached(pods: Iterable[Object], join: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the ready ones that Services select."""
    return tuple(sorted(str(pod["metadata"]["name"]) for pod in pods if ready(pod) and joined(pod, join)))


def joined(pod: Object, join: Mapping[str, str]) -> bool:
    """Whether the pod carries every label that Services select."""
    return bool(join) and all(labels(pod).get(k) == v for k, v in join.items())


def unschedulable(pod: Object) -> str:
    """The scheduler's own words when it finds no room; "" otherwise."""
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', 'Unschedulable')}: {condition.get('message', '')}".strip(": ")
    return ""


def job_end(job: Object) -> str | None:
    """Why a Job has ended, "" if it does not say; None while it has not."""
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition["type"] in ("Failed", "Complete") and condition["status"] == "True":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}".strip(": ")
    return None


def pod_problem(pod: Object) -> str:
    """Why a pod is not ready, from the scheduler or its containers; "" when nothing is said."""
    reason = unschedulable(pod)
    if reason:
        return reason
    status = pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = container.get("state") or {}
        for kind in ("waiting", "terminated"):
            detail = state.get(kind) or {}
            if detail.get("reason") not in (None, "ContainerCreating", "PodInitializing", "Completed"):
                said = f"{container['name']}: {detail['reason']} {detail.get('message', '')}"
                return said.strip()[:200]
    return ""


def not_progressing(deployment: Object) -> str:
    """Why a Deployment's pods do not become ready within its progressDeadlineSeconds; "" while they may."""
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Progressing" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason") or "no reason is given")[:400]
    return ""


def copy_view(deployment: Object, pods: Iterable[Object], budget: Identity, join: Mapping[str, str]) -> Copy:
    """A copy of the target with its pods; a pod has joined when it carries every label that Services select."""
    meta = deployment["metadata"]
    template_labels = deployment["spec"]["template"]["metadata"].get("labels") or {}
    return Copy(
        name=meta["name"],
        uid=meta["uid"],
        ours=owned_by(deployment, budget),
        revision=template_labels.get(REVISION, ""),
        replicas=int(deployment["spec"].get("replicas", 1)),
        deleting=bool(meta.get("deletionTimestamp")),
        pods=pod_views(pods, join),
    )


def pod_views(pods: Iterable[Object], join: Mapping[str, str]) -> tuple[Pod, ...]:
    """The pods that are to stay, the oldest first."""
    return tuple(
        Pod(
            name=pod["metadata"]["name"],
            uid=uid(pod),
            ready=ready(pod),
            joined=joined(pod, join),
            problem="" if ready(pod) else pod_problem(pod),
        )
        for pod in sorted(pods, key=lambda p: (p["metadata"]["creationTimestamp"], p["metadata"]["name"]))
        if not pod["metadata"].get("deletionTimestamp")
    )
