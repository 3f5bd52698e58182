"""The plan of a canary in two sentences, as the budget's condition says it."""

from __future__ import annotations

import math

from tollgate.api import units
from tollgate.api.budget import OnInconclusive
from tollgate.decide.limits import count, span, what_is_over
from tollgate.decide.plan import Plan

_LONGEST_CANARY = 604_800  # seconds: the most that maxDurationSeconds takes


def canary_message(plan: Plan) -> str:
    """How long a canary takes and what a regression costs; one or two sentences, as far as the rate is known."""
    if not plan.steps:
        return "No objective is judged on live traffic."
    return f"{_waits(plan)}. {_costs(plan)}".strip()


def _waits(plan: Plan) -> str:
    first = plan.steps[0]
    needs = f"about {count(first.requests)} to the candidate (objective {first.objective})"
    if plan.rate is None:
        return f"A canary step needs {needs}"
    if plan.seconds is None:
        return f"A canary step needs {needs}, and the service receives none now"
    steps = ", ".join(f"{step.share}: {span(step.seconds or 0)}" for step in plan.steps)
    each = f" ({steps})" if len(plan.steps) > 1 else ""
    takes = f"At about {units.format_rate(plan.rate)} a canary takes {span(plan.seconds)}{each}"
    return f"{takes}, as a step needs {needs}{_too_long(plan)}"


def _too_long(plan: Plan) -> str:
    """What comes of it where the canary is given less time than it needs."""
    canary = plan.spec.canary
    assert plan.seconds is not None
    if plan.seconds <= canary.max_duration_seconds:
        return ""
    then = {
        OnInconclusive.HOLD: "it holds its share",
        OnInconclusive.REJECT: "the candidate is refused",
        OnInconclusive.PROMOTE: "it is let through",
    }[canary.on_inconclusive]
    wanted = math.ceil(plan.seconds)
    longer = f"set it to {wanted} or more, or " if wanted <= _LONGEST_CANARY else ""
    return (
        f", but after maxDurationSeconds ({span(canary.max_duration_seconds)}) {then} without a verdict: "
        f"{longer}raise the shares"
    )


def _costs(plan: Plan) -> str:
    """What the regressions of one objective cost: of the one whose severe regression costs most."""
    known = [(needs.severe.over, needs) for needs in plan.live if needs.severe and needs.severe.over]
    if not known:
        return ""
    severe, needs = max(known, key=lambda pair: pair[0])
    mild = f", a mild one {needs.mild.over:,}" if needs.mild and needs.mild.over else ""
    return (
        f"Until it is caught, a severe regression of {needs.objective.name} costs users at most {count(severe)} "
        f"{what_is_over(needs.objective)}{mild} (19 times in 20)."
    )
