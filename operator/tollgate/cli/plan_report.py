"""The plan of a budget for people (tables) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tollgate.api import units
from tollgate.api.objective import objective_quantity
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.cli.tables import aligned
from tollgate.decide.levels import compared
from tollgate.decide.limits import allowed_fraction, count, span, what_is_over
from tollgate.decide.plan import BenchmarkPlan, LivePlan, Plan, Regression, Step, Takes
from tollgate.decide.plan_text import canary_message

_VERDICTS = ("BREACH IF SEVERE", "BREACH IF MILD", "WITHIN IF CLEAN", "WITHIN AT HALF THE LIMIT")
_NEVER = "too close"


@dataclass(frozen=True)
class Planned:
    """A plan, of which budget, at which rate (as it was written), and what can not be judged as things are."""

    budget: str
    rate: str
    plan: Plan
    profile: BenchmarkProfileSpec | None
    problems: tuple[str, ...]


def table(said: Planned) -> str:
    """What is needed live, how long that takes at each step, what a regression costs, and the benchmark."""
    plan = said.plan
    parts = [[f"Plan of {said.budget} at {said.rate}, confidence {plan.spec.confidence}"]]
    if plan.live:
        parts += [list(_requests(plan)), list(_times(plan)), list(_costs(plan)), list(_compared(plan))]
    parts += [list(_benchmark(said)), [canary_message(plan)], [f"Problem: {why}" for why in said.problems]]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _requests(plan: Plan) -> Iterator[str]:
    yield "Requests to the candidate until a live verdict: in half of all cases, and in 19 of 20"
    rows = [
        [needs.objective.name, objective_quantity(needs.objective), *_cells(needs, _both)]
        for needs in plan.live
    ]
    yield from aligned(("OBJECTIVE", "LIMIT", *_VERDICTS), rows)
    yield "  severe: 3 times the requests over the limit that are allowed; mild: 1.5 times; clean: none"


def _times(plan: Plan) -> Iterator[str]:
    yield "How long that is in a canary, in 19 cases of 20"
    rows = []
    for step in plan.steps:
        named = f"{step.share}: {units.format_rate(step.rate or 0)}"
        for needs in plan.live:
            here = needs.at((step.rate or 0) * plan.scrape_seconds)
            rows.append([named, needs.objective.name, *_cells(here, partial(_time, step.rate or 0))])
            named = ""
    yield from aligned(("STEP", "OBJECTIVE", *_VERDICTS), rows)


def _time(rate: float, takes: Takes) -> str:
    return span(takes.most / rate)


def _cells(needs: LivePlan, show: Callable[[Takes], str]) -> list[str]:
    """What each verdict takes; of a mean only the least is known."""
    if needs.severe is None or needs.mild is None or needs.clean is None:
        return [f"{show(Takes(needs.passes, needs.passes))} or more", "", "", ""]
    takes = (needs.severe.caught, needs.mild.caught, Takes(needs.clean, needs.clean), needs.half_limit)
    return [show(one) if one else _NEVER for one in takes]


def _both(takes: Takes) -> str:
    return f"{takes.most:,}" if takes.half == takes.most else f"{takes.half:,} to {takes.most:,}"


def _costs(plan: Plan) -> Iterator[str]:
    rows = []
    for needs in plan.live:
        p0 = allowed_fraction(needs.objective)
        named = needs.objective.name
        for word, regression in (("severe", needs.severe), ("mild", needs.mild)):
            if regression is not None and p0 is not None:
                what = f"{word}: {units.format_percent(regression.fraction)} {what_is_over(needs.objective)}"
                rows.append([named, what, *_served(regression, p0)])
                named = ""
    if rows:
        yield "What a regression costs users until it is caught, in 19 cases of 20"
        yield from aligned(("OBJECTIVE", "REGRESSION", "REQUESTS", "OVER", "ALLOWED"), rows, right=(2, 3, 4))


def _compared(plan: Plan) -> Iterator[str]:
    """What is judged beside the stable version; nothing waits for it."""
    named = [f"{o.name} ({o.max_regression})" for o in plan.spec.objectives if compared(o)]
    if named:
        yield (
            f"Also compared with the stable version beside the canary, by maxRegression: {', '.join(named)}. "
            "That may stop the canary, and is not waited for"
        )


def _served(regression: Regression, p0: float) -> list[str]:
    if regression.caught is None:
        return [_NEVER, "", ""]
    served = regression.caught.most
    return [f"{served:,}", f"{regression.over:,}", f"{round(p0 * served):,}"]


def _benchmark(said: Planned) -> Iterator[str]:
    plans = said.plan.benchmark
    if not plans:
        return
    yield "Requests of a benchmark stage that certify it, or show that it is no good, in 19 cases of 20"
    stages = said.profile.measured if said.profile else []
    header = ["OBJECTIVE", "LIMIT", "WITHIN IF CLEAN", "WITHIN AT HALF THE LIMIT", "BREACH IF SEVERE"]
    header += [f"{stage.name.upper()}: {count(stage.judged_requests)}" for stage in stages]
    rows = [
        [
            needs.objective.name,
            objective_quantity(needs.objective),
            *(f"{n:,}" if n else "none" for n in (needs.clean, needs.half_limit, needs.severe)),
            *(_tolerates(needs, stage.name) for stage in stages),
        ]
        for needs in plans
    ]
    yield from aligned(header, rows)


def _tolerates(needs: BenchmarkPlan, stage: str) -> str:
    if stage not in needs.stages:
        return "only reported"
    most = needs.stages[stage]
    if most is None:
        return "too few"
    return f"Within up to {most:,} over" if most else "Within if none is over"


def document(said: Planned) -> str:
    """The same as JSON; its keys are documented in docs/cli.md and stay."""
    plan = said.plan
    return json.dumps(
        {
            "budget": said.budget,
            "confidence": plan.spec.confidence,
            "rate": units.format_rate(plan.rate or 0, 9),
            "summary": canary_message(plan),
            "live": [_live(needs) for needs in plan.live],
            "steps": [_step(step) for step in plan.steps],
            "seconds": None if plan.seconds is None else round(plan.seconds),
            "maxDurationSeconds": plan.spec.canary.max_duration_seconds,
            "benchmark": [_needs(needs) for needs in plan.benchmark],
            "problems": list(said.problems),
        },
        indent=2,
    )


def _live(needs: LivePlan) -> dict[str, Any]:
    return {
        "name": needs.objective.name,
        "limit": needs.objective.limit,
        "passes": needs.passes,
        "severe": _regression(needs.severe),
        "mild": _regression(needs.mild),
        "clean": needs.clean,
        "halfLimit": _takes(needs.half_limit),
    }


def _regression(regression: Regression | None) -> dict[str, Any] | None:
    if regression is None:
        return None
    return {
        "fraction": units.format_percent(regression.fraction),
        "requests": _takes(regression.caught),
        "over": regression.over,
    }


def _takes(takes: Takes | None) -> dict[str, int] | None:
    return {"half": takes.half, "most": takes.most} if takes else None


def _step(step: Step) -> dict[str, Any]:
    return {
        "share": step.share,
        "rate": units.format_rate(step.rate or 0, 9),
        "requests": step.requests,
        "objective": step.objective,
        "seconds": None if step.seconds is None else round(step.seconds),
    }


def _needs(needs: BenchmarkPlan) -> dict[str, Any]:
    return {
        "name": needs.objective.name,
        "clean": needs.clean,
        "halfLimit": needs.half_limit,
        "severe": needs.severe,
        "stages": needs.stages,
    }
