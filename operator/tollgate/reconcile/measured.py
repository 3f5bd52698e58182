"""Reads the Benchmarks that a decision rests on: the candidate's, and last-good's to compare it with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from tollgate.api import units
from tollgate.api.benchmark import Benchmark, BenchmarkResult, BenchmarkStatus
from tollgate.api.budget import Baseline, Release, Stage
from tollgate.api.evidence import BenchmarkEvidence
from tollgate.api.hardware import Hardware, LoadedPods
from tollgate.api.release import ApprovedBaseline
from tollgate.decide.benchmark_record import judged_pods, measured_arm, with_results
from tollgate.decide.benchmark_verdict import NOTHING_TO_COMPARE_WITH, ApprovedArm, benchmark_verdict
from tollgate.decide.compare import Arm
from tollgate.decide.levels import Looks
from tollgate.decide.moves import measurement_name
from tollgate.decide.paired import InTurn
from tollgate.decide.pooling import can_be_added
from tollgate.decide.snapshot import Measured, Snapshot
from tollgate.measure.cost import CostUnknown, PodCost, PriceTable
from tollgate.ports import BENCHMARK, Cluster
from tollgate.reconcile.hardware import cost_of, facts_of
from tollgate.reconcile.options import Tariffs
from tollgate.reconcile.prices import Prices

NOT_IN_TURN = "not measured in turn with last-good, which has no ReplicaSet any more"

_PREPARING = (Stage.STARTING, Stage.BENCHMARKING)
_JUDGED = (Stage.AWAITING_SIGN_OFF, Stage.CANARY)


class Measurements:
    """The Benchmarks of budgets."""

    def __init__(self, cluster: Cluster, prices: Prices, tariffs: Tariffs) -> None:
        self._cluster = cluster
        self._prices = prices
        self._tariffs = tariffs

    async def of_candidate(self, s: Snapshot, cost: PodCost | CostUnknown) -> Measured | None:
        """The release's Benchmark, judged and compared once it is done; None while there is none."""
        release = s.status.release
        if release is None or release.stage is not Stage.BENCHMARKING:
            return None
        name = measurement_name(s, release)
        found = await self._benchmark(s.namespace, name)
        if found is None:
            return None
        status, paired = found.status, found.spec.baseline is not None
        message = next((c.message for c in status.conditions if c.type == "Complete"), "")
        if status.phase != "Succeeded" or status.result is None:
            return Measured(name, status.phase, message, paired=paired)
        # For all that is compared, which ran on the same hardware: a price is no property of the version, and of a node
        # that is gone nobody tells one.
        prices = await self._prices.judged_by(s.spec.objectives, status.loaded.nodes if status.loaded else {})
        if isinstance(prices, CostUnknown) and self._prices.may_come(status.completed_at, prices):
            said = f"measured; what it costs is not known yet: {prices.reason}"
            return Measured(name, "Running", said[:1024], paired=paired)
        if self._prices.by_place:
            cost = cost_of(status.loaded, prices)  # by the machines that were loaded
        present = Arm(status.result, cost, _hardware(status.loaded), facts_of(status, self._tariffs.energy))
        series = [*await self._earlier(s, release, present, prices), (name, present)]
        (first, candidate), repeats = series[0], series[1:]
        recorded = _recorded(s)
        compared = await self._benchmark(s.namespace, first)
        in_turn = self._in_turn(s, compared.status if compared else status, prices)
        baseline = None if in_turn else await self._arm(s.namespace, recorded, prices)
        since = _approved_baseline(s, recorded)
        approved = await self._approved(s.namespace, since, prices)
        verdict = benchmark_verdict(
            s.spec.objectives,
            candidate,
            in_turn or baseline,
            confidence=float(s.spec.confidence),
            repeats=[arm for _, arm in repeats],
            looks=Looks(breach=release.attempt, within=release.look),
            approved=approved,
        )
        said = verdict.message
        if recorded and not in_turn and baseline is None:
            gone = f"not comparable with last-good: its Benchmark {recorded} is gone"
            said = said.replace(NOTHING_TO_COMPARE_WITH, gone)
        if since is not None and approved is None:
            said += f". Small losses were not added up: the approved baseline's Benchmark {since.benchmark} is gone"
        if s.spec.benchmark.baseline is Baseline.PAIRED and not in_turn and s.status.last_good is not None:
            said = f"{NOT_IN_TURN}: {said}"
        said = said[:1024]
        due = bool(in_turn or recorded)
        evidence = BenchmarkEvidence(
            budget_generation=s.generation,
            confidence=s.spec.confidence,
            objectives=s.spec.objectives,
            candidate=measured_arm(first, candidate),
            repeats=[measured_arm(*arm) for arm in repeats],
            look=release.look,
            attempt=release.attempt,
            asked=release.asked,
            baseline=measured_arm(recorded, baseline) if baseline else None,
            paired=judged_pods(in_turn) if in_turn else None,
            comparison_due=due,
            relation=verdict.relation,
            message=said,
            comparisons=[c.result(against) for against, c in verdict.comparisons.items()],
            **_approved_arm(since, approved),
        )
        return Measured(
            name,
            status.phase,
            message,
            verdict.objectives,
            verdict.relation,
            said,
            paired=paired,
            comparison_due=due,
            evidence=evidence,
        )

    async def of_what_serves(self, s: Snapshot) -> datetime | None:
        """When the latest Benchmark of the target's own pods came to its end; looked for only after a drift."""
        if s.status.drift is None or s.status.drift.found is None:
            return None
        listed = await self._cluster.list(BENCHMARK, s.namespace)
        done = [
            Benchmark.model_validate(raw)
            for raw in listed
            if raw["spec"].get("target", {}).get("name") == s.spec.target.name and "sweep" not in raw["spec"]
        ]
        ends = [
            condition.last_transition_time
            for one in done
            if one.status.phase == "Succeeded"
            for condition in one.status.conditions
            if condition.type == "Complete"
        ]
        return max(ends, default=None)

    async def evidence(self, s: Snapshot) -> BenchmarkEvidence | None:
        """What the release's benchmark was judged by, its results read again; None before it was judged."""
        release = s.status.release
        if release is None or release.judged is None or release.stage not in _JUDGED:
            return None
        judged = release.judged
        arms = (judged.candidate, judged.baseline, judged.approved, *judged.repeats)
        names = [arm.benchmark for arm in arms if arm is not None]
        found = {name: await self._result(s.namespace, name) for name in names}
        return with_results(judged, {name: result for name, result in found.items() if result is not None})

    async def reference_rate(self, s: Snapshot) -> float | None:
        """Requests per second and pod at which the benchmark found the cost within its limit."""
        release, good = s.status.release, s.status.last_good
        name = (release.benchmark if release else "") or (good.benchmark if good else "")
        result = await self._result(s.namespace, name)
        if result is None:
            return None
        rates = [
            float(units.parse_rate(st.answered_rate))
            for st in result.stages
            if not st.warm_up and not st.load
        ]
        return max(rates) / result.pods if rates else None

    async def recorded_pods(self, s: Snapshot) -> int:
        """How many pods last-good was measured with, where a candidate is about to be compared with that; else 0."""
        release = s.status.release
        if release is None or release.stage not in _PREPARING:
            return 0
        result = await self._result(s.namespace, _recorded(s))
        return result.pods if result else 0

    async def _approved(
        self, namespace: str, baseline: ApprovedBaseline | None, prices: PriceTable | CostUnknown
    ) -> ApprovedArm | None:
        """Its measurement; None where it is gone."""
        arm = await self._arm(namespace, baseline.benchmark, prices) if baseline else None
        return ApprovedArm(arm, baseline.release) if baseline and arm else None

    async def _earlier(
        self, s: Snapshot, release: Release, present: Arm, prices: PriceTable | CostUnknown
    ) -> list[tuple[str, Arm]]:
        """The measurements before the present one that are still there and can be added, by name."""
        found = [(name, await self._arm(s.namespace, name, prices)) for name in release.earlier]
        return [
            (name, replace(arm, cost=present.cost))
            for name, arm in found
            if arm is not None and can_be_added(arm, present)
        ]

    async def _arm(self, namespace: str, name: str, prices: PriceTable | CostUnknown) -> Arm | None:
        found = await self._benchmark(namespace, name)
        if found is None or found.status.result is None:
            return None
        loaded, facts = found.status.loaded, facts_of(found.status, self._tariffs.energy)
        return Arm(found.status.result, cost_of(loaded, prices), _hardware(loaded), facts)

    @staticmethod
    def _in_turn(s: Snapshot, status: BenchmarkStatus, prices: PriceTable | CostUnknown) -> InTurn | None:
        """Last-good as it was loaded in turn with the candidate, where the policy compares the two so."""
        if (
            s.spec.benchmark.baseline is not Baseline.PAIRED
            or status.result is None
            or not status.result.paired
        ):
            return None
        return InTurn(cost_of(status.baseline_loaded, prices), _hardware(status.baseline_loaded))

    async def _result(self, namespace: str, name: str) -> BenchmarkResult | None:
        found = await self._benchmark(namespace, name)
        return found.status.result if found else None

    async def _benchmark(self, namespace: str, name: str) -> Benchmark | None:
        raw = await self._cluster.get(BENCHMARK, namespace, name) if name else None
        return Benchmark.model_validate(raw) if raw else None


def _recorded(s: Snapshot) -> str:
    """Name of the Benchmark that a candidate is compared with; "" when there never was one, or none is asked for."""
    good = s.status.last_good
    return good.benchmark if good is not None and s.spec.benchmark.baseline is not Baseline.NONE else ""


def _approved_baseline(s: Snapshot, recorded: str) -> ApprovedBaseline | None:
    """What the candidate is compared with beside `recorded`; None where that is the same, or none is asked for."""
    baseline = s.status.approved_baseline
    if s.spec.benchmark.baseline is Baseline.NONE or baseline is None or baseline.benchmark == recorded:
        return None
    return baseline


def _approved_arm(baseline: ApprovedBaseline | None, approved: ApprovedArm | None) -> dict[str, Any]:
    if baseline is None or approved is None:
        return {}
    return {
        "approved": measured_arm(baseline.benchmark, approved.arm),
        "approved_release": approved.release,
    }


def _hardware(loaded: LoadedPods | None) -> tuple[Hardware, ...]:
    return tuple(loaded.hardware) if loaded else ()
