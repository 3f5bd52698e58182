"""Leader election by a coordination.k8s.io Lease: at most one operator acts.

The official client's async election is not used: it compares naive wall clocks, sets no time limit on its calls,
ends on a connection error and never gives the lease back.

The holder must know that it holds, not believe it. `seconds_left` counts from before the last renewal was sent, on
the monotonic and on the wall clock, and ends well before anybody else may take over; every write asks it. So a
process that was stopped, or a machine that slept, finds its time over before it can do harm.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from tollgate.errors import ClusterError
from tollgate.ports import Cluster, Kind, Object

logger = logging.getLogger(__name__)

LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
_NAME = "tollgate"
_NEVER = (-math.inf, -math.inf)

Lead = Callable[[], Coroutine[Any, Any, None]]


class Lease:
    """One candidate. What leads is begun when the lease is held, and cancelled before it can be lost.

    Others wait `duration` seconds after the last renewal that they saw; the holder stops `deadline` seconds after
    it sent its last one.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        identity: str,
        duration: float = 15.0,
        deadline: float = 10.0,
        interval: float = 3.0,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._identity = identity
        self._duration = duration
        self._deadline = deadline
        self._interval = interval
        self._monotonic = monotonic
        self._wall = wall
        self._held_until = _NEVER
        self._observed: tuple[Object, float] = ({}, -math.inf)

    def seconds_left(self) -> float:
        """For how long this process may still act; <= 0 when it may not."""
        monotonic, wall = self._held_until
        return min(monotonic - self._monotonic(), wall - self._wall())

    async def run(self, lead: Lead) -> None:
        """Lead whenever the lease is held, until `lead` ends by itself; give the lease back at the end."""
        try:
            ended = False
            while not ended:
                if await self._acquire_or_renew():
                    logger.info("Leading as %s", self._identity)
                    ended = await self._while_held(lead)
                else:
                    await asyncio.sleep(self._interval)
        finally:
            await self._release()

    async def _while_held(self, lead: Lead) -> bool:
        """True when `lead` ended by itself, False when the lease was lost."""
        leading = asyncio.create_task(lead(), name="lead")
        try:
            while (left := self.seconds_left()) > 0:
                done, _ = await asyncio.wait([leading], timeout=min(self._interval, left))
                if done:
                    leading.result()
                    return True
                if self.seconds_left() > 0:  # a lease that ran out is acquired anew, not renewed
                    await self._acquire_or_renew()
            logger.warning("Lost the lease: acting no more")
            return False
        finally:
            leading.cancel()
            await asyncio.wait([leading])

    async def _acquire_or_renew(self) -> bool:
        began = self._monotonic(), self._wall()
        left = self.seconds_left()
        try:
            async with asyncio.timeout(min(self._deadline / 2, left if left > 0 else math.inf)):
                held = await self._write_if_free()
        except (ClusterError, TimeoutError) as error:
            logger.warning("The lease was neither got nor renewed: %s", error or "no answer in time")
            return False
        self._held_until = (began[0] + self._deadline, began[1] + self._deadline) if held else _NEVER
        return held

    async def _write_if_free(self) -> bool:
        """Whether the lease is this candidate's now. Conflict when somebody else was faster."""
        lease = await self._cluster.get(LEASE, self._namespace, _NAME)
        if lease is None:
            await self._cluster.create(
                {
                    "apiVersion": LEASE.api_version,
                    "kind": LEASE.kind,
                    "metadata": {"name": _NAME, "namespace": self._namespace},
                    "spec": self._spec({}),
                }
            )
            return True
        spec = lease.get("spec") or {}
        if _holder(spec) not in ("", self._identity) and not self._expired(spec):
            return False
        await self._patch(lease, self._spec(spec))
        return True

    def _expired(self, spec: Object) -> bool:
        """Whether this record has not changed for its duration, on this process' own clock."""
        if spec != self._observed[0]:
            self._observed = (spec, self._monotonic())
        duration = max(self._duration, float(spec.get("leaseDurationSeconds") or 0))
        return self._monotonic() - self._observed[1] > duration

    def _spec(self, before: Object) -> Object:
        """The record of a lease that this candidate holds from now on, or still."""
        now = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": math.ceil(self._duration),
            "renewTime": now,
        }
        if _holder(before) != self._identity:
            spec |= {"acquireTime": now, "leaseTransitions": int(before.get("leaseTransitions") or 0) + 1}
        return spec

    async def _patch(self, lease: Object, spec: Object) -> None:
        resource_version = lease["metadata"]["resourceVersion"]
        await self._cluster.patch(
            LEASE, self._namespace, _NAME, {"spec": spec}, resource_version=resource_version
        )

    async def _release(self) -> None:
        held = self.seconds_left() > 0
        self._held_until = _NEVER
        if not held:
            return
        try:
            async with asyncio.timeout(self._deadline / 2):
                lease = await self._cluster.get(LEASE, self._namespace, _NAME)
                if lease and _holder(lease.get("spec") or {}) == self._identity:
                    await self._patch(lease, {"holderIdentity": None})
        except (ClusterError, TimeoutError) as error:
            logger.warning(
                "The lease was not given back and has to run out: %s", error or "no answer in time"
            )


def _holder(spec: Object) -> str:
    return str(spec.get("holderIdentity") or "")
