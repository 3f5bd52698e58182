"""The steps of degradation of a budget: which are in force, which is due, what a roll-back has to wait for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tollgate.api.budget import BudgetStatus
from tollgate.api.degradation import DegradationState, DegradationStep, TakenStep
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.actions import CallWebhook
from tollgate.decide.snapshot import Lever, Snapshot

_MOST_DOUBLINGS = 6
_NOTHING = Lever()


def next_step(s: Snapshot, status: BudgetStatus, bad: Iterable[ObjectiveResult]) -> DegradationStep | None:
    """The first step that answers one of these breaches, is not taken and can be."""
    if s.spec.degradation is None:
        return None
    names = {result.name for result in bad}
    taken = {one.name for one in taken_steps(status)}
    for step in s.spec.degradation.steps:
        lever = s.levers.get(str(step.action))
        able = lever is not None and not lever.problem
        if step.name not in taken and able and (not step.objectives or names & set(step.objectives)):
            return step
    return None


def unsettled(status: BudgetStatus) -> bool:
    """Whether a step is being taken or undone, or has yet to show."""
    state = status.degradation
    return state is not None and (not state.settled or any(one.undoing for one in state.taken))


def before_rollback(s: Snapshot, status: BudgetStatus, bad: Iterable[ObjectiveResult]) -> bool:
    """Whether something can be given up before, or instead of, rolling back for these breaches."""
    if s.spec.degradation is None:
        return False
    return s.spec.degradation.then == "Hold" or unsettled(status) or next_step(s, status, bad) is not None


def taken_steps(status: BudgetStatus) -> list[TakenStep]:
    """Those in force, the latest last."""
    return status.degradation.taken if status.degradation else []


def changed(status: BudgetStatus, **fields: Any) -> BudgetStatus:
    """The status with these fields of its degradation."""
    state = (status.degradation or DegradationState()).model_copy(update=fields)
    return status.model_copy(update={"degradation": state})


def delivered(status: BudgetStatus, call: CallWebhook) -> BudgetStatus:
    """The status once a webhook has taken the call."""
    taken = [
        one.model_copy(update={"done": True})
        if one.name == call.step and one.undoing == (call.action == "Restore")
        else one
        for one in taken_steps(status)
    ]
    return changed(status, taken=taken)


def value_set(taken: TakenStep) -> str:
    """What the step has set: a fallback that had more pods already is left as it is."""
    if taken.step.scale is not None and taken.was is not None:
        return str(max(int(taken.was), taken.step.scale.replicas))
    return taken.step.value


def lever_of(s: Snapshot, taken: TakenStep) -> Lever:
    """What it has set, as it is now."""
    return s.levers.get(str(taken.step.action), _NOTHING)


def now_set(taken: TakenStep) -> str | None:
    """The same for people: a webhook sets nothing."""
    return None if taken.step.webhook is not None else value_set(taken)


def declared_step(s: Snapshot, name: str) -> DegradationStep | None:
    """The step of that name as the policy has it now."""
    steps = s.spec.degradation.steps if s.spec.degradation else []
    return next((step for step in steps if step.name == name), None)


def step_of(s: Snapshot, taken: TakenStep) -> DegradationStep:
    """The same of one that is in force, even if the policy has it no more."""
    return declared_step(s, taken.name) or taken.step


def patience(s: Snapshot, taken: TakenStep) -> int:
    """Seconds for which all must be well before the step is undone."""
    doublings = min(taken.returns, _MOST_DOUBLINGS)
    seconds: int = step_of(s, taken).step_back.after_seconds << doublings
    return seconds
