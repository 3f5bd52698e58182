"""The conditions about degradation: whether there is anything to fall back to, and what is given up."""

from __future__ import annotations

from collections.abc import Iterable

from tollgate.api.budget import BudgetStatus, Mode
from tollgate.api.degradation import StepChange, TakenStep
from tollgate.decide.actions import Row
from tollgate.decide.levels import judged_live
from tollgate.decide.snapshot import Lever, Snapshot
from tollgate.decide.steps import lever_of, now_set, patience, step_of, taken_steps, unsettled

FALLBACK, DEGRADED = "Fallback", "Degraded"
_NOTHING = Lever()


def fallback(s: Snapshot) -> Row | None:
    """The condition that says whether there is anything to fall back to on a breach while serving."""
    if s.spec.mode is not Mode.ENFORCE or not any(judged_live(o) for o in s.spec.objectives):
        return None
    if s.spec.degradation is None:
        watched = f" for {s.spec.rollback.watch_seconds} s" if s.spec.rollback.watch_seconds else ""
        return (
            FALLBACK,
            False,
            "NoFallback",
            "on a breach while serving nothing can be given up: a release is rolled back while it is watched"
            f"{watched}, and after that a breach is only said. Add steps to spec.degradation",
        )
    said = [
        (step.name, s.levers.get(str(step.action), _NOTHING).problem) for step in s.spec.degradation.steps
    ]
    if troubled := [f"step {name} cannot be taken: {problem}" for name, problem in said if problem]:
        return FALLBACK, False, "StepNotReady", "; ".join(troubled)
    return FALLBACK, True, "StepsReady", f"steps, in order: {', '.join(name for name, _ in said)}"


def degraded(s: Snapshot, status: BudgetStatus) -> Row | None:
    """The condition of a budget that has steps: what is given up, and when it is had back."""
    taken = taken_steps(status)
    if not taken:
        return (DEGRADED, False, "NotDegraded", "nothing is given up") if s.spec.degradation else None
    last = taken[-1]
    said = [f"given up: {'; '.join(_said(s, one) for one in taken)}"]
    if last.undoing:
        said.append(f"Step {last.name} is being undone")
    elif unsettled(status):
        assert status.degradation is not None
        said.append(f"Requests count again {status.degradation.settle_seconds} s after the change")
    else:
        bar = step_of(s, last).step_back.load_below
        load = f", and the load is below {bar}" if bar else ""
        said.append(
            f"Step {last.name} is undone once every objective has been within its limit for {patience(s, last)} s{load}"
        )
    return DEGRADED, True, "Restoring" if last.undoing else "StepTaken", ". ".join(said)


def _said(s: Snapshot, one: TakenStep) -> str:
    change = StepChange(name=one.name, what=str(one.step.action), was=one.was, now=now_set(one))
    others = [taken for taken in _same(s, one) if taken is not one]
    lever = lever_of(s, one)
    if (
        one.done
        and not one.undoing
        and one.step.webhook is None
        and not others
        and lever.value != now_set(one)
    ):
        return f"{change} (somebody else has set it to {lever.value!r} since: keep that key out of GitOps)"
    return f"{change} at {one.since:%H:%M:%S} UTC"


def _same(s: Snapshot, one: TakenStep) -> Iterable[TakenStep]:
    return [other for other in taken_steps(s.status) if str(other.step.action) == str(one.step.action)]
