"""Reconciles one Benchmark: makes its Job, reads the result that the Job's pod leaves, and stores it.

The result comes from a pod in a tenant's namespace and is untrusted: it is bounded, validated, and held against
the profile that was asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Literal

from pydantic import ValidationError

from tollgate.api.benchmark import Benchmark, BenchmarkResult, BenchmarkStatus, StageResult
from tollgate.api.cold_start import StartTimes
from tollgate.api.conditions import set_condition
from tollgate.api.hardware import LoadedPods
from tollgate.api.load import Load
from tollgate.api.profiles import BenchmarkProfile, BenchmarkProfileSpec
from tollgate.decide.limits import count
from tollgate.decide.operating_points import at_point
from tollgate.decide.plausible import held_against
from tollgate.errors import Conflict
from tollgate.manifests.benchmark_job import benchmark_config_map, benchmark_job, for_pods, job_name
from tollgate.manifests.names import Identity, owned_by
from tollgate.measure.start import start_times, told
from tollgate.ports import (
    BENCHMARK,
    BENCHMARK_PROFILE,
    CONFIG_MAP,
    DEPLOYMENT,
    JOB,
    POD,
    Clock,
    Cluster,
    Events,
    Metrics,
    Object,
)
from tollgate.reconcile import views
from tollgate.reconcile.hardware import loaded_pods
from tollgate.reconcile.key import Key
from tollgate.reconcile.last_words import result_of
from tollgate.reconcile.options import Options
from tollgate.reconcile.prices import Prices
from tollgate.reconcile.server_side import ServerSide, used
from tollgate.reconcile.status import write_status
from tollgate.reconcile.sweep import Sweeps

LOOK_SECONDS = 2.0
WAIT_SECONDS = 10.0

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]


class BenchmarkReconciler:
    """Has Benchmarks carried out."""

    def __init__(
        self, *, cluster: Cluster, metrics: Metrics, events: Events, clock: Clock, settings: Options
    ) -> None:
        self._cluster = cluster
        self._server_side = ServerSide(cluster, metrics)
        self._events = events
        self._clock = clock
        self._options = settings
        prices = Prices(cluster, metrics, clock, settings.tariffs)
        self._sweeps = Sweeps(cluster, prices, settings.tariffs)

    async def reconcile(self, key: Key) -> float | None:
        """Seconds until the next look; None once the measurement is over."""
        raw = await self._cluster.get(BENCHMARK, key.namespace, key.name)
        if raw is None or raw["metadata"].get("deletionTimestamp"):
            return None
        try:
            wanted = Benchmark.model_validate(raw)
        except ValidationError as error:
            await self._report(raw, BenchmarkStatus(), "Failed", "Invalid", str(error.errors()[0]["msg"]))
            return None
        status = wanted.status
        if status.phase in ("Succeeded", "Failed"):
            return None
        if status.result is not None:
            return await self._conclude(raw, wanted, status, status.result)
        identity = Identity.of(BENCHMARK, raw)
        found = await self._cluster.get(BENCHMARK_PROFILE, "", wanted.spec.profile_ref.name)
        if found is None:
            return await self._wait(
                raw,
                status,
                "BenchmarkProfileNotFound",
                f"there is no BenchmarkProfile {wanted.spec.profile_ref.name}: create it, or see "
                "kubectl get benchmarkprofiles",
            )
        profile = BenchmarkProfile.model_validate(found).spec
        if wanted.spec.sweep is not None:
            return await self._sweep(raw, wanted, profile)
        profile = at_point(profile, wanted.spec.point)
        job = await self._cluster.get(JOB, key.namespace, job_name(identity, profile.pods))
        if job is None:
            return await self._start(raw, wanted, identity, profile)
        if not owned_by(job, identity):
            return await self._fail(
                raw, status, "JobConflict", f"Job {job['metadata']['name']} belongs to something else"
            )
        return await self._follow(raw, wanted, job, profile)

    async def _sweep(self, raw: Object, wanted: Benchmark, profile: BenchmarkProfileSpec) -> float | None:
        told = await self._sweeps.step(raw, wanted, profile)
        if told.done is None:
            status = told.status.model_copy(
                update={"started_at": told.status.started_at or self._clock.now()}
            )
            phase: Phase = "Pending" if told.reason == "Waiting" else "Running"
            await self._report(raw, status, phase, told.reason, told.message)
            return WAIT_SECONDS if phase == "Pending" else LOOK_SECONDS
        if not told.done:
            return await self._fail(raw, told.status, told.reason, told.message)
        status = told.status.model_copy(update={"completed_at": self._clock.now()})
        await self._report(raw, status, "Succeeded", told.reason, told.message)
        return None

    async def _start(
        self, raw: Object, wanted: Benchmark, identity: Identity, profile: BenchmarkProfileSpec
    ) -> float | None:
        status = wanted.status
        if status.job:
            return await self._fail(
                raw, status, "JobGone", f"Job {status.job} was deleted before its result was read"
            )
        source = profile.dataset.config_map
        if not await self._has(identity.namespace, source.name, source.key):
            return await self._wait(
                raw,
                status,
                "DatasetNotFound",
                f"ConfigMap {source.name} with key {source.key} is not in this namespace: create it, as the "
                "profile takes its dataset from there",
            )
        for stage in profile.stages:
            trace = stage.trace
            if trace and not await self._has(identity.namespace, trace.name, trace.key):
                return await self._wait(
                    raw,
                    status,
                    "TraceNotFound",
                    f"ConfigMap {trace.name} with key {trace.key} is not in this namespace: create it, as stage "
                    f"{stage.name} of the profile replays the arrival times in it",
                )
        pods = await self._ready_pods(identity.namespace, wanted.spec.target.name)
        if not pods:
            return await self._wait(
                raw,
                status,
                "NoReadyPods",
                f"Deployment {wanted.spec.target.name} has no ready pod to measure",
            )
        against = wanted.spec.baseline
        baseline = await self._ready_pods(identity.namespace, against.name) if against else []
        if against and not baseline:
            return await self._wait(
                raw,
                status,
                "NoReadyPods",
                f"Deployment {against.name}, the baseline, has no ready pod to measure",
            )
        plan: dict[str, Any] = {
            "profile": profile.dump(),
            "limits": wanted.spec.limits,
            "counting": wanted.spec.counting.dump() if wanted.spec.counting else {},
            "targets": _addresses(pods, profile.port),
            "baseline": _addresses(baseline, profile.port),
            "repetition": wanted.spec.repetition,
        }
        if profile.pods > 1:
            begin = self._clock.now() + timedelta(seconds=profile.start_seconds)
            plan["beginsAt"] = begin.isoformat()
        job = benchmark_job(identity, profile, self._options.job, paired=against is not None)
        for child in (benchmark_config_map(identity, plan), job):
            with contextlib.suppress(Conflict):  # made before a restart
                await self._cluster.create(child)
        status = status.model_copy(
            update={"job": job["metadata"]["name"], "started_at": self._clock.now()}
            | await self._loaded(profile, pods, baseline)
        )
        also = f" and, in turn, {len(baseline)} of the baseline" if baseline else ""
        told = f"loading {count(len(pods), 'pod')}{also} for {_long(profile, wanted)}"
        await self._report(raw, status, "Running", "Started", told)
        return LOOK_SECONDS

    async def _has(self, namespace: str, config_map: str, key: str) -> bool:
        """Whether there is such a ConfigMap with such a key."""
        found = await self._cluster.get(CONFIG_MAP, namespace, config_map) or {}
        return key in (found.get("data") or {}) or key in (found.get("binaryData") or {})

    async def _loaded(
        self, profile: BenchmarkProfileSpec, pods: list[Object], baseline: list[Object]
    ) -> dict[str, LoadedPods | StartTimes | None]:
        """What goes into the status about the pods."""
        return {
            "loaded": await loaded_pods(self._cluster, pods),
            "baseline_loaded": await loaded_pods(self._cluster, baseline) if baseline else None,
            "cold_start": start_times(pods, self._clock.now()) if profile.cold_start else None,
        }

    async def _ready_pods(self, namespace: str, deployment: str) -> list[Object]:
        raw = await self._cluster.get(DEPLOYMENT, namespace, deployment)
        if raw is None:
            return []
        labels = raw["spec"]["selector"].get("matchLabels") or {}
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        return [pod for pod in await self._cluster.list(POD, namespace, selector) if views.ready(pod)]

    async def _follow(
        self, raw: Object, wanted: Benchmark, job: Object, profile: BenchmarkProfileSpec
    ) -> float | None:
        status = wanted.status.model_copy(update={"job": job["metadata"]["name"]})
        if status.started_at is None:  # restarted between the Job and the status
            namespace, against = job["metadata"]["namespace"], wanted.spec.baseline
            pods = await self._ready_pods(namespace, wanted.spec.target.name)
            baseline = await self._ready_pods(namespace, against.name) if against else []
            loaded = await self._loaded(profile, pods, baseline)
            status = status.model_copy(update={"started_at": views.created(job)} | loaded)
        pods = await self._cluster.list(
            POD, job["metadata"]["namespace"], f"batch.kubernetes.io/controller-uid={views.uid(job)}"
        )
        ended = views.job_end(job)
        try:
            result = result_of(pods, profile, over=ended is not None and bool(pods))
            if result is not None:
                return await self._conclude(raw, wanted, status, held_against(result, profile, wanted))
        except ValueError as error:
            return await self._fail(raw, status, "BadResult", str(error)[:1024])
        if ended is not None:
            why = f"the Job ended without a result. {ended}".strip()
            return await self._fail(raw, status, "NoResult", why)
        problem = next((views.pod_problem(pod) for pod in pods if views.pod_problem(pod)), "")
        if not pods:
            problem = f"the Job has no pod yet: see kubectl describe job {status.job}"
        told = problem or f"takes {_long(profile, wanted)}"
        await self._report(raw, status, "Running", "Running", told)
        return LOOK_SECONDS

    async def _conclude(
        self, raw: Object, wanted: Benchmark, status: BenchmarkStatus, result: BenchmarkResult
    ) -> float | None:
        status = status.model_copy(update={"result": result})
        refused = _refused(result)
        if refused:
            return await self._fail(raw, status, "RequestsRefused", refused)
        now = self._clock.now()
        read = await self._server_side.read(wanted, raw["metadata"]["namespace"], status, result, now)
        if isinstance(read, str):
            await self._report(raw, status, "Running", "ReadingServer", read)
            return LOOK_SECONDS
        status = status.model_copy(update={"result": read, "completed_at": now})
        said = summary(read) + told(status.cold_start, read.first_requests)
        await self._report(raw, status, "Succeeded", "Measured", said)
        return None

    async def _wait(self, raw: Object, status: BenchmarkStatus, reason: str, message: str) -> float:
        await self._report(raw, status, "Pending", reason, message)
        return WAIT_SECONDS

    async def _fail(self, raw: Object, status: BenchmarkStatus, reason: str, message: str) -> float | None:
        status = status.model_copy(update={"completed_at": self._clock.now()})
        await self._report(raw, status, "Failed", reason, message)
        return None

    async def _report(
        self, raw: Object, status: BenchmarkStatus, phase: Phase, reason: str, message: str
    ) -> None:
        generation = int(raw["metadata"].get("generation", 0))
        done = {"Pending": None, "Running": None, "Succeeded": True, "Failed": False}[phase]
        conditions = set_condition(
            status.conditions, "Complete", done, reason, message, generation=generation, now=self._clock.now()
        )
        after = status.model_copy(
            update={"phase": phase, "conditions": conditions, "observed_generation": generation}
        )
        await write_status(self._cluster, BENCHMARK, raw, after)
        if phase != status.phase:
            kind: Literal["Normal", "Warning"] = "Warning" if phase == "Failed" else "Normal"
            await self._events.publish(raw, kind, reason, message)


def _long(profile: BenchmarkProfileSpec, wanted: Benchmark) -> str:
    """How long the load lasts; what is loaded in turn meets it two times more, and several pods wait for each other."""
    seconds = (for_pods(profile) if profile.pods > 1 else 0) + sum(
        stage.runs * stage.seconds * (1 if wanted.spec.baseline is None else 2 if stage.warm_up else 3)
        for stage in profile.stages
    )
    if profile.search:
        return f"at most {seconds + profile.search.longest_seconds} s"
    open_end = any(stage.load in (Load.CLOSED, Load.TRACE) for stage in profile.stages)
    return f"{'at least' if open_end else 'about'} {seconds} s"


def _addresses(pods: Iterable[Object], port: int) -> list[str]:
    ips = sorted(str(pod["status"]["podIP"]) for pod in pods)
    return [f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}" for ip in ips]


def _refused(result: BenchmarkResult) -> str:
    """What to say when a server turned every request of a stage away: that is no measurement of its speed."""
    for stage in result.stages:
        kinds = {kind for kind, count in stage.error_kinds.items() if count}
        if stage.requests and stage.errors == stage.requests and kinds <= {"http_4xx", "redirect"}:
            example = next((stage.error_examples[kind] for kind in kinds if kind in stage.error_examples), "")
            said = f"all {stage.requests} requests of stage {stage.name} were turned away ({', '.join(sorted(kinds))})"
            fits = (
                "does the BenchmarkProfile fit the server (protocol, path, model, inputName, datatype, bearerToken, "
                "dataset)?"
            )
            return f"{said}: {example + '; ' if example else ''}{fits}"
    return ""


def summary(result: BenchmarkResult) -> str:
    """One line about the judged stages."""
    parts = []
    for stage in result.declared:
        if stage.warm_up:
            continue
        kind = f" ({stage.load})" if stage.load else ""
        quality = f", {stage.correct}/{stage.scored} correct" if stage.scored else ""
        parts.append(
            f"{stage.label}{kind}: {count(stage.requests)} at {stage.answered_rate}, mean {stage.mean}, p99 "
            f"{stage.quantiles.p99}, {count(stage.errors, 'error')}{quality}{_of_tokens(stage)}{_of_surge(stage)}"
            f"{_of_inputs(stage)}{used(stage)}"
        )
        if stage.client_limited:
            parts.append(
                f"{stage.label} certifies nothing, as the load generator was the limit: {stage.client_limited[:200]}"
            )
    if result.search:
        parts.append(f"search: {result.search.message}")
    return "; ".join(parts)


def _of_surge(stage: StageResult) -> str:
    """How long a surge was felt."""
    seen = stage.recovery
    if seen is None:
        return ""
    when = f"as before {seen.recovered} after" if seen.recovered else "not seen as before after"
    return f", {when} a surge of {seen.surge}"


def _of_inputs(stage: StageResult) -> str:
    """What latency owes to the input, where inputs were repeated."""
    seen = stage.variability
    return f", {float(seen.share):.0%} of the variance between inputs" if seen and seen.share else ""


def _of_tokens(stage: StageResult) -> str:
    """What a stage of generated tokens is known by."""
    first = stage.stream.time_to_first_token if stage.stream else None
    each = stage.stream.time_per_output_token if stage.stream else None
    return "".join(
        (
            f", first token p99 {first.p99}" if first else "",
            f", per token p99 {each.p99}" if each else "",
            f", {stage.tokens.rate}" if stage.tokens and stage.tokens.rate else "",
        )
    )
