"""What a pod template is: its revision, its images, and the labels by which Services find its pods."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from tollgate.ports import Object

# A change of nothing but these annotations is no new revision: the same containers run as before.
VOLATILE = (
    "kubectl.kubernetes.io/restartedAt",  # kubectl rollout restart
    "kubectl.kubernetes.io/default-container",  # which container kubectl logs and exec mean
)
POD_TEMPLATE_HASH = "pod-template-hash"
_LONGEST_IMAGES = 1024


def revision(template: Object) -> str:
    """The revision of a pod template, ten hexadecimal digits.

    A Deployment's template and that of the ReplicaSet made from it have the same revision.
    """
    metadata = template.get("metadata") or {}
    content = {
        "labels": _without(metadata.get("labels"), (POD_TEMPLATE_HASH,)),
        "annotations": _without(metadata.get("annotations"), VOLATILE),
        "spec": template.get("spec") or {},
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:10]


def images(template: Object) -> str:
    """The images of the containers, in order, for people to read."""
    listed = ", ".join(container.get("image", "") for container in template["spec"]["containers"])
    return listed if len(listed) <= _LONGEST_IMAGES else listed[: _LONGEST_IMAGES - 1] + "…"


def selects(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether a Service's selector selects pods of these labels; an empty one selects nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


def join_labels(services: Iterable[Object], template: Object) -> dict[str, str]:
    """The labels without which no pod of the template is in any Service's endpoints.

    `services` are those of the template's namespace. Empty when none of them selects the template's pods.
    """
    labels = (template.get("metadata") or {}).get("labels") or {}
    joined: dict[str, str] = {}
    for service in services:
        spec = service.get("spec") or {}
        if spec.get("type") != "ExternalName" and selects(spec.get("selector"), labels):
            joined |= spec["selector"]
    return dict(sorted(joined.items()))


def _without(entries: Mapping[str, str] | None, dropped: Iterable[str]) -> dict[str, str]:
    return {key: value for key, value in (entries or {}).items() if key not in dropped}
