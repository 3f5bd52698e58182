"""Reconciles one EfficiencyBudget: observe, decide, write the status, act. Level-triggered: it keeps nothing."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from tollgate.api.budget import BudgetStatus, EfficiencyBudget
from tollgate.api.conditions import Condition, set_condition
from tollgate.decide.actions import CallWebhook
from tollgate.decide.record import written
from tollgate.decide.release import Step, step
from tollgate.decide.steps import delivered
from tollgate.errors import ClusterError
from tollgate.ports import BUDGET, Clock, Cluster, Events, Metrics, Object, Webhooks
from tollgate.reconcile.act import Actor
from tollgate.reconcile.key import Key
from tollgate.reconcile.observe import Observer
from tollgate.reconcile.options import Options
from tollgate.reconcile.records import write_record
from tollgate.reconcile.status import write_status

log = logging.getLogger(__name__)


class BudgetReconciler:
    """Brings the cluster to what a budget asks for, one step at a time."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        metrics: Metrics,
        events: Events,
        clock: Clock,
        settings: Options,
        webhooks: Webhooks,
    ) -> None:
        self._cluster = cluster
        self._events = events
        self._clock = clock
        self._webhooks = webhooks
        self._observer = Observer(cluster, metrics, clock, settings, webhooks.names)

    async def reconcile(self, key: Key) -> float | None:
        """Seconds until the next look; None when only an event can bring something new."""
        raw = await self._cluster.get(BUDGET, key.namespace, key.name)
        if raw is None or raw["metadata"].get("deletionTimestamp"):
            return None  # its Deployment is given back by the orphan reconciler
        try:
            budget = EfficiencyBudget.model_validate(raw)
        except ValidationError as error:
            await self._malformed(raw, error)
            return None
        seen = await self._observer.observe(raw, budget)
        due = step(seen.snapshot)
        stored = await write_status(self._cluster, BUDGET, raw, due.status)
        for notice in due.notices:
            log.info(notice.message, extra={"key": str(key), "reason": notice.reason})
            await self._events.publish(raw, notice.type, notice.reason, notice.message)
        refused = await self._record(key, due, stored)
        if due.actions:
            actor = Actor(self._cluster, self._webhooks, seen)
            for action in due.actions:
                log.info("%s", action, extra={"key": str(key)})
                await actor.carry_out(action)
                if isinstance(action, CallWebhook):
                    await self._noted(key, action)
        if refused is not None:
            raise refused
        return due.after

    async def _noted(self, key: Key, call: CallWebhook) -> None:
        """That a webhook took the call is nowhere but in the status: after a restart in between it is called again."""
        raw = await self._cluster.get(BUDGET, key.namespace, key.name)
        if raw is not None:
            status = BudgetStatus.model_validate(raw.get("status") or {})
            await write_status(self._cluster, BUDGET, raw, delivered(status, call))

    async def _record(self, key: Key, due: Step, stored: Object) -> ClusterError | None:
        """Write what is still to be written; what kept it from being written, if anything did."""
        status = due.status
        try:
            for record in due.records:
                await write_record(self._cluster, key.namespace, record)
                status = written(status, record)
                stored = await write_status(self._cluster, BUDGET, stored, status)
        except ClusterError as error:
            return error
        return None

    async def _malformed(self, raw: Object, error: ValidationError) -> None:
        """An object that the CRD let through and the models do not: said on the object, and no one else's trouble."""
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = (
            f"{where}: {first['msg']} (and {error.error_count() - 1} more)"
            if error.error_count() > 1
            else (f"{where}: {first['msg']}")
        )
        try:
            status = BudgetStatus.model_validate(raw.get("status") or {})
        except ValidationError:
            status = BudgetStatus()
        generation = int(raw["metadata"].get("generation", 0))
        conditions: list[Condition] = list(status.conditions)
        for type_, value in (("Ready", False), ("Stalled", True)):
            conditions = set_condition(
                conditions, type_, value, "Invalid", message, generation=generation, now=self._clock.now()
            )
        await write_status(
            self._cluster,
            BUDGET,
            raw,
            status.model_copy(update={"conditions": conditions, "observed_generation": generation}),
        )
