"""Has a sweep carried out: a Benchmark for each operating point, one after the other, on copies of the target.

Everything is told by what is there: the copies and the Benchmarks of the points are the sweep's own, by name and owner.
So a restart goes on at the point that was being measured, and deleting the sweep deletes all that it made.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from tollgate.api import units
from tollgate.api.benchmark import Benchmark, BenchmarkStatus
from tollgate.api.budget import EfficiencyBudget
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.api.sweep import OperatingPoint, Point, Sweep
from tollgate.decide.limits import count
from tollgate.decide.operating_points import (
    Terms,
    cheapest,
    grid,
    measured_point,
    sweep_problem,
    told,
    with_dominance,
)
from tollgate.decide.planning import benchmark_counting, benchmark_limits
from tollgate.errors import Conflict
from tollgate.manifests.benchmark import point_benchmark
from tollgate.manifests.candidate import operating_point
from tollgate.manifests.names import Identity, owned_by, point_copy_name, point_name
from tollgate.manifests.revision import join_labels, revision
from tollgate.measure.cost import CostUnknown
from tollgate.ports import BENCHMARK, BUDGET, DEPLOYMENT, SERVICE, Cluster, Kind, Object
from tollgate.reconcile import views
from tollgate.reconcile.hardware import cost_of, facts_of
from tollgate.reconcile.options import Tariffs
from tollgate.reconcile.prices import Prices


@dataclass(frozen=True)
class Told:
    """Where a sweep is: `done` is True or False once it has ended, None before."""

    done: bool | None
    reason: str
    message: str
    status: BenchmarkStatus


class _Waits(Exception):
    """Something is missing that people may still provide."""


class _Taken(Exception):
    """Something else has a name that the sweep needs."""


class _Changed(Exception):
    """The target is another version than the one of the points before."""


class _NotReady(Exception):
    """A point can not be measured, as its pods do not become ready."""


class _Unpriced(Exception):
    """What a point cost is not known yet."""


@dataclass(frozen=True)
class _Asked:
    """What a sweep is to measure, and of what."""

    identity: Identity
    wanted: Benchmark
    profile: BenchmarkProfileSpec
    sweep: Sweep
    target: Object
    terms: Terms | None

    @property
    def points(self) -> list[Point]:
        return grid(self.sweep)

    @property
    def revision(self) -> str:
        return revision(self.target["spec"]["template"])

    def copy_of(self, number: int) -> int:
        """Number of the copy on which a point is measured: that of the first point with the same environment."""
        point = self.points[number - 1]
        return next(n for n, p in enumerate(self.points, start=1) if p.environment == point.environment)


class Sweeps:
    """Carries out the Benchmarks that are sweeps."""

    def __init__(self, cluster: Cluster, prices: Prices, tariffs: Tariffs) -> None:
        self._cluster = cluster
        self._prices = prices
        self._tariffs = tariffs

    async def step(self, raw: Object, wanted: Benchmark, profile: BenchmarkProfileSpec) -> Told:
        """Go on as far as possible now."""
        status = wanted.status
        if problem := sweep_problem(profile):
            said = f"BenchmarkProfile {wanted.spec.profile_ref.name}: {problem}"
            return Told(False, "NoSweep", said[:1024], status)
        try:
            asked = await self._asked(Identity.of(BENCHMARK, raw), wanted, profile)
            found, waits_for = await self._go_on(asked)
        except _Waits as missing:
            return Told(None, "Waiting", str(missing), status)
        except _Taken as taken:
            said = f"{taken} belongs to something else: delete it, or call the sweep otherwise"
            return Told(False, "NameTaken", said, status)
        except _Changed:
            said = f"Deployment {wanted.spec.target.name} was changed while its points were measured: make another one"
            return Told(False, "TargetChanged", said, status)
        pending = [
            OperatingPoint(number=n, settings=str(point))
            for n, point in enumerate(asked.points, start=1)
            if n > len(found)
        ]
        marked = with_dominance([*found, *pending])
        best = cheapest(marked)
        number = best.number if best else None
        status = status.model_copy(update={"operating_points": marked, "cheapest": number})
        if pending:
            at = f"point {pending[0].number} of {len(marked)} ({pending[0].settings}): {waits_for}"
            return Told(None, "Running", at, status)
        measured = any(point.phase == "Measured" for point in marked)
        reason = "Measured" if measured else "NothingMeasured"
        return Told(measured, reason, told(marked, judged=asked.terms is not None), status)

    async def _asked(self, identity: Identity, wanted: Benchmark, profile: BenchmarkProfileSpec) -> _Asked:
        name, namespace = wanted.spec.target.name, identity.namespace
        target = await self._cluster.get(DEPLOYMENT, namespace, name)
        if target is None:
            raise _Waits(f"there is no Deployment {name} in this namespace: create it")
        assert profile.sweep is not None  # else there was a problem
        return _Asked(identity, wanted, profile, profile.sweep, target, await self._terms(wanted, namespace))

    async def _terms(self, wanted: Benchmark, namespace: str) -> Terms | None:
        sweep = wanted.spec.sweep
        if sweep is None or sweep.budget_ref is None:
            return None
        name = sweep.budget_ref.name
        raw = await self._cluster.get(BUDGET, namespace, name)
        if raw is None:
            raise _Waits(f"there is no EfficiencyBudget {name} in this namespace: create it")
        spec = EfficiencyBudget.model_validate(raw).spec
        return Terms(spec.objectives, float(spec.confidence))

    async def _go_on(self, asked: _Asked) -> tuple[list[OperatingPoint], str]:
        """The points that are done, from the first; and what the next one waits for, "" when all are."""
        found: list[OperatingPoint] = []
        for number, point in enumerate(asked.points, start=1):
            try:
                known = await self._known(asked, number, point)
            except _Unpriced as why:
                return found, f"measured; what it costs is not known yet: {why}"
            if known is None:
                try:
                    return found, await self._measure(asked, number, point)
                except _NotReady as stuck:
                    known = _failed(number, point, f"the copy did not become ready: {stuck}")
            found.append(known)
        await self._delete_copy(asked, asked.copy_of(len(asked.points)))
        return found, ""

    async def _known(self, asked: _Asked, number: int, point: Point) -> OperatingPoint | None:
        """What came of a point; None while it is not measured."""
        points = asked.wanted.status.operating_points
        before = next((p for p in points if p.number == number and p.phase != "Pending"), None)
        raw = None if before else await self._own(asked, BENCHMARK, point_name(asked.identity.name, number))
        if raw is None:
            return before
        status = Benchmark.model_validate(raw).status
        if status.phase == "Succeeded" and status.result is not None:
            loaded = status.loaded
            prices = await self._prices.on(loaded.nodes if loaded else {})
            if isinstance(prices, CostUnknown) and self._prices.may_come(status.completed_at, prices):
                raise _Unpriced(prices.reason)
            cost = cost_of(loaded, prices)
            facts = facts_of(status, self._tariffs.energy)
            return measured_point(number, point, status.result, cost, asked.terms, len(asked.points), facts)
        if status.phase == "Failed":
            why = next((c.message for c in status.conditions if c.type == "Complete"), "")
            return _failed(number, point, why)
        return None

    async def _measure(self, asked: _Asked, number: int, point: Point) -> str:
        """Have a point measured; what is waited for."""
        before = await self._own(asked, BENCHMARK, point_name(asked.identity.name, number - 1))
        if before is not None and before["spec"].get("revision") != asked.revision:
            raise _Changed
        own = asked.copy_of(number)
        if own > 1:
            await self._delete_copy(asked, asked.copy_of(own - 1))
        name, pods = point_copy_name(asked.identity.name, own), count(asked.sweep.replicas, "pod")
        copy = await self._own(asked, DEPLOYMENT, name)
        if copy is None:
            await self._create(await self._copy(asked, own, point))
            return f"starting {pods} of Deployment {name}"
        if stuck := views.not_progressing(copy):
            raise _NotReady(stuck)
        if int((copy.get("status") or {}).get("readyReplicas") or 0) < asked.sweep.replicas:
            return f"waiting for {pods} of Deployment {name} to be ready"
        limits = benchmark_limits(asked.terms.objectives) if asked.terms else ()
        benchmark = point_benchmark(
            asked.identity,
            number=number,
            profile=asked.wanted.spec.profile_ref.name,
            target=name,
            limits=list(dict.fromkeys([*asked.wanted.spec.limits, *map(units.format_duration, limits)])),
            counting=benchmark_counting(asked.terms.objectives) if asked.terms else None,
            point=point,
            revision=asked.revision,
            metrics=asked.wanted.spec.metrics_ref,
        )
        await self._create(benchmark)
        return f"see Benchmark {benchmark['metadata']['name']}"

    async def _copy(self, asked: _Asked, number: int, point: Point) -> Object:
        services = await self._cluster.list(SERVICE, asked.identity.namespace)
        return operating_point(
            asked.target,
            asked.identity,
            number=number,
            environment={setting.name: setting.value for setting in point.environment},
            port=asked.profile.port,
            replicas=asked.sweep.replicas,
            join_labels=join_labels(services, asked.target["spec"]["template"]),
        )

    async def _own(self, asked: _Asked, kind: Kind, name: str) -> Object | None:
        found = await self._cluster.get(kind, asked.identity.namespace, name)
        if found is not None and not owned_by(found, asked.identity):
            raise _Taken(f"{kind.kind} {name}")
        return found

    async def _create(self, obj: Object) -> None:
        with contextlib.suppress(Conflict):  # made before a restart
            await self._cluster.create(obj)

    async def _delete_copy(self, asked: _Asked, number: int) -> None:
        copy = await self._own(asked, DEPLOYMENT, point_copy_name(asked.identity.name, number))
        if copy is not None and not copy["metadata"].get("deletionTimestamp"):
            meta = copy["metadata"]
            await self._cluster.delete(DEPLOYMENT, meta["namespace"], meta["name"], uid=meta["uid"])


def _failed(number: int, point: Point, why: str) -> OperatingPoint:
    return OperatingPoint(number=number, settings=str(point), phase="Failed", message=why[:1024])
