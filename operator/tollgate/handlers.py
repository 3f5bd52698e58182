"""Kopf keeps the watches and feeds what they deliver to `runtime.feed`. That is all it may do.

It must not write: no handler here is of a kind for which kopf puts annotations, finalizers or status on objects, and
where it would tidy up after itself, its marks are named so that no object has them.
"""

from __future__ import annotations

import os
from typing import Any

import kopf

from tollgate.api.base import GROUP
from tollgate.manifests.names import BENCHMARK
from tollgate.ports import JOB, Kind
from tollgate.runtime.feed import WATCHED, Feed

_CHUNK = 500
_STREAM_SECONDS = 240
_SILENT_SECONDS = 70.0  # the API server sends a bookmark every 60 s
_CONNECT_SECONDS = 10.0
_REQUEST_SECONDS = 60.0
_IDLE_SECONDS = 0.1
_BACKOFFS = (1, 2, 3, *(5,) * 60)  # five minutes, then the process ends


def registry(feed: Feed) -> kopf.OperatorRegistry:
    """One raw event handler for each kind that is watched."""
    handlers = kopf.OperatorRegistry()

    async def observe(*, event: kopf.RawEvent, param: Any = None, **_: Any) -> None:
        feed.observe(param, event["type"], dict(event["object"]))

    async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        if os.environ.get("KUBECONFIG"):
            return kopf.login_with_kubeconfig(**kwargs)
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    for kind in WATCHED:
        kopf.on.event(*_selector(kind), id=kind.plural, param=kind, registry=handlers)(observe)
    kopf.on.login(registry=handlers)(login)
    return handlers


def settings() -> kopf.OperatorSettings:
    """Kopf's settings: read only, no look at other CRDs, streams that are known to be alive."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.peering.standalone = True
    chosen.process.ultimate_exiting_timeout = None
    # Kopf removes its finalizer and reads its annotations wherever it meets them: also other operators'.
    chosen.persistence.finalizer = f"{GROUP}/never-set"
    chosen.persistence.diffbase_storage = _NoDiffBase()
    chosen.watching.label_selectors[_selector(JOB)] = BENCHMARK
    chosen.watching.chunk_size = _CHUNK
    chosen.watching.server_timeout = _STREAM_SECONDS
    chosen.watching.inactivity_timeout = _SILENT_SECONDS
    chosen.watching.connect_timeout = _CONNECT_SECONDS
    chosen.networking.request_timeout = _REQUEST_SECONDS
    chosen.networking.error_backoffs = _BACKOFFS
    chosen.queueing.idle_timeout = _IDLE_SECONDS  # until then a worker holds on to the last object
    return chosen


def _selector(kind: Kind) -> tuple[str, str, str]:
    group, _, version = kind.api_version.rpartition("/")
    return group, version, kind.plural


class _NoDiffBase(kopf.DiffBaseStorage):
    """Nothing is compared, so nothing is copied, read or stored."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return {}

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        pass
