"""Runs the reconcilers against the fake world, as the operator would, one pass at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.unit.reconcile.world import Killed, World
from tollgate.api.budget import BudgetStatus, Stage
from tollgate.errors import ClusterError, WebhookError
from tollgate.manifests.benchmark_job import JobSettings
from tollgate.measure.cost import PriceTable
from tollgate.reconcile.benchmark import BenchmarkReconciler
from tollgate.reconcile.budget import BudgetReconciler
from tollgate.reconcile.key import Key
from tollgate.reconcile.options import Options, Tariffs
from tollgate.reconcile.orphan import OrphanReconciler

OPTIONS = Options(
    tariffs=Tariffs(PriceTable("USD", Decimal("0.03"), Decimal("0.004"), Decimal("0.95"))),
    job=JobSettings(image="operator:test"),
)


class Operator:
    """The three reconcilers. A new instance is a restarted operator: it remembers nothing."""

    def __init__(self, world: World, name: str = "digits") -> None:
        self.world = world
        self.name = name
        self.restart()

    def restart(self) -> None:
        """Throw away all that is in memory."""
        ports: dict[str, Any] = {
            "cluster": self.world,
            "metrics": self.world,
            "events": self.world,
            "clock": self.world,
            "settings": OPTIONS,
        }
        self.budgets = BudgetReconciler(**ports, webhooks=self.world)
        self.benchmarks = BenchmarkReconciler(**ports)
        self.orphans = OrphanReconciler(**ports)

    @property
    def status(self) -> BudgetStatus:
        """The budget's status as stored."""
        raw = self.world.objects[("efficiencybudgets", "vision", self.name)]
        return BudgetStatus.model_validate(raw.get("status") or {})

    @property
    def stage(self) -> Stage | None:
        """The stage of the release."""
        return self.status.release.stage if self.status.release else None

    def recorded(self, stage: Stage) -> bool:
        """Whether the release is in that stage and its decision is on record."""
        release = self.status.release
        return (
            release is not None and release.stage is stage and release.decision.endswith(stage.value.lower())
        )

    async def pass_once(self) -> None:
        """Every key is looked at once; a refused write is tried again with the next pass."""
        with contextlib.suppress(ClusterError, WebhookError):
            await self.budgets.reconcile(Key("budget", "vision", self.name))
        for plural, _, name in list(self.world.objects):
            if plural == "benchmarks":
                with contextlib.suppress(ClusterError):
                    await self.benchmarks.reconcile(Key("benchmark", "vision", name))
        with contextlib.suppress(ClusterError):
            await self.orphans.reconcile(Key("deployment", "vision", "digits"))

    async def run(
        self, until: Callable[[], bool] | Stage, passes: int = 400, each: Callable[[], None] | None = None
    ) -> None:
        """Passes and ticks until something holds; an operator that is killed starts again."""
        done = until if callable(until) and not isinstance(until, Stage) else (lambda: self.stage is until)
        for _ in range(passes):
            try:
                await self.pass_once()
            except Killed:
                self.restart()
            self.world.tick()
            if each is not None:
                each()
            if done():
                return
        conditions = "\n".join(f"{c.type}={c.status} {c.reason}: {c.message}" for c in self.status.conditions)
        raise AssertionError(f"not reached in {passes} passes; stage {self.stage}\n{conditions}")
