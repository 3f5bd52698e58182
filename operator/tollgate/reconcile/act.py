"""Carries out a step's actions. Each call is idempotent and bound to the UID that the decision was made for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from tollgate.api import units
from tollgate.decide import actions as do
from tollgate.decide.planning import benchmark_counting, benchmark_limits
from tollgate.decide.snapshot import Copy, Pod
from tollgate.errors import Conflict
from tollgate.manifests import patches
from tollgate.manifests.benchmark import benchmark
from tollgate.manifests.candidate import baseline, candidate
from tollgate.manifests.names import Identity, baseline_name, candidate_name
from tollgate.ports import (
    BUDGET,
    CONFIG_MAP,
    DECISION,
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    Cluster,
    Object,
    Webhooks,
)
from tollgate.reconcile.observe import Observed


class Actor:
    """Does what was decided about one budget."""

    def __init__(self, cluster: Cluster, webhooks: Webhooks, seen: Observed) -> None:
        snapshot = seen.snapshot
        assert seen.target is not None
        assert snapshot.target is not None
        self._cluster = cluster
        self._webhooks = webhooks
        self._seen = seen
        self._target: Object = seen.target
        self._join = seen.join
        self._budget = Identity.of(BUDGET, seen.raw)
        self._s = snapshot
        self._pods = {pod.name: pod.uid for pod in (snapshot.candidate.pods if snapshot.candidate else ())}
        self._sets = {rs.name: rs.uid for rs in snapshot.replica_sets}

    async def carry_out(self, action: do.Action) -> None:
        """One action. Raises ClusterError; what is gone already is fine."""
        match action:
            case do.SetPaused(paused):
                await self._patch_target(patches.latch() if paused else patches.unlatch())
            case do.Govern(value):
                await self._patch_target(patches.govern(value) if value else patches.ungovern())
            case do.MakeCandidate(replicas):
                await self._make_candidate(replicas)
            case do.DeleteCandidate():
                await self._delete(self._s.candidate)
            case do.MakeBaseline(replicas):
                await self._make_baseline(replicas)
            case do.DeleteBaseline():
                await self._delete(self._s.baseline)
            case do.MakeBenchmark(name, paired):
                await self._make_benchmark(name, paired=paired)
            case do.Join(names):
                for name in names:
                    await self._patch_pod(name, patches.join(self._join))
            case do.Leave(names):
                for name in names:
                    await self._patch_pod(name, patches.leave(self._join))
            case do.ReleaseReplicaSet(name):
                body = patches.release(self._target, revision=self._revision_of(name))
                await self._patch_set(name, body)
            case do.ScaleReplicaSet(name, replicas):
                await self._patch_set(name, patches.scale(replicas))
            case do.DeleteReplicaSet(name):
                await self._cluster.delete(REPLICA_SET, self._s.namespace, name, uid=self._sets[name])
            case do.DeleteRecord(name, uid):
                await self._cluster.delete(DECISION, self._s.namespace, name, uid=uid)
            case do.SetKey(name, uid, version, key, value):
                body = patches.set_key(key, value)
                await self._cluster.patch(
                    CONFIG_MAP, self._s.namespace, name, body, uid=uid, resource_version=version
                )
            case do.ScaleFallback(name, uid, replicas):
                await self._cluster.patch(
                    DEPLOYMENT, self._s.namespace, name, patches.scale(replicas), uid=uid
                )
            case do.Admit(pods):
                await self._patch_pods(pods, patches.join(self._join))
            case do.Dismiss(pods):
                await self._patch_pods(pods, patches.leave(self._join))
            case do.CallWebhook(name, step, what):
                await self._call(name, step, what)

    async def _patch_target(self, body: Object) -> None:
        meta = self._target["metadata"]
        await self._cluster.patch(DEPLOYMENT, self._s.namespace, meta["name"], body, uid=meta["uid"])

    async def _patch_pod(self, name: str, body: Object) -> None:
        await self._cluster.patch(POD, self._s.namespace, name, body, uid=self._pods[name])

    async def _call(self, name: str, step: str, action: str) -> None:
        s = self._s
        about = {"namespace": s.namespace, "budget": s.name, "target": s.spec.target.name}
        await self._webhooks.call(name, {"action": action, "step": step, **about})

    async def _patch_pods(self, pods: Iterable[Pod], body: Object) -> None:
        for pod in pods:
            await self._cluster.patch(POD, self._s.namespace, pod.name, body, uid=pod.uid)

    async def _patch_set(self, name: str, body: Object) -> None:
        await self._cluster.patch(REPLICA_SET, self._s.namespace, name, body, uid=self._sets[name])

    def _revision_of(self, replica_set: str) -> str:
        return next(rs.revision for rs in self._s.replica_sets if rs.name == replica_set)

    async def _make_candidate(self, replicas: int) -> None:
        assert self._s.target is not None
        if self._s.candidate is not None:
            await self._scale(self._s.candidate, replicas)
            return
        copy = candidate(
            self._target,
            self._budget,
            revision=self._s.target.revision,
            replicas=replicas,
            join_labels=self._join,
        )
        await self._cluster.create(copy)

    async def _make_baseline(self, replicas: int) -> None:
        if self._s.baseline is not None:
            await self._scale(self._s.baseline, replicas)
            return
        last_good = self._s.to_pair
        assert last_good is not None
        assert self._seen.to_pair is not None
        copy = baseline(
            self._target,
            self._seen.to_pair,
            self._budget,
            revision=last_good.revision,
            replicas=replicas,
            join_labels=self._seen.join_to_pair,
        )
        await self._cluster.create(copy)

    async def _scale(self, copy: Copy, replicas: int) -> None:
        await self._cluster.patch(
            DEPLOYMENT, self._s.namespace, copy.name, patches.scale(replicas), uid=copy.uid
        )

    async def _delete(self, copy: Copy | None) -> None:
        if copy is not None:
            await self._cluster.delete(DEPLOYMENT, self._s.namespace, copy.name, uid=copy.uid)

    async def _make_benchmark(self, name: str, *, paired: bool) -> None:
        assert self._s.status.release is not None
        limits = [units.format_duration(limit) for limit in benchmark_limits(self._s.spec.objectives)]
        measurement = benchmark(
            self._budget,
            name=name,
            profile=self._s.spec.benchmark.profile_ref.name,
            target=candidate_name(self._s.spec.target.name),
            limits=limits,
            counting=benchmark_counting(self._s.spec.objectives),
            revision=self._s.status.release.revision,
            baseline=baseline_name(self._s.spec.target.name) if paired else "",
            repetition=len(self._s.status.release.earlier),
            metrics=self._s.spec.metrics.profile_ref.name,
        )
        with contextlib.suppress(Conflict):  # made before a restart
            await self._cluster.create(measurement)
