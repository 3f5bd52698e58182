"""A whole benchmark: the stages of a plan, one after the other, into a `BenchmarkResult`.

The stages are of the targets alone, whole and without a pause, as that is the load that is certified. Where there is a
baseline, each measured stage is followed by the same load once more, in turns of targets and baseline. A search comes
last, as it goes on until the server, or this side, can no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.cold_start import FirstRequests
from tollgate.api.load import Load, LoadStage
from tollgate.api.paired import PairedStage
from tollgate.api.search import RateSearch
from tollgate.api.transport import digest
from tollgate.bench.crew import Crew
from tollgate.bench.first import first_requests
from tollgate.bench.pacing import now
from tollgate.bench.pairs import compare_turns
from tollgate.bench.plan import Plan
from tollgate.bench.records import StageRun
from tollgate.bench.requests import Requests
from tollgate.bench.schedule import Schedule, plan_stage
from tollgate.bench.steadiness import growth
from tollgate.bench.summary import summarize
from tollgate.bench.trace import NO_TRACES, Traces, sent
from tollgate.bench.turns import turns
from tollgate.measure.search import concluded, next_rate

Log = Callable[[str], None]  # takes a line for people
Keep = Callable[[StageResult, StageRun], None]  # takes a stage of the result, and its record


async def run(
    plan: Plan,
    requests: Requests,
    log: Log,
    progress: Log | None = None,
    traces: Traces = NO_TRACES,
    keep: Keep | None = None,
) -> BenchmarkResult:
    """Run every stage, in the profile's order. A server that fails, however it fails, is part of the result.

    Each second of a stage `progress` is told how far it is; without it, `log`. `traces` has the arrival times of the
    stages that replay a trace. `keep` gets each stage's requests.
    """
    async with Crew(plan, requests) as crew:
        return await _Benchmark(plan, requests, crew, log, progress or log, traces, keep).run()


class _Benchmark:
    """A plan in progress."""

    def __init__(
        self,
        plan: Plan,
        requests: Requests,
        crew: Crew,
        log: Log,
        progress: Log,
        traces: Traces,
        keep: Keep | None,
    ) -> None:
        self._plan = plan
        self._traces = traces
        self._requests = requests
        self._crew = crew
        self._log = log
        self._progress = progress
        self._keep = keep

    async def run(self) -> BenchmarkResult:
        profile = self._plan.profile
        stages: list[StageResult] = []
        paired: list[PairedStage] = []
        first: FirstRequests | None = None
        for number, stage, repeat in profile.runs:
            trace = self._traces.get(stage.name)
            schedule = plan_stage(
                stage, self._requests.groups, profile.seed, number, self._plan.repetition, repeat, trace
            )
            record = await self._load(stage.name, schedule)
            if profile.cold_start and not stages:
                first = first_requests(record, len(self._plan.targets), profile.cold_start.requests)
            which = repeat if stage.repeats else None
            stages.append(
                summarize(stage, record, self._plan.limits, self._plan.counting).model_copy(
                    update={"repeat": which}
                )
            )
            self._done(stages[-1], record)
            if not self._plan.baseline:
                continue
            if stage.warm_up:
                await self._load(f"{stage.name}, baseline", schedule, of_baseline=True)
            else:
                paired.append(await self._in_turns(stage, schedule, profile.seed + number))
        probes = await self._probe(profile.search) if profile.search else []
        found = concluded(profile.search, probes) if profile.search else None
        if found:
            self._log(f"search: {found.message}")
        return BenchmarkResult(
            dataset=sent(self._requests.dataset, self._traces),
            profile=digest(profile),
            pods=len(self._plan.targets),
            repetition=self._plan.repetition,
            stages=stages + probes,
            paired=paired,
            baseline_pods=len(self._plan.baseline),
            first_requests=first,
            search=found,
        )

    async def _probe(self, search: RateSearch) -> list[StageResult]:
        """The probes of a search, each a stage of its own, with arrivals and inputs of its own."""
        profile, probes = self._plan.profile, list[StageResult]()
        while rate := next_rate(search, probes):
            stage = search.probe(len(probes) + 1, rate)
            number = len(profile.stages) + len(probes)
            schedule = plan_stage(stage, self._requests.groups, profile.seed, number, self._plan.repetition)
            record = await self._load(f"{stage.name} at {rate}", schedule)
            told = summarize(stage, record, [search.objective.max])
            probes.append(told.model_copy(update={"load": Load.SEARCH, "growth": growth(record)}))
            self._done(probes[-1], record)
        return probes

    async def _in_turns(self, stage: LoadStage, schedule: Schedule, seed: int) -> PairedStage:
        planned = turns(schedule, seed)
        target, baseline = list[StageRun](), list[StageRun]()
        for of_baseline in (False, True):  # not counted: the one has rested, the other has worked
            await self._load(f"{stage.name}, getting even", planned[0].schedule, of_baseline=of_baseline)
        until = now() + stage.turns_seconds
        for number, turn in enumerate(planned, start=1):
            if now() > until:
                break
            for of_baseline in (not turn.candidate_first, turn.candidate_first):
                runs, whose = (baseline, "baseline") if of_baseline else (target, "target")
                what = f"{stage.name}, turn {number} of {len(planned)}, {whose}"
                runs.append(await self._load(what, turn.schedule, of_baseline=of_baseline))
        limits = [float(units.parse_duration(limit)) for limit in self._plan.limits]
        seen = compare_turns(stage.name, len(planned), target, baseline, limits)
        found = {"mean": seen.mean, "p99": seen.p99, "answers": seen.rate}
        ratios = ", ".join(f"{name} {ratio.value}" for name, ratio in found.items() if ratio)
        self._log(
            f"{stage.name}, in turns: done: target over baseline: {ratios or seen.unusable or 'no ratio'}"
        )
        return seen

    async def _load(self, name: str, schedule: Schedule, *, of_baseline: bool = False) -> StageRun:
        """Send a schedule, and tell each second how far it is."""

        async def tell() -> None:
            while True:
                await asyncio.sleep(1)
                self._progress(f"{name}: {self._crew.progress}")

        teller = asyncio.create_task(tell())
        try:
            return await self._crew.load(schedule, of_baseline=of_baseline)
        finally:
            teller.cancel()

    def _done(self, stage: StageResult, record: StageRun) -> None:
        """Keep the requests of a stage, and tell what it was."""
        if self._keep is not None:
            self._keep(stage, record)
        for outcome, example in record.examples.items():
            self._log(f"{stage.name}: the first error of kind {outcome.name.lower()}: {example}")
        self._log(
            f"{stage.name}: done: {stage.requests} requests at {stage.achieved_rate}, {stage.errors} errors, "
            f"median {stage.quantiles.p50}, p99 {stage.quantiles.p99}, sent late by {stage.schedule_delay_p99} (p99)"
        )
        if stage.client_limited:
            self._log(f"{stage.name}: the load generator itself was the limit: {stage.client_limited}")
