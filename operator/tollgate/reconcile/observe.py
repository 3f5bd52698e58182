"""Sees everything a decision about one budget needs, and nothing else. Reads only; decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tollgate.api import units
from tollgate.api.budget import BudgetSpec, BudgetStatus, EfficiencyBudget, Stage
from tollgate.api.metric_profile import MetricProfile, MetricProfileSpec, Scope
from tollgate.api.profiles import BenchmarkProfile, BenchmarkProfileSpec
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.adjusting import in_force
from tollgate.decide.beside import begun, pods_digest, to_compare
from tollgate.decide.chain import Link
from tollgate.decide.changing import agreed
from tollgate.decide.detector import starts
from tollgate.decide.retention import retention_due
from tollgate.decide.snapshot import Copy, ReplicaSet, Snapshot, Target
from tollgate.decide.traffic import steady
from tollgate.errors import Denied
from tollgate.manifests.latch import LATCH
from tollgate.manifests.names import (
    ANNOTATION_MEASURE_AGAIN,
    BASELINE,
    CANDIDATE,
    Identity,
    baseline_name,
    candidate_name,
    fit,
)
from tollgate.manifests.revision import join_labels
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.promql import BehindService, OwnedBy, PodNames, PodSelector, Selector
from tollgate.ports import (
    BENCHMARK_PROFILE,
    BUDGET,
    DEPLOYMENT,
    METRIC_PROFILE,
    MUTATING_BINDING,
    MUTATING_POLICY,
    POD,
    REPLICA_SET,
    SERVICE,
    Clock,
    Cluster,
    Metrics,
    Object,
)
from tollgate.reconcile import views
from tollgate.reconcile.levers import Levers
from tollgate.reconcile.live import LiveVerdict, StableArm, judge_pods
from tollgate.reconcile.measured import Measurements
from tollgate.reconcile.options import Options
from tollgate.reconcile.policy import Policy, hints, problems, problems_of_adjustments
from tollgate.reconcile.prices import Prices
from tollgate.reconcile.records import records_of, whoami
from tollgate.reconcile.signing import ApproverProof, may_ask, sign_offs, signing
from tollgate.reconcile.surroundings import Surroundings, serving

LATCH_CHECKED_SECONDS = 60


@dataclass(frozen=True)
class Observed:
    """The snapshot, and the raw objects that acting on it needs."""

    snapshot: Snapshot
    raw: Object
    target: Object | None
    join: dict[str, str]
    to_pair: Object | None = None
    """Last-good's ReplicaSet, of which a baseline can be made."""

    join_to_pair: dict[str, str] = field(default_factory=dict)


