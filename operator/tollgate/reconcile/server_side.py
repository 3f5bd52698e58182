"""Asks Prometheus what the loaded pods used in the steady part of each stage, once it can know.

Whatever goes wrong on the way is said in the readings, and costs no measurement.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tollgate.api.benchmark import Benchmark, BenchmarkResult, BenchmarkStatus, StageResult
from tollgate.api.metric_profile import MetricProfile, MetricProfileSpec
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.errors import MetricsError
from tollgate.measure.promql import PodNames, holders_query, meter_query
from tollgate.measure.server_side import Answer, is_divided, read_server, scraped_by, steady_parts
from tollgate.measure.sharing import gpus_of
from tollgate.ports import METRIC_PROFILE, Cluster, Metrics

_PATIENCE = timedelta(seconds=60)  # with a Prometheus that gives no answer


class ServerSide:
    """Reads for Benchmarks what servers used."""

    def __init__(self, cluster: Cluster, metrics: Metrics) -> None:
        self._cluster, self._metrics = cluster, metrics

    async def read(
        self,
        wanted: Benchmark,
        namespace: str,
        status: BenchmarkStatus,
        result: BenchmarkResult,
        now: datetime,
    ) -> BenchmarkResult | str:
        """The result with the readings of its measured stages; what is waited for as long as they cannot be had."""
        ref = wanted.spec.metrics_ref
        raw = await self._cluster.get(METRIC_PROFILE, "", ref.name) if ref else None
        if ref is None or status.started_at is None:
            return result
        if raw is None:
            why = f"there is no MetricProfile {ref.name}: create it, or see kubectl get metricprofiles"
            return _with(
                result,
                {place: _nothing(why) for place, stage in enumerate(result.stages) if not stage.warm_up},
            )
        profile = MetricProfile.model_validate(raw).spec
        if profile.server is None or not profile.server.meters:
            return result
        names = status.loaded.names if status.loaded else []
        if len(names) != result.pods:
            why = f"the names of {len(names)} of {result.pods} loaded pods are on record"
            return _with(
                result,
                {place: _nothing(why) for place, stage in enumerate(result.stages) if not stage.warm_up},
            )
        parts = steady_parts(result, status.started_at, now)
        steady = [part for part in parts.values() if isinstance(part, SteadyWindow)]
        asked = Asked({}, {})
        if steady:
            due = scraped_by(profile, max(part.until for part in steady))
            if now < due:
                return f"measured; the last scrape of the server is over by {due:%H:%M:%S} UTC"
            since, until = min(part.since for part in steady), max(part.until for part in steady)
            asked = await ask_meters(self._metrics, profile, namespace, names, since, until)
            if asked.refused is not None and now < due + _PATIENCE:
                return f"measured; what the server used is not known yet: {asked.refused}"[:1024]
        readings = {
            place: _nothing(part)
            if isinstance(part, str)
            else read_server(profile, asked.answers, part, names, asked.holders)
            for place, part in parts.items()
        }
        return _with(result, readings)


@dataclass(frozen=True)
class Asked:
    """What Prometheus answered, by the field of `profile.server`; of meters that are divided, also for all holders."""

    answers: Mapping[str, Answer]
    holders: Mapping[str, Answer]

    @property
    def refused(self) -> str | None:
        """Why it told nothing of one of them."""
        said = (*self.answers.values(), *self.holders.values())
        return next((answer for answer in said if isinstance(answer, str)), None)


async def ask_meters(
    metrics: Metrics,
    profile: MetricProfileSpec,
    namespace: str,
    pods: Sequence[str],
    since: datetime,
    until: datetime,
) -> Asked:
    """Each meter of these pods from one instant to another, in one query; then who shares their GPUs."""
    seconds = math.ceil((until - since).total_seconds()) + 1

    async def ask(query: str) -> Answer:
        try:
            return await metrics.samples(query, until)
        except MetricsError as error:
            return str(error) or "Prometheus gave no reason"

    meters = profile.server.meters if profile.server else {}
    names = PodNames(tuple(pods))
    queries = [meter_query(profile, meter, namespace, names, seconds) for meter in meters.values()]
    answers = dict(zip(meters, await asyncio.gather(*map(ask, queries)), strict=True))
    holders: dict[str, Answer] = {}
    for name, meter in meters.items():
        answer = answers[name]
        if is_divided(meter) and not isinstance(answer, str) and (gpus := gpus_of(answer)):
            holders[name] = await ask(holders_query(meter, gpus, seconds))
    return Asked(answers, holders)


def _nothing(why: str) -> ServerReadings:
    return ServerReadings(unknown={"all": why})


def _with(result: BenchmarkResult, readings: Mapping[int, ServerReadings]) -> BenchmarkResult:
    stages = [stage.model_copy(update={"server": readings.get(i)}) for i, stage in enumerate(result.stages)]
    return result.model_copy(update={"stages": stages})


def used(stage: StageResult) -> str:
    """What the server used in a stage, for a summary; empty where nothing was asked for."""
    seen = stage.server
    if seen is None:
        return ""
    told = {
        "peak memory": seen.peak_memory,
        "CPU time": seen.cpu_seconds,
        "GPU busy": seen.gpu_utilization,
        "peak GPU memory": seen.peak_gpu_memory,
        "KV cache": seen.peak_kv_cache,
        "energy": seen.energy,
        "operations": seen.flops,
    }
    known = [f"{what} {value}" for what, value in told.items() if value]
    lacking = [f"{what} unknown" for what in seen.unknown]
    return f" (server: {', '.join(known + lacking)})"
