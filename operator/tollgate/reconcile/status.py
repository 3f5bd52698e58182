"""Writing a status: only what changed, only over the version that was read."""

from __future__ import annotations

from typing import Any

from tollgate.api.base import Model
from tollgate.errors import Conflict
from tollgate.ports import Cluster, Kind, Object


def merge_diff(old: Any, new: Any) -> dict[str, Any]:
    """The JSON merge patch (RFC 7386) from one object to another; {} when they are equal."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = merge_diff(before, value)
            if inner:
                patch[key] = inner
        elif key not in old or before != value:
            patch[key] = value
    return patch


async def write_status(cluster: Cluster, kind: Kind, raw: Object, status: Model) -> Object:
    """Store `status` in the object that was read as `raw`; no call when nothing changed.

    Raises Conflict when the object has changed since: the decision is then made again from what is there now.
    """
    patch = merge_diff(raw.get("status") or {}, status.dump())
    if not patch:
        return raw
    meta = raw["metadata"]
    if not meta.get("resourceVersion"):
        raise Conflict(f"{kind.kind} {meta.get('namespace')}/{meta['name']} was never read")
    return await cluster.patch(
        kind,
        meta.get("namespace", ""),
        meta["name"],
        {"status": patch},
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        subresource="status",
    )
