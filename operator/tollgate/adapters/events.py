"""Kubernetes Events about objects, as `kubectl describe` shows them.

They must never decide or block anything: a failure is logged and forgotten. What was said in the last ten
minutes is not said again, so that a state that lasts does not flood the API server.
"""

from __future__ import annotations

import logging
import socket
from datetime import datetime, timedelta
from typing import Literal

from tollgate.ports import Clock, Cluster, Object

logger = logging.getLogger(__name__)

REPORTING_CONTROLLER = "tollgate.dev/operator"
_QUIET = timedelta(minutes=10)
_REMEMBERED = 10_000
_LONGEST_NOTE_BYTES = 1024
_LONGEST_NAME = 200

_Said = tuple[str, str, str, str]


class KubernetesEvents:
    """`ports.Events`, as events.k8s.io/v1."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._instance = socket.gethostname()[:128]
        self._said: dict[_Said, datetime] = {}  # oldest first

    async def publish(
        self, about: Object, type_: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        """See ports.Events."""
        try:
            await self._publish(about, type_, reason, message)
        except Exception as error:
            logger.warning("Event %s was not recorded: %s", reason, error)

    async def _publish(self, about: Object, type_: str, reason: str, message: str) -> None:
        now = self._clock.now()
        self._forget(now)
        metadata = about["metadata"]
        said = (metadata.get("uid", ""), type_, reason, message)
        if said in self._said:
            return
        await self._cluster.create(self._event(about, type_, reason, message, now))
        self._said[said] = now

    def _forget(self, now: datetime) -> None:
        while self._said:
            oldest = next(iter(self._said))
            if now - self._said[oldest] < _QUIET and len(self._said) < _REMEMBERED:
                return
            del self._said[oldest]

    def _event(self, about: Object, type_: str, reason: str, message: str, now: datetime) -> Object:
        metadata = about["metadata"]
        namespace = metadata.get("namespace", "")
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "generateName": f"{metadata['name'][:_LONGEST_NAME]}-",
                "namespace": namespace or "default",  # where Events about cluster-scoped objects live
            },
            "regarding": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "namespace": namespace,
                "name": metadata["name"],
                "uid": metadata.get("uid", ""),
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            "type": type_,
            "reason": reason,
            "action": reason,
            "note": message.encode()[:_LONGEST_NOTE_BYTES].decode(errors="ignore"),
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": REPORTING_CONTROLLER,
            "reportingInstance": self._instance,
        }
