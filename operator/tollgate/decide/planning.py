"""What a budget will need before it can speak, said when it is accepted and not when time has run out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from tollgate.api import units
from tollgate.api.budget import Baseline, BenchmarkSpecRef
from tollgate.api.counting import NOTHING_MORE, Counting, Goal, TokenLimit
from tollgate.api.dimension import SERIES_OF_TIMES, TOKEN_TIMES
from tollgate.api.form import of_tokens
from tollgate.api.load import LoadStage
from tollgate.api.metric_profile import MetricProfileSpec, Scope
from tollgate.api.objective import Dimension, Metric, Objective, Per, objective_quantity
from tollgate.api.profiles import BenchmarkProfileSpec, turns_problem
from tollgate.api.scoring import Scoring
from tollgate.decide.levels import FIRST_LOOKS, judged_live
from tollgate.decide.limits import (
    allowed_fraction,
    count,
    limit_value,
    live_tail,
    slow_at,
    tail_limit,
)
from tollgate.decide.loads import certifies, why_not
from tollgate.decide.paired import counted_in_turns
from tollgate.measure.binomial import requests_needed
from tollgate.measure.histogram import bracket
from tollgate.measure.search import too_few

Counted = TypeVar("Counted", TokenLimit, Goal)


@dataclass(frozen=True)
class Problem:
    """Why an objective ("": any) can not be judged as things are: a CamelCase reason, and what to do, as a sentence."""

    objective: str
    reason: str
    message: str


def latency_limits(objectives: Sequence[Objective]) -> tuple[Decimal, ...]:
    """The latencies, in seconds, over which live requests must be counted; ascending, each once."""
    return tuple(sorted(_tails([o for o in objectives if judged_live(o)])))


def times_judged(
    objectives: Sequence[Objective], profile: MetricProfileSpec
) -> dict[Dimension, tuple[Decimal, ...]]:
    """The dimensions whose times have a series of their own there, each with the limits to count over, as above."""
    found: dict[Dimension, set[Decimal]] = {}
    for o in objectives:
        if judged_live(o) and profile.times_of(o.dimension) is not None:
            limit = live_tail(o)
            found.setdefault(o.dimension, set()).update(() if limit is None else (limit,))
    return {dimension: tuple(sorted(limits)) for dimension, limits in found.items()}


def benchmark_limits(objectives: Sequence[Objective]) -> tuple[Decimal, ...]:
    """The same of a benchmark, which judges more of them, and counts the answers that are right in time."""
    within = {units.parse_duration(o.within) for o in objectives if o.within is not None}
    goals = {units.parse_duration(goal.latency) for goal in _goals(objectives) if goal.latency}
    return tuple(sorted(within | goals | _tails(objectives)))


def benchmark_counting(objectives: Sequence[Objective]) -> Counting | None:
    """What a benchmark counts beside: times of tokens, and goals that only a stream can tell; None: nothing."""
    tokens = [
        TokenLimit.model_validate({"time": o.dimension, "limit": o.limit})
        for o in objectives
        if o.dimension in TOKEN_TIMES and allowed_fraction(o) is not None
    ]
    goals = [goal for goal in _goals(objectives) if goal.of_tokens]
    counting = Counting(tokens=_distinct(tokens), goals=_distinct(goals))
    return counting if counting != NOTHING_MORE else None


def _goals(objectives: Sequence[Objective]) -> list[Goal]:
    return [o.meets for o in objectives if o.meets is not None]


def _distinct(items: Sequence[Counted]) -> list[Counted]:
    return list({repr(item): item for item in items}.values())


def _tails(objectives: Sequence[Objective]) -> set[Decimal]:
    return {limit for o in objectives if (limit := tail_limit(o)) is not None}


def benchmark_problems(
    objectives: Sequence[Objective], profile: BenchmarkProfileSpec, *, confidence: float
) -> list[Problem]:
    """The objectives that a stage of the profile can never certify, whatever it measures."""
    found: list[Problem] = []
    levels = FIRST_LOOKS.levels(1 - confidence, 1)
    for o in objectives:
        if not o.shape.benchmark:
            continue
        if missing := _not_counted(o, profile):
            said = f"objective {o.name}: the BenchmarkProfile does not have it counted: set {missing} there"
            found.append(Problem(o.name, "NotCounted", said))
            continue
        stages = [stage for stage in profile.measured if certifies(o, stage.name, stage.load)]
        p0 = allowed_fraction(o)
        if not stages:
            why = why_not(o, {stage.name: stage.load for stage in profile.measured})
            found.append(Problem(o.name, "LoadNotJudged", f"objective {o.name}: {why}"))
        elif p0 is not None:
            needed = requests_needed(p0, levels.within)
            found += [
                _too_short(o, stage, needed, confidence)
                for stage in stages
                if needed is None or stage.judged_requests < needed
            ]
        elif o.dimension in (Dimension.THROUGHPUT, Dimension.GOODPUT) and not of_tokens(o.limit):
            found += _never_asked(o, stages)
    return found


def _not_counted(o: Objective, profile: BenchmarkProfileSpec) -> str:
    """The field of a profile that an objective needs, and that is not set; "" where nothing is missing."""
    scoring = profile.scoring or Scoring()
    streams = profile.protocol.is_openai and profile.stream
    tokens = profile.protocol.is_openai or profile.output_tokens is not None
    read = profile.protocol.is_openai or profile.input_tokens is not None
    of_inputs = o.dimension is Dimension.CONTEXT_UTILIZATION or o.metric in (Metric.INPUT, Metric.TOTAL)
    of_outputs = of_tokens(o.limit) or o.metric in (Metric.OUTPUT, Metric.TOTAL)
    of_outputs |= o.dimension is Dimension.CONTEXT_UTILIZATION or (o.per is not None and o.per.of_tokens)
    of_streams = o.dimension in TOKEN_TIMES or (o.meets is not None and o.meets.of_tokens)
    needs = {
        "protocol to OpenAIChat or OpenAICompletions, with stream": of_streams and not streams,
        "inputTokens": of_inputs and not read,
        "outputTokens": of_outputs and not tokens,
        "exitStage": o.dimension in (Dimension.EXIT_DEPTH, Dimension.EXPERT_IMBALANCE)
        and profile.exit_stage is None,
        "coldStart": o.dimension is Dimension.COLD_START and profile.cold_start is None,
        "pods to 1, as between inputs only one pod can tell": o.metric is Metric.BETWEEN_INPUTS
        and profile.pods > 1,
        "scoring.positive": o.metric is Metric.F1 and scoring.positive is None,
        "scoring.classes": o.metric is Metric.F1_MACRO and not scoring.classes,
        f"scoring.scores with one named {o.score}": o.score is not None
        and o.score not in {score.name for score in scoring.scores},
        "scoring.confidence": o.dimension is Dimension.CALIBRATION_ERROR and scoring.confidence is None,
        "accepted": o.per is Per.ACCEPTED_OUTCOME and profile.accepted is None,
    }
    return next((field for field, missing in needs.items() if missing), "")


def _too_short(o: Objective, stage: LoadStage, needed: int | None, confidence: float) -> Problem:
    if needed is None:
        return Problem(
            o.name,
            "StageTooShort",
            f"objective {o.name}: no benchmark can certify a limit as strict as {o.limit}",
        )
    each = math.ceil(needed / stage.runs)
    if stage.duration_seconds is None:
        sent, raised = stage.pace, f"requests to {each:,} or more"
    else:
        seconds = math.ceil(each / float(stage.mean_rate))
        sent = f"{stage.pace} for {stage.duration_seconds} s"
        raised = f"durationSeconds to {seconds} or more, or raise its rate"
    if stage.repeats is not None:
        sent = f"{stage.repeats} times {sent}"
    return Problem(
        o.name,
        "StageTooShort",
        f"objective {o.name}: stage {stage.name} sends {count(stage.judged_requests)} ({sent}), and needs {needed:,} "
        f"to certify it at confidence {confidence:g} even if all goes well: set {raised}",
    )


def _never_asked(o: Objective, stages: Sequence[LoadStage]) -> list[Problem]:
    if any(float(stage.mean_rate) > limit_value(o) for stage in stages):
        return []
    return [
        Problem(
            o.name,
            "RateTooLow",
            f"objective {o.name}: no measured stage asks for more than {o.limit}, so none can show it: "
            "raise the rate of a stage",
        )
    ]


def pairing_problems(
    objectives: Sequence[Objective], how: BenchmarkSpecRef, profile: BenchmarkProfileSpec
) -> list[Problem]:
    """Why a candidate can not be measured in turn with last-good, where the policy wants that."""
    if how.baseline is not Baseline.PAIRED:
        return []
    found = []
    if problem := turns_problem(profile):
        said = f"BenchmarkProfile {how.profile_ref.name}: {problem}, or set benchmark.baseline: Recorded"
        found.append(Problem("", "CannotBePaired", said))
    for o in objectives:
        if not counted_in_turns(o):
            said = f"objective {o.name}: {objective_quantity(o)} is not counted in turns"
            found.append(Problem(o.name, "CannotBePaired", f"{said}: set benchmark.baseline: Recorded"))
    return found


def search_problems(profile: BenchmarkProfileSpec) -> list[Problem]:
    """Why a search can not come to an end, or certify anything."""
    search = profile.search
    if search is None:
        return []
    found = [Problem("", "SearchTooShort", why)] if (why := too_few(search)) else []
    if search.longest_seconds > profile.deadline_seconds:
        said = (
            f"the search may send its {search.probes} probes for {search.longest_seconds} s, and deadlineSeconds ends "
            f"the whole benchmark after {profile.deadline_seconds} s: raise it, or the lowest rate of the search"
        )
        found.append(Problem("", "SearchTooLong", said))
    return found


def live_problems(objectives: Sequence[Objective], profile: MetricProfileSpec) -> list[Problem]:
    """The objectives that the metrics of live traffic can never tell."""
    found = []
    for o in objectives:
        if not judged_live(o):
            continue
        own = o.dimension in SERIES_OF_TIMES
        field = SERIES_OF_TIMES.get(o.dimension, "latency")
        times = profile.times_of(o.dimension) if own else profile.latency
        if times is None:
            if not o.shape.benchmark:
                said = f"the MetricProfile names no series of it: add {field} to it, or remove the objective"
                found.append(Problem(o.name, "NotMetered", f"objective {o.name}: {said}"))
            continue
        if o.dimension is Dimension.ERROR_RATE and profile.errors is None:
            said = "the MetricProfile names no error counter: add errors to it, or remove the objective"
            found.append(Problem(o.name, "ErrorsNotMeasured", f"objective {o.name}: {said}"))
        if live_tail(o) is not None and not times.type.has_buckets:
            what = field if own else "latencies"
            stage = ", or set the objective's stage, as a benchmark counts slow requests itself"
            said = (
                f"the MetricProfile has {what} as a {times.type} ({times.series}), which tells their mean only: "
                f"limit the Mean, name a histogram in the profile{stage if o.shape.benchmark else ''}"
            )
            found.append(Problem(o.name, "MeanOnly", f"objective {o.name}: {said}"))
        if o.dimension is Dimension.COST and profile.scope is Scope.SERVICE:
            said = (
                "the MetricProfile has the series of a whole Service (scope Service), and the cost of its pods is not "
                "known from them: refer to a profile with the pods' own series, or set the objective's stage, as a "
                "benchmark tells the cost"
            )
            found.append(Problem(o.name, "CostNotMeasured", f"objective {o.name}: {said}"))
    return found


def resolution_problems(
    objectives: Sequence[Objective], edges_of: Mapping[Dimension, Sequence[float]]
) -> list[Problem]:
    """The limits of times that are no bucket edge of the server's histograms; edges in seconds.

    Those of the latencies, by which a ViolationRate is judged as well, are under Latency.
    """
    found = []
    for o in objectives:
        limit = live_tail(o)
        own = o.dimension if o.dimension in SERIES_OF_TIMES else Dimension.LATENCY
        edges = edges_of.get(own, ())
        if limit is None or not edges or not judged_live(o):
            continue
        around = bracket(sorted(edges), float(limit))
        if around.exact:
            continue
        below = (
            f"above {units.format_duration(around.below)}"
            if around.below is not None
            else "below the lowest edge"
        )
        above = (
            f"below {units.format_duration(around.above)}"
            if around.above is not None
            else "above the highest edge"
        )
        found.append(
            Problem(
                o.name,
                "BucketResolution",
                f"objective {o.name}: the server's histogram has no bucket edge at {slow_at(o)} (it lies {below}, "
                f"{above}), so requests between are not told apart: add the edge {slow_at(o)}, or move the limit",
            )
        )
    return found
