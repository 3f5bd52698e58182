"""Which limits count now: a budget's own, or those of its adjustments.

Time, load, the priority class and the namespace say which adjustments are in force. A release is measured by the limits
that it began with: counts of a benchmark or a canary are evidence for or against one limit, and nobody shall choose the
hour at which it is asked. What serves is judged anew under the new limits, from the moment at which they change.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tollgate.api import units
from tollgate.api.adjustment import (
    AdjustedLimit,
    Adjustment,
    AdjustmentState,
    LimitInForce,
    LoadRange,
    When,
    Window,
)
from tollgate.api.budget import BudgetSpec, BudgetStatus, Objective, Stage, adjusted
from tollgate.decide.actions import Notice, Row
from tollgate.decide.limits import limit_value
from tollgate.decide.serving import new_window
from tollgate.decide.snapshot import Circumstances, Snapshot

ADJUSTED = "Adjusted"
_BAND = 0.1
_MEASURING = (Stage.BENCHMARKING, Stage.AWAITING_SIGN_OFF, Stage.CANARY)


def in_force(spec: BudgetSpec, states: Iterable[AdjustmentState]) -> BudgetSpec:
    """The policy with the limits that count."""
    counting = _counting(spec, states)
    if not counting:
        return spec
    objectives = [adjusted(o, counting[o.name][1]) if o.name in counting else o for o in spec.objectives]
    return spec.model_copy(update={"objectives": objectives})


def _counting(
    spec: BudgetSpec, states: Iterable[AdjustmentState]
) -> dict[str, tuple[Adjustment, AdjustedLimit]]:
    """By objective: the strictest limit of the adjustments in force."""
    on = {state.name for state in states if state.in_force}
    found: dict[str, tuple[Adjustment, AdjustedLimit]] = {}
    for adjustment in spec.adjustments:
        for limit in adjustment.limits if adjustment.name in on else ():
            objective = spec.objective(limit.objective)
            before = found.get(limit.objective)
            if objective is not None and (before is None or _stricter(objective, limit, before[1])):
                found[limit.objective] = adjustment, limit
    return found


def _stricter(objective: Objective, one: AdjustedLimit, other: AdjustedLimit) -> bool:
    value, against = (limit_value(adjusted(objective, limit)) for limit in (one, other))
    return value < against if objective.max else value > against


def adjust(s: Snapshot, status: BudgetStatus) -> tuple[BudgetStatus, tuple[Notice, ...]]:
    """The status with the adjustments that are in force from now on; what serves is then counted anew.

    `s.spec` is the policy that was in force so far, and `s.declared` the one that was applied.
    """
    declared = s.declared or s.spec
    if not declared.adjustments:
        if not (status.adjustments or status.limits):
            return status, ()
        return status.model_copy(update={"adjustments": [], "limits": []}), ()
    before = {state.name: state for state in status.adjustments}
    if measuring(status):
        states = [before[a.name] for a in declared.adjustments if a.name in before]
    else:
        states = [_state(a, before.get(a.name), s) for a in declared.adjustments]
    limits = limits_in_force(declared, states)
    changed = in_force(declared, states).objectives != s.spec.objectives
    status = status.model_copy(update={"adjustments": states, "limits": limits})
    if not changed:
        return status, ()
    return new_window(s, status), (Notice("Normal", "LimitsChanged", _sentence(declared, states)),)


def measuring(status: BudgetStatus) -> bool:
    """Whether a release is measured, so that limits stay as they are."""
    release = status.release
    if release is None or not release.stage.gating:
        return False
    return release.stage in _MEASURING or bool(release.benchmark or release.earlier)


def limits_in_force(spec: BudgetSpec, states: Iterable[AdjustmentState]) -> list[LimitInForce]:
    """Every objective with the limit that counts."""
    counting = _counting(spec, states)
    return [
        LimitInForce(objective=o.name, limit=o.limit)
        if o.name not in counting
        else LimitInForce(
            objective=o.name,
            limit=adjusted(o, counting[o.name][1]).limit,
            adjusted_by=counting[o.name][0].name,
        )
        for o in spec.objectives
    ]


def _state(adjustment: Adjustment, before: AdjustmentState | None, s: Snapshot) -> AdjustmentState:
    was = before or AdjustmentState(name=adjustment.name, in_force=False, since=s.now)
    seen, when = s.circumstances, adjustment.when
    holds, turning = was.load_holds, was.load_turning_since
    if when.load is not None:
        holds, turning = _load_holds(when.load, was, seen.load, s.now)
    on = _holds(when, seen, s.now, load_holds=holds)
    on = was.in_force if on is None else on
    return AdjustmentState(
        name=adjustment.name,
        in_force=on,
        since=was.since if on == was.in_force else s.now,
        load_holds=holds,
        load_turning_since=turning,
    )


def _holds(when: When, seen: Circumstances, now: datetime, *, load_holds: bool) -> bool | None:
    """Whether all that is asked for holds; None where that is not known."""
    asked: list[bool | None] = []
    if when.window is not None:
        asked.append(within(when.window, now))
    if when.load is not None:
        asked.append(load_holds)
    if when.priority_class_name is not None:
        asked.append(seen.priority_class == when.priority_class_name)
    if when.namespace_annotation is not None:
        annotation, there = when.namespace_annotation, seen.annotations
        asked.append(None if there is None else there.get(annotation.key) == annotation.value)
    if False in asked:
        return False
    return None if None in asked else True


def within(window: Window, now: datetime) -> bool:
    """Whether `now` is within the window: its latest beginning is not longer ago than it lasts."""
    local = now.astimezone(ZoneInfo(window.time_zone))
    begun = local - timedelta(minutes=window.duration_minutes)
    first = next(CronSim(window.schedule, begun), None)
    return first is not None and first <= local


def _load_holds(
    load: LoadRange, was: AdjustmentState, seen: float | None, now: datetime
) -> tuple[bool, datetime | None]:
    """Whether the load counts as there, and since when it has been otherwise.

    Two bars keep it from flapping: the one for going back is 10 % away, and either must be passed for a while.
    """
    if seen is None:
        return was.load_holds, was.load_turning_since
    if load.above is not None:
        bar = float(units.parse_rate(load.above))
        holds = seen >= bar * (1 - _BAND if was.load_holds else 1)
    else:
        bar = float(units.parse_rate(load.below or ""))
        holds = seen < bar * (1 + _BAND if was.load_holds else 1)
    if holds == was.load_holds:
        return holds, None
    since = was.load_turning_since or now
    if (now - since).total_seconds() >= load.for_seconds:
        return holds, None
    return was.load_holds, since


def adjustments(s: Snapshot, status: BudgetStatus) -> Row | None:
    """The condition of a budget that has adjustments: which of them count."""
    declared = s.declared or s.spec
    if not declared.adjustments:
        return None
    on = [state for state in status.adjustments if state.in_force]
    notes = [_sentence(declared, status.adjustments)]
    if measuring(status) and status.release is not None:
        notes.append(f"They stay so while release {status.release.number} is measured")
    if s.circumstances.load is None and any(a.when.load for a in declared.adjustments):
        notes.append("The load is not known now, so that no adjustment by load begins or ends")
    if s.circumstances.annotations is None and any(a.when.namespace_annotation for a in declared.adjustments):
        notes.append(
            f"The operator may not read namespace {s.namespace}: let its role get namespaces, as no adjustment by "
            "namespaceAnnotation begins or ends"
        )
    return ADJUSTED, bool(on), "InForce" if on else "OwnLimits", ". ".join(notes)


def _sentence(spec: BudgetSpec, states: Iterable[AdjustmentState]) -> str:
    """What counts: `by night: cost 0.80USD instead of 0.40USD`."""
    states = list(states)
    counting = _counting(spec, states)
    if not any(state.in_force for state in states):
        return "no adjustment is in force: the limits are those of the objectives"
    said = []
    for name, (adjustment, limit) in counting.items():
        objective = spec.objective(name)
        own = objective.limit if objective else ""
        said.append(
            f"{name} {limit.max or limit.min} instead of {own} (by {_rivals(spec, states, name, adjustment)})"
        )
    return "limits in force: " + "; ".join(said)


def _rivals(spec: BudgetSpec, states: Iterable[AdjustmentState], objective: str, first: Adjustment) -> str:
    on = {state.name for state in states if state.in_force}
    others = [
        a.name
        for a in spec.adjustments
        if a.name in on and a is not first and any(limit.objective == objective for limit in a.limits)
    ]
    return f"{first.name}, stricter than {' and '.join(others)}" if others else first.name
