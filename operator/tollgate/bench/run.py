"""A whole benchmark: the stages of a plan, one after the other, into a `BenchmarkResult`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.transport import digest
from tollgate.bench.client import Client
from tollgate.bench.plan import Plan
from tollgate.bench.protocol import Requests
from tollgate.bench.records import StageRun
from tollgate.bench.schedule import plan_stage
from tollgate.bench.stage import Stage
from tollgate.bench.summary import summarize

Log = Callable[[str], None]  # takes a line for people


async def run(plan: Plan, requests: Requests, log: Log) -> BenchmarkResult:
    """Run every stage, in the profile's order. A server that fails, however it fails, is part of the result."""
    profile = plan.profile
    client = Client(plan.targets, requests.path)
    stages: list[StageResult] = []
    try:
        for number, stage in enumerate(profile.stages):
            schedule = plan_stage(stage, len(requests), profile.seed, number)
            record = await _with_progress(
                stage.name, Stage(schedule, requests, client, profile.timeout_seconds), log
            )
            stages.append(summarize(stage, record, plan.limits))
            _report(stages[-1], record, log)
    finally:
        await client.close()
    return BenchmarkResult(
        dataset=requests.dataset,
        profile=digest(profile),
        pods=len(plan.targets),
        stages=stages,
    )


async def _with_progress(name: str, stage: Stage, log: Log) -> StageRun:
    """Run a stage and log a line each second of it."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(1)
            log(f"{name}: {stage.progress}")

    teller = asyncio.create_task(tell())
    try:
        return await stage.run()
    finally:
        teller.cancel()


def _report(stage: StageResult, record: StageRun, log: Log) -> None:
    for outcome, example in record.examples.items():
        log(f"{stage.name}: the first error of kind {outcome.name.lower()}: {example}")
    log(
        f"{stage.name}: done: {stage.requests} requests at {stage.achieved_rate}, {stage.errors} errors, "
        f"median {stage.quantiles.p50}, p99 {stage.quantiles.p99}, sent late by {stage.schedule_delay_p99} (p99)"
    )
    if stage.client_limited:
        log(f"{stage.name}: the load generator itself was the limit: {stage.client_limited}")
