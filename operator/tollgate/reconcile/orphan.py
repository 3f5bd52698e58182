"""Gives a Deployment back to its owner when the budget that governed it is gone.

There are no finalizers: the budget may be deleted while the operator is down. What is to happen then stands in the
governing label on the Deployment itself.
"""

from __future__ import annotations

import logging

from tollgate.manifests import patches
from tollgate.manifests.names import GOVERNED, RELEASED, fit
from tollgate.ports import BUDGET, DEPLOYMENT, REPLICA_SET, Clock, Cluster, Events, Metrics, Object
from tollgate.reconcile import views
from tollgate.reconcile.key import Key
from tollgate.reconcile.options import Options

log = logging.getLogger(__name__)


class OrphanReconciler:
    """Unlatches governed Deployments that no budget names."""

    def __init__(
        self, *, cluster: Cluster, metrics: Metrics, events: Events, clock: Clock, settings: Options
    ) -> None:
        self._cluster = cluster
        self._events = events

    async def reconcile(self, key: Key) -> float | None:
        """One pass over one Deployment; seconds until the next while something is still to be cleared away."""
        deployment = await self._cluster.get(DEPLOYMENT, key.namespace, key.name)
        if deployment is None:
            return None
        value = views.labels(deployment).get(GOVERNED)
        if value is None or await self._governed(key):
            return None
        resume = value != "Hold"
        if resume and deployment["spec"].get("paused"):
            log.info("budget gone: rolling out the template", extra={"key": str(key)})
            await self._events.publish(
                deployment, "Normal", "Released", "its EfficiencyBudget is gone: rolling out its template"
            )
            deployment = await self._patch(deployment, patches.unlatch())
        if not await self._cleared(deployment, resume=resume):
            return 1.0
        await self._patch(deployment, patches.ungovern())
        return None

    async def _governed(self, key: Key) -> bool:
        budgets = await self._cluster.list(BUDGET, key.namespace)
        return any(
            (budget.get("spec") or {}).get("target", {}).get("name") == key.name
            and not budget["metadata"].get("deletionTimestamp")
            for budget in budgets
        )

    async def _cleared(self, deployment: Object, *, resume: bool) -> bool:
        """Whether no ReplicaSet of a roll-back is left; it goes once the Deployment's own pods can do without it."""
        meta = deployment["metadata"]
        sets = await self._cluster.list(REPLICA_SET, meta["namespace"], f"{RELEASED}={fit(meta['name'])}")
        sets = [rs for rs in sets if views.released_from(meta["name"], meta["uid"], rs)]
        if not sets:
            return True
        target = views.target_view(deployment, [])
        if not (target.rolled_out if resume else target.ready >= target.replicas):
            return False
        for rs in sets:
            await self._cluster.delete(
                REPLICA_SET, meta["namespace"], rs["metadata"]["name"], uid=views.uid(rs)
            )
        return True

    async def _patch(self, deployment: Object, body: Object) -> Object:
        meta = deployment["metadata"]
        return await self._cluster.patch(DEPLOYMENT, meta["namespace"], meta["name"], body, uid=meta["uid"])
