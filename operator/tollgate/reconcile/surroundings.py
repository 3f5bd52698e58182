"""What is around a model: which pods take its traffic, what they cost where they run, what its limits may depend on."""

from __future__ import annotations

from collections.abc import Sequence

from tollgate.api.budget import Mode, Release, Stage
from tollgate.api.metric_profile import MetricProfileSpec, Scope
from tollgate.decide.snapshot import Circumstances, ReplicaSet, Snapshot
from tollgate.errors import Denied
from tollgate.manifests.names import CANDIDATE, fit
from tollgate.measure.cost import CostUnknown, PodCost, pod_cost
from tollgate.measure.promql import BehindService, OwnedBy, PodNames, Selector
from tollgate.ports import NAMESPACE, POD, Cluster, Metrics, Object
from tollgate.reconcile import views
from tollgate.reconcile.hardware import Machines, nodes_of
from tollgate.reconcile.live import load_of
from tollgate.reconcile.prices import Prices


class Surroundings:
    """Looks around for one budget at a time. Reads only; only what prices and adjustments ask for."""

    def __init__(self, cluster: Cluster, metrics: Metrics, prices: Prices) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._prices = prices
        self._machines = Machines(cluster)

    async def cost(
        self, s: Snapshot, deployment: Object | None, raw_sets: Sequence[Object]
    ) -> PodCost | CostUnknown:
        """Of a pod whose traffic is judged now, by what it reserves and, where prices ask for it, where it runs."""
        if deployment is None:
            return CostUnknown("there is no Deployment")
        pods = await self._judged_pods(s, raw_sets) if self._prices.by_place else []
        prices = await self._prices.judged_by(s.spec.objectives, nodes_of(pods))
        if isinstance(prices, CostUnknown):
            return prices
        machines = await self._machines.under(pods) if prices.by_machine else {}
        return pod_cost(deployment["spec"]["template"], prices, machines)

    async def circumstances(
        self, s: Snapshot, deployment: Object | None, profile: MetricProfileSpec | None
    ) -> Circumstances:
        """What the adjustments of the budget, and the steps back of its degradation, go by."""
        asked = [adjustment.when for adjustment in s.declared.adjustments] if s.declared else []
        load: float | None = None
        annotations: dict[str, str] | None = {}
        steps = s.spec.degradation.steps if s.spec.degradation else []
        loads = any(when.load for when in asked) or any(step.step_back.load_below for step in steps)
        if profile is not None and loads:
            load = await load_of(self._metrics, profile, s.namespace, _taking_traffic(s, profile), s.now)
        if any(when.namespace_annotation for when in asked):
            annotations = await self._annotations(s.namespace)
        template = deployment["spec"]["template"]["spec"] if deployment else {}
        return Circumstances(load, template.get("priorityClassName", ""), annotations)

    async def _annotations(self, namespace: str) -> dict[str, str] | None:
        try:
            raw = await self._cluster.get(NAMESPACE, "", namespace)
        except Denied:
            return None
        return (raw["metadata"].get("annotations") or {}) if raw else {}

    async def _judged_pods(self, s: Snapshot, raw_sets: Sequence[Object]) -> list[Object]:
        release = s.status.release
        if release is not None and release.stage is Stage.CANARY:
            joined = {pod.name for pod in s.candidate.joined} if s.candidate else set()
            found = await self._cluster.list(POD, s.namespace, f"{CANDIDATE}={fit(s.spec.target.name)}")
            return [pod for pod in found if pod["metadata"]["name"] in joined]
        names = {rs.name for rs in serving(s, release)}
        hashes = [
            views.labels(rs).get("pod-template-hash", "")
            for rs in raw_sets
            if rs["metadata"]["name"] in names
        ]
        return [
            pod
            for one in hashes
            for pod in await self._cluster.list(POD, s.namespace, f"pod-template-hash={one}")
        ]


def serving(s: Snapshot, release: Release | None) -> tuple[ReplicaSet, ...]:
    """The ReplicaSets whose traffic is judged: of the promoted revision, or whatever serves."""
    if (
        release is not None
        and release.stage in (Stage.PROMOTING, Stage.WATCHING)
        and s.spec.mode is Mode.ENFORCE
    ):
        return tuple(rs for rs in s.of_revision(release.revision) if rs.replicas > 0)
    return s.active


def _taking_traffic(s: Snapshot, profile: MetricProfileSpec) -> list[Selector]:
    """All pods that users may reach."""
    if profile.scope is Scope.SERVICE:
        return [BehindService(s.target.name)] if s.target else []
    joined = tuple(pod.name for pod in s.candidate.joined) if s.candidate else ()
    return [*(OwnedBy(rs.name) for rs in s.active), *([PodNames(joined)] if joined else [])]
