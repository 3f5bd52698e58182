"""Reconciles one EfficiencyBudget: observe, decide, write the status, act. Level-triggered: it keeps nothing."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from tollgate.api.budget import BudgetStatus, EfficiencyBudget
from tollgate.api.conditions import Condition, set_condition
from tollgate.decide.actions import WriteRecord
from tollgate.decide.moves import recorded
from tollgate.decide.release import Step, step
from tollgate.ports import BUDGET, Clock, Cluster, Events, Metrics, Object
from tollgate.reconcile.act import Actor
from tollgate.reconcile.key import Key
from tollgate.reconcile.observe import Observed, Observer
from tollgate.reconcile.options import Options
from tollgate.reconcile.status import write_status

log = logging.getLogger(__name__)


class BudgetReconciler:
    """Brings the cluster to what a budget asks for, one step at a time."""

    def __init__(
        self, *, cluster: Cluster, metrics: Metrics, events: Events, clock: Clock, settings: Options
    ) -> None:
        self._cluster = cluster
        self._events = events
        self._clock = clock
        self._observer = Observer(cluster, metrics, clock, settings)

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
        if due.actions:
            await self._act(seen, due, stored)
        return due.after

    async def _act(self, seen: Observed, due: Step, stored: Object) -> None:
        actor = Actor(self._cluster, seen, seen.snapshot)
        for action in due.actions:
            log.info("%s", action, extra={"key": f"{seen.snapshot.namespace}/{seen.snapshot.name}"})
            await actor.carry_out(action)
            if isinstance(action, WriteRecord):
                release = due.status.release
                assert release is not None
                noted = release.model_copy(update={"decision": action.name})
                assert recorded(seen.snapshot, noted)
                status = due.status.model_copy(update={"release": noted})
                stored = await write_status(self._cluster, BUDGET, stored, status)

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
