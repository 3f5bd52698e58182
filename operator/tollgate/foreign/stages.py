"""From what a file tells of requests, or of all of them together, to a stage of a result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tollgate.api import units
from tollgate.api.benchmark import Quantiles, StageResult
from tollgate.api.document import MOST_REQUESTS, StageSamples
from tollgate.api.load import LoadStage
from tollgate.api.sketch import Sketch
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.samples import samples_of
from tollgate.bench.schedule import Schedule
from tollgate.bench.summary import summarize

FROM_SENT = (
    "its file does not tell when requests were due, and latency from when they were sent hides a late client"
)
_FROM_SUMMARY = "its file tells percentiles and no requests, and a percentile alone is no count"
_LONGEST = 10**6  # seconds


@dataclass(frozen=True)
class Request:
    """One request; times in seconds on one clock. `due` is None where the file does not tell it."""

    due: float | None
    sent: float
    ended: float
    outcome: Outcome = Outcome.ANSWERED


@dataclass(frozen=True)
class Foreign:
    """A stage of another tool's file."""

    name: str
    requests: Sequence[Request]
    rate: float | None = None  # requests a second that were asked for
    warm_up: bool = False
    cut_off: int = 0  # requests without an answer when the time was up: nobody knows how slow they were


@dataclass(frozen=True)
class Summary:
    """A stage of which only this is known; times in seconds."""

    name: str
    requests: int
    errors: int
    seconds: float
    mean: float
    quantiles: Mapping[str, float] = field(default_factory=dict)  # of p50, p90, p95, p99, p999 and max
    rate: float | None = None


def from_requests(stage: Foreign) -> tuple[StageResult, StageSamples]:
    """The stage and its requests. ValueError where its times make no sense."""
    if not 0 < len(stage.requests) <= MOST_REQUESTS:
        raise ValueError(f"stage {stage.name} has {len(stage.requests)} requests, not 1 to {MOST_REQUESTS:,}")
    told = all(request.due is not None for request in stage.requests)
    known = [
        (r.due if told and r.due is not None else r.sent, r.sent, r.ended, r.outcome) for r in stage.requests
    ]
    due, sent, ended, outcome = (np.array(column, dtype=float) for column in zip(*sorted(known), strict=True))
    begun = float(due[0])
    took = ended - due
    if not np.all(np.isfinite(took)) or took.min() < 0 or (ended.max() - begun) > _LONGEST:
        raise ValueError(
            f"stage {stage.name}: a request ends before it begins, or lasts longer than anything"
        )
    span = float(due[-1] - begun) * len(due) / max(1, len(due) - 1) or float(took.max()) or 1e-6
    schedule = Schedule(due - begun, np.zeros(len(due), np.int64), span)
    run = StageRun(schedule, max(float(took.max()), 1e-6), np.zeros(len(due), np.bool_))
    run.sent[:], run.ended[:], run.outcome[:] = np.maximum(sent - begun, 0), ended - begun, outcome
    planned = LoadStage(
        name=_name(stage.name),
        warm_up=stage.warm_up,
        rate=_rate(stage.rate or len(due) / span),
        duration_seconds=1,
    )
    result = summarize(planned, run, [])
    reasons = [] if told else [FROM_SENT]
    if stage.cut_off:
        reasons.append(
            f"{stage.cut_off} requests were cut off when the time was up, and may have been the slow ones"
        )
    update = {"uncertified": "; ".join(reasons), "client": None}  # the vitals would be ours
    result = result.model_copy(update=update)
    return result, samples_of(result, run)


def from_summary(stage: Summary) -> StageResult:
    """The stage as far as it is known. A percentile that is missing is no better than the next one above it."""
    names = ("p50", "p90", "p95", "p99", "p999", "max")
    worst = max([*stage.quantiles.values(), stage.mean])
    found: dict[str, str] = {}
    for name in reversed(names):
        worst = stage.quantiles.get(name, worst)
        found[name] = units.format_duration(worst)
    answered = stage.requests - stage.errors
    achieved = _rate(stage.requests / stage.seconds)
    return StageResult(
        name=_name(stage.name),
        requested_rate=_rate(stage.rate) if stage.rate else achieved,
        achieved_rate=achieved,
        answered_rate=units.format_rate(answered / stage.seconds),
        seconds=units.format_duration(stage.seconds),
        requests=stage.requests,
        errors=stage.errors,
        error_kinds={"other": stage.errors} if stage.errors else {},
        mean=units.format_duration(stage.mean),
        quantiles=Quantiles(**found),
        sketch=Sketch(growth="1.05", bins=""),
        schedule_delay_p99="0us",
        uncertified=_FROM_SUMMARY,
    )


def kind_of(words: str, code: int | None = None) -> Outcome:
    """The kind of an error, by its HTTP status or what the tool says of it."""
    found = re.search(r"\bHTTP(?: Error)? ?(\d{3})\b|\bstatus(?: code)?[ =:]*(\d{3})\b", words, re.I)
    status = code or (int(found[1] or found[2]) if found else 0)
    by_status = {3: Outcome.REDIRECT, 4: Outcome.HTTP_4XX, 5: Outcome.HTTP_5XX}
    lower = words.lower()
    if "timeout" in lower or "timed out" in lower:
        return Outcome.TIMEOUT
    if status // 100 in by_status and status != 499:
        return by_status[status // 100]
    if "disconnect" in lower or "reset" in lower or "payload" in lower:
        return Outcome.DISCONNECT
    if "connect" in lower:
        return Outcome.CONNECT
    return Outcome.CANCELLED if "cancel" in lower else Outcome.OTHER


def _name(name: str) -> str:
    """A stage's name as profiles have it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32].strip("-") or "stage"


def _rate(rate: float) -> str:
    return units.format_rate(min(max(round(rate, 6), 1e-6), 99_999.0), 6)
