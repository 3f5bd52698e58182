"""What is given up on a breach while serving, one reversible step at a time, and when it is had back.

The value before a step is in the status before anything is changed, so that no restart loses it. After each step the
requests are counted anew once it shows: what was served before says nothing about it. Nothing is had back before every
objective is within its limit again, and each time that this proves too early it takes twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tollgate.api import units
from tollgate.api.budget import BudgetStatus, Mode, Stage
from tollgate.api.decision import Action as Decided
from tollgate.api.decision import DecisionSpec
from tollgate.api.degradation import (
    DegradationState,
    DegradationStep,
    StepChange,
    TakenStep,
    UndoneStep,
)
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.actions import Notice
from tollgate.decide.gate import breached, sentence
from tollgate.decide.moves import identity
from tollgate.decide.record import appended, look_evidence, next_in_chain, room
from tollgate.decide.snapshot import Snapshot
from tollgate.decide.steps import (
    changed,
    declared_step,
    lever_of,
    next_step,
    now_set,
    patience,
    step_of,
    taken_steps,
    unsettled,
    value_set,
)
from tollgate.manifests.names import step_name

_DAY = timedelta(days=1)

Told = tuple[BudgetStatus, tuple[Notice, ...]]


def degrade(s: Snapshot, status: BudgetStatus) -> Told:
    """The status with the step that is taken or undone now, if one is."""
    state = status.degradation
    if s.spec.degradation is None and (state is None or not state.taken):
        return (status if state is None else status.model_copy(update={"degradation": None})), ()
    status = _seen(s, status)
    if _shows(s, status):
        return _counting_anew(s, changed(status, settled=True)), ()
    if s.target is None or not room(status) or any(one.undoing for one in taken_steps(status)):
        return status, ()
    if strange := _undeclared(s, status):
        return _undo(s, status, *strange)
    if s.spec.mode is not Mode.ENFORCE or unsettled(status) or not _judges_what_serves(status):
        return status, ()
    bad = _breaches(s, status)
    step = next_step(s, status, bad) if bad else None
    if step is not None:
        return _take(s, status, step, bad)
    return _calm(s, status)


def _counting_anew(s: Snapshot, status: BudgetStatus) -> BudgetStatus:
    """Judged from now on, with the whole level: what serves has never been seen like this."""
    return status.model_copy(update={"serving_since": s.now, "detector": None, "objectives": []})


def _seen(s: Snapshot, status: BudgetStatus) -> BudgetStatus:
    """The status with what of the steps is done by now."""
    if status.degradation is None:
        return status
    undone = [one for one in status.degradation.undone if s.now - one.at < _DAY]
    taken = []
    for one in status.degradation.taken:
        if one.undoing and _given_back(s, one):
            undone = [old for old in undone if old.name != one.name]
            undone.append(UndoneStep(name=one.name, at=s.now, returns=one.returns))
        elif not one.undoing and not one.done and _in_force(s, one):
            taken.append(one.model_copy(update={"done": True}))
        else:
            taken.append(one)
    return changed(status, taken=taken, undone=undone)


def _in_force(s: Snapshot, taken: TakenStep) -> bool:
    lever = lever_of(s, taken)
    return taken.step.webhook is None and bool(lever.uid) and lever.value == value_set(taken)


def _given_back(s: Snapshot, taken: TakenStep) -> bool:
    if taken.step.webhook is not None:
        return taken.done
    lever = lever_of(s, taken)
    if not lever.seen or any(pod.joined for pod in lever.pods):
        return False
    return lever.value != value_set(taken) or taken.was == lever.value


def _shows(s: Snapshot, status: BudgetStatus) -> bool:
    """Whether the latest change has had the time to show just now."""
    state = status.degradation
    if state is None or state.settled or state.changed_at is None:
        return False
    return (s.now - state.changed_at).total_seconds() >= state.settle_seconds


def _judges_what_serves(status: BudgetStatus) -> bool:
    """Whether what is judged now is what serves everybody, and not a candidate or a roll-out under way."""
    release = status.release
    return release is not None and release.stage not in (Stage.CANARY, Stage.PROMOTING)


def _breaches(s: Snapshot, status: BudgetStatus) -> list[ObjectiveResult]:
    """Those of what serves, but what people have signed off."""
    release, good = status.release, status.last_good
    overrides = release.overrides if release and good and release.revision == good.revision else []
    return [result for result in breached(s.live) if result.name not in overrides]


def _take(s: Snapshot, status: BudgetStatus, step: DegradationStep, bad: Sequence[ObjectiveResult]) -> Told:
    lever = s.levers[str(step.action)]
    before = next(
        (one for one in (status.degradation or DegradationState()).undone if one.name == step.name), None
    )
    taken = TakenStep(
        name=step.name,
        step=step,
        was=lever.value,
        since=s.now,
        returns=before.returns + 1 if before else 0,
    )
    change = StepChange(name=step.name, what=str(step.action), was=lever.value, now=now_set(taken))
    return _decided(
        s, status, Decided.DEGRADED, "ServingBreach", change, sentence(bad), step.settle_seconds,
        [*taken_steps(status), taken],
    )  # fmt: skip


def _undo(s: Snapshot, status: BudgetStatus, reason: str, why: str) -> Told:
    """The last step that was taken is given back, unless somebody has set another value meanwhile."""
    *others, last = taken_steps(status)
    lever, ours = lever_of(s, last), now_set(last)
    if last.step.webhook is None and not lever.seen:
        return status, ()  # what cannot be looked at cannot be given back: the condition Fallback says why
    if last.step.webhook is None and lever.value != ours:
        reason = "ChangedByOthers"
        why = f"left as it is, {lever.value!r}: somebody else has set it" if lever.uid else "it is gone"
        change = StepChange(name=last.name, what=str(last.step.action), was=lever.value, now=lever.value)
        undoing = last.model_copy(update={"undoing": True, "was": lever.value})
    else:
        change = StepChange(name=last.name, what=str(last.step.action), was=ours, now=last.was)
        undoing = last.model_copy(update={"undoing": True, "done": False})
    return _decided(
        s, status, Decided.RESTORED, reason, change, why, last.step.settle_seconds, [*others, undoing]
    )


def _decided(
    s: Snapshot,
    status: BudgetStatus,
    action: Decided,
    reason: str,
    change: StepChange,
    why: str,
    settle_seconds: int,
    taken: list[TakenStep],
) -> Told:
    """The status with the change and its record; it is carried out in a later pass."""
    message = f"{change}: {why}"[:1024]
    release, good = status.release, status.last_good
    record = DecisionSpec(
        **next_in_chain(s, status),
        action=action,
        reason=reason,
        message=message,
        revision=good.revision if good else "",
        image=good.image if good else "",
        serving=good.revision if good else "",
        stage=release.stage.value if release else "",
        decided_at=s.now,
        policy=s.spec,
        adjustments=[state.name for state in s.status.adjustments if state.in_force],
        degraded=[one.name for one in taken_steps(status)],
        step=change,
        live_objectives=list(s.live),
        **look_evidence(s),
    )
    status = appended(status, step_name(identity(s), action, record.sequence), record)
    status = changed(
        status, taken=taken, changed_at=s.now, settle_seconds=settle_seconds, settled=False, calm_since=None
    )
    type_ = "Warning" if action is Decided.DEGRADED else "Normal"
    return _counting_anew(s, status), (Notice(type_, action.value, message),)  # type: ignore[arg-type]


def _undeclared(s: Snapshot, status: BudgetStatus) -> tuple[str, str] | None:
    """Why a step that is in force may not be any more: the policy has none such now."""
    taken = taken_steps(status)
    if not taken:
        return None
    if s.spec.mode is not Mode.ENFORCE:
        return "NotEnforced", f"mode is {s.spec.mode.value}"
    for one in taken:
        declared = declared_step(s, one.name)
        if declared is None or declared.action != one.step.action:
            return "NotDeclared", f"the budget has no step {one.name} like this any more"
    return None


def _calm(s: Snapshot, status: BudgetStatus) -> Told:
    """Give the last step back once all has been well for long enough, and no release is measured meanwhile."""
    taken = taken_steps(status)
    if not taken:
        return status, ()
    assert status.degradation is not None
    calm = status.degradation.calm_since
    if not _well(s, status, taken[-1]):
        return (status if calm is None else changed(status, calm_since=None)), ()
    if calm is None:
        return changed(status, calm_since=s.now), ()
    gating = status.release is not None and status.release.stage.gating
    if gating or (s.now - calm).total_seconds() < patience(s, taken[-1]):
        return status, ()
    return _undo(
        s, status, "WithinBudget", f"every objective has been within its limit since {calm:%H:%M:%S} UTC"
    )


def _well(s: Snapshot, status: BudgetStatus, last: TakenStep) -> bool:
    """Whether every objective that can be judged has been found within, and the load is low enough. Unknown is not.

    A cost that a low load makes high says nothing, and must not keep what was given up when users have gone.
    """
    judged = [r for r in status.objectives if r.reason not in (Reason.NOT_JUDGED_HERE, Reason.LOW_LOAD)]
    if not judged or any(r.verdict is not Verdict.WITHIN for r in judged):
        return False
    bar = step_of(s, last).step_back.load_below
    load = s.circumstances.load
    return bar is None or (load is not None and load < float(units.parse_rate(bar)))