class Observer:
    """Reads the cluster and Prometheus for one budget at a time."""

    def __init__(
        self,
        cluster: Cluster,
        metrics: Metrics,
        clock: Clock,
        options: Options,
        webhooks: Collection[str] = (),
    ) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._clock = clock
        self._options = options
        prices = Prices(cluster, metrics, clock, options.tariffs)
        self._measurements = Measurements(cluster, prices, options.tariffs)
        self._around = Surroundings(cluster, metrics, prices)
        self._levers = Levers(cluster, clock, webhooks)
        self._latch: tuple[datetime, bool] | None = None
        self._actor: str | None = None
        self._approver = ApproverProof(cluster)

    async def observe(self, raw: Object, budget: EfficiencyBudget) -> Observed:
        """Everything about this budget, now."""
        meta, status = raw["metadata"], budget.status
        declared = agreed(budget.spec, status)
        spec = in_force(declared, status.adjustments)
        namespace = meta["namespace"]
        identity = Identity.of(BUDGET, raw)
        deployment = await self._cluster.get(DEPLOYMENT, namespace, spec.target.name)
        bench_profile = await self._benchmark_profile(spec.benchmark.profile_ref.name)
        metric_profile = await self._metric_profile(spec.metrics.profile_ref.name)
        target: Target | None = None
        sets: tuple[ReplicaSet, ...] = ()
        candidate: Copy | None = None
        baseline: Copy | None = None
        raw_sets: list[Object] = []
        services: list[Object] = []
        join: dict[str, str] = {}
        if deployment is not None:
            raw_sets = await self._cluster.list(REPLICA_SET, namespace)
            target = views.target_view(deployment, raw_sets)
            sets = views.replica_set_views(deployment, raw_sets)
            services = await self._cluster.list(SERVICE, namespace)
            join = join_labels(services, deployment["spec"]["template"])
            mine = fit(target.name)
            candidate = await self._copy(identity, candidate_name(target.name), f"{CANDIDATE}={mine}", join)
            baseline = await self._copy(identity, baseline_name(target.name), f"{BASELINE}={mine}", {})
            sets = await self._without_room(namespace, raw_sets, sets)
        snapshot = Snapshot(
            now=self._clock.now(),
            namespace=namespace,
            name=meta["name"],
            uid=meta["uid"],
            generation=int(meta.get("generation", 0)),
            spec=spec,
            status=status,
            declared=declared,
            applied=budget.spec,
            target=target,
            replica_sets=sets,
            candidate=candidate,
            baseline=baseline,
            resting_latch=not await self._latched_at_admission(),
            scrape_seconds=metric_profile.scrape_interval_seconds if metric_profile else 30,
            records=await self._records(namespace, spec, status),
            actor=await self._whoami(),
            measure_again=fit((meta.get("annotations") or {}).get(ANNOTATION_MEASURE_AGAIN, "")),
        )
        cost = await self._around.cost(snapshot, deployment, raw_sets)
        stable = await self._stable(snapshot, raw_sets, join)
        live = await self._live(snapshot, metric_profile, cost, stable)
        to_pair = next(
            (rs for rs in raw_sets if snapshot.to_pair and views.uid(rs) == snapshot.to_pair.uid), None
        )
        measured = await self._measurements.of_candidate(snapshot, cost)
        recorded_pods = await self._measurements.recorded_pods(snapshot)
        asks = may_ask(spec)
        checked = asks and await self._approver.holds(snapshot)
        traffic = _traffic(snapshot, live)
        policy = Policy(
            spec=spec,
            target=target,
            rival=await self._rival(raw),
            benchmark=bench_profile,
            metrics=metric_profile,
            prices=self._options.tariffs.prices,
            energy=self._options.tariffs.energy,
            edges=live.edges,
            approver_unchecked=asks and not checked,
            traffic=traffic,
        )
        snapshot = replace(
            snapshot,
            live=live.results,
            look=live.look,
            mix=live.mix,
            measured_since=await self._measurements.of_what_serves(snapshot),
            measured=measured,
            judged=await self._measurements.evidence(snapshot),
            recorded_pods=recorded_pods,
            signing=await signing(self._cluster, snapshot),
            answers=await sign_offs(self._cluster, snapshot) if status.proposal else (),
            approver_checked=checked,
            traffic=traffic,
            levers=await self._levers.of(snapshot, join),
            circumstances=await self._around.circumstances(snapshot, deployment, metric_profile),
            problems=(*problems(policy), *problems_of_adjustments(policy, declared)),
            hints=hints(policy),
        )
        join_to_pair = join_labels(services, to_pair["spec"]["template"]) if to_pair else {}
        return Observed(snapshot, raw, deployment, join, to_pair, join_to_pair)

    async def _records(self, namespace: str, spec: BudgetSpec, status: BudgetStatus) -> tuple[Link, ...]:
        """Those of a former budget of the target, whose chain is gone on with; or all, if the oldest are to go."""
        head_known = status.last_record is not None or status.unwritten
        if head_known and not retention_due(spec, status):
            return ()
        return await records_of(self._cluster, namespace, spec.target.name)

    async def _whoami(self) -> str:
        if self._actor is None:
            self._actor = await whoami(self._cluster)
        return self._actor

    async def _benchmark_profile(self, name: str) -> BenchmarkProfileSpec | None:
        raw = await self._cluster.get(BENCHMARK_PROFILE, "", name)
        return BenchmarkProfile.model_validate(raw).spec if raw else None

    async def _metric_profile(self, name: str) -> MetricProfileSpec | None:
        raw = await self._cluster.get(METRIC_PROFILE, "", name)
        return MetricProfile.model_validate(raw).spec if raw else None

    async def _rival(self, raw: Object) -> str:
        """An older budget of the same target; on a tie the name decides."""
        meta = raw["metadata"]
        mine = (meta["creationTimestamp"], meta["name"])
        target = raw["spec"]["target"]["name"]
        older = [
            (other["metadata"]["creationTimestamp"], str(other["metadata"]["name"]))
            for other in await self._cluster.list(BUDGET, meta["namespace"])
            if other.get("spec", {}).get("target", {}).get("name") == target
            and not other["metadata"].get("deletionTimestamp")
        ]
        first = min(older, default=mine)
        return "" if first >= mine else first[1]

    async def _latched_at_admission(self) -> bool:
        """Whether the API server itself pauses a governed Deployment whose template changes."""
        now = self._clock.now()
        if self._latch is not None and (now - self._latch[0]).total_seconds() < LATCH_CHECKED_SECONDS:
            return self._latch[1]
        try:
            there = (
                await self._cluster.serves(MUTATING_POLICY)
                and await self._cluster.get(MUTATING_POLICY, "", LATCH) is not None
                and await self._cluster.get(MUTATING_BINDING, "", LATCH) is not None
            )
        except Denied:
            there = False
        self._latch = (now, there)
        return there

    async def _copy(self, budget: Identity, name: str, labels: str, join: dict[str, str]) -> Copy | None:
        raw = await self._cluster.get(DEPLOYMENT, budget.namespace, name)
        if raw is None:
            return None
        return views.copy_view(raw, await self._cluster.list(POD, budget.namespace, labels), budget, join)

    async def _without_room(
        self, namespace: str, raw_sets: Sequence[Object], sets: tuple[ReplicaSet, ...]
    ) -> tuple[ReplicaSet, ...]:
        """During a roll-back: which ReplicaSets wait for pods that the scheduler finds no room for."""
        if not any(rs.released for rs in sets):
            return sets
        seen = []
        hashes = {rs["metadata"]["name"]: views.labels(rs).get("pod-template-hash", "") for rs in raw_sets}
        for rs in sets:
            stuck = False
            if not rs.released and rs.ready < rs.replicas and hashes.get(rs.name):
                pods = await self._cluster.list(POD, namespace, f"pod-template-hash={hashes[rs.name]}")
                stuck = any(views.unschedulable(pod) for pod in pods)
            seen.append(replace(rs, unschedulable=stuck))
        return tuple(seen)

    async def _live(
        self,
        s: Snapshot,
        profile: MetricProfileSpec | None,
        cost: PodCost | CostUnknown,
        stable: StableArm | None,
    ) -> LiveVerdict:
        """What the pods that are to be judged now have served."""
        if profile is None or s.target is None:
            return LiveVerdict(())
        release = s.status.release
        pods: list[PodSelector]
        expected: list[str] = []
        previous: list[ObjectiveResult] = []
        begins: dict[str, float] | None = None
        if release is not None and release.stage is Stage.CANARY:
            since = release.counting_since
            expected = [pod.name for pod in (s.candidate.joined if s.candidate else ()) if pod.ready]
            pods = [PodNames(tuple(expected))] if expected else []
            previous = release.live_objectives
        else:
            since = s.status.serving_since
            pods = [OwnedBy(rs.name) for rs in serving(s, release)]
            begins = starts(s.status, s.spec.objectives)
        if since is None or not pods:
            return LiveVerdict(())
        selectors: list[Selector] = [*pods]
        shared = profile.scope is Scope.SERVICE
        if shared:
            selectors, expected, stable = [BehindService(s.target.name)], [], None
            since = max(since, release.since) if release is not None else since
        return await judge_pods(
            self._metrics,
            s.spec,
            profile,
            s.namespace,
            selectors,
            since=since,
            now=s.now,
            expected=expected,
            cost=cost,
            reference_rate=await self._measurements.reference_rate(s),
            previous=previous,
            starts=begins,
            stable=stable,
            several_versions=shared and s.several_versions,
        )

    async def _stable(
        self, s: Snapshot, raw_sets: Sequence[Object], join: dict[str, str]
    ) -> StableArm | None:
        """The ready pods that users reach beside a canary, where it is to be compared with them."""
        release = s.status.release
        if release is None or release.stage is not Stage.CANARY or s.candidate is None:
            return None
        compared = to_compare(s.spec.objectives, release.may_be_worse)
        canary = [pod.name for pod in s.candidate.joined if pod.ready]
        if release.counting_since is None or not compared or not canary:
            return None
        pods: dict[str, tuple[str, ...]] = {}
        for rs in raw_sets:
            name = rs["metadata"]["name"]
            if any(one.name == name and one.revision != release.revision for one in s.active):
                template_hash = views.labels(rs).get("pod-template-hash", "")
                found = await self._cluster.list(POD, s.namespace, f"pod-template-hash={template_hash}")
                pods[name] = views.reached(found, join)
        names = [name for some in pods.values() for name in some]
        if not names:
            return None
        segment = begun(release.segments, pods_digest(canary, names), s.now)
        arms = tuple((OwnedBy(name), some) for name, some in pods.items() if some)
        return StableArm(arms, compared, segment)


def _traffic(s: Snapshot, live: LiveVerdict) -> float | None:
    """Requests per second to all pods that users reach: as it is seen now, or as it was last seen."""
    before = float(units.parse_rate(s.status.traffic)) if s.status.traffic else None
    reached = s.target.ready + len(s.candidate.joined if s.candidate else ()) if s.target else 0
    seen = live.rate_per_pod * reached if live.rate_per_pod is not None and reached else None
    return steady(before, seen)
