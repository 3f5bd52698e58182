"""One pod's share of a benchmark that several pods send together, each stage from the same moment.

The pods do not speak with each other. The plan names the moment of the first stage by the wall clock, and every pod
works out the others from the profile: a stage's slot ends when its last request must have been answered or timed out,
wherever it was sent from. So no pod begins a stage while another one is still in the stage before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tollgate.api.parts import BenchmarkPart, StagePart
from tollgate.api.transport import digest
from tollgate.bench.crew import Crew
from tollgate.bench.merge import deal
from tollgate.bench.pacing import now
from tollgate.bench.parts import part_of
from tollgate.bench.plan import Plan
from tollgate.bench.requests import Requests
from tollgate.bench.schedule import plan_stage
from tollgate.bench.trace import NO_TRACES, Traces, sent

_GAP = 1.0  # seconds between two slots: for what a pod does in between
_LEAD = 0.5  # seconds of it in which the workers get their shares


class LateError(Exception):
    """This pod was not ready when the others began; the message says what to do."""


async def run_part(
    plan: Plan, requests: Requests, pod: int, log: Callable[[str], None], traces: Traces = NO_TRACES
) -> BenchmarkPart:
    """Send this pod's share of every stage. LateError when it cannot begin with the others."""
    profile = plan.profile
    assert plan.begins_at is not None  # a plan for several pods says when
    begin = now() + plan.begins_at.timestamp() - time.time()
    stages: list[StagePart] = []
    async with Crew(plan, requests) as crew:
        if now() > begin - _LEAD:
            raise LateError(
                f"it was ready {now() - begin + _LEAD:.1f} s too late to begin with the others: "
                "raise startSeconds of the profile"
            )
        for number, stage, repeat in profile.runs:
            trace = traces.get(stage.name)
            schedule = plan_stage(
                stage, requests.groups, profile.seed, number, plan.repetition, repeat, trace
            )
            await asyncio.sleep(max(0.0, begin - _LEAD - now()))
            record = await crew.load(deal(schedule, pod, profile.pods), start=begin)
            which = repeat if stage.repeats else None
            part = part_of(stage, len(schedule), record, plan.limits)
            stages.append(part.model_copy(update={"repeat": which}))
            log(
                f"{stage.name}: done: {stages[-1].requests} requests, {stages[-1].errors} errors, "
                f"sent late by {stages[-1].schedule_delay_p99} (p99) {stages[-1].client_limited}".strip()
            )
            begin += schedule.span + profile.timeout_seconds + _GAP
    return BenchmarkPart(
        dataset=sent(requests.dataset, traces),
        profile=digest(profile),
        pods=len(plan.targets),
        repetition=plan.repetition,
        pod=pod,
        stages=stages,
    )
