"""The release state machine: one snapshot in, the next status and the actions due out.

`step` is total, deterministic and free of I/O. When a move is due it returns the new status and no actions: the
status is written first and acted on in the next pass, so that a restart at any instant goes on from what was
decided and never decides twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tollgate.api.budget import BudgetStatus, Mode, Release, Stage
from tollgate.api.chain import UnwrittenRecord
from tollgate.decide import changing, gate, observing, repeating, serving, signing
from tollgate.decide.actions import Action, Govern, Notice
from tollgate.decide.adjusting import adjust
from tollgate.decide.conditions import report
from tollgate.decide.degrading import degrade
from tollgate.decide.drift import follow
from tollgate.decide.moves import Move
from tollgate.decide.record import on_record, room
from tollgate.decide.retention import retained
from tollgate.decide.reviewing import review_notices
from tollgate.decide.snapshot import Snapshot
from tollgate.decide.step_upkeep import degradation_upkeep
from tollgate.decide.steps import taken_steps
from tollgate.decide.upkeep import upkeep

_SOON = 1.0

Look = Callable[[Snapshot, BudgetStatus, Release], Move | None]

_STAGES: dict[Stage, tuple[Look, ...]] = {
    Stage.HELD: (gate.superseded, gate.held),
    Stage.STARTING: (gate.superseded, gate.starting),
    Stage.BENCHMARKING: (gate.superseded, gate.benchmarking, repeating.asked),
    Stage.AWAITING_SIGN_OFF: (gate.superseded, signing.awaiting),
    Stage.CANARY: (gate.superseded, gate.canary),
    Stage.PROMOTING: (serving.promoting,),
    Stage.WATCHING: (serving.watching,),
    Stage.OBSERVING: (observing.enforced,),
}


@dataclass(frozen=True)
class Step:
    """What is to be done now, in this order: write the status, tell the notices, carry out the actions."""

    status: BudgetStatus
    actions: tuple[Action, ...] = ()
    notices: tuple[Notice, ...] = ()
    after: float = 0.0
    """Seconds until the next look; something that happens in between brings it forward."""
    records: tuple[UnwrittenRecord, ...] = ()
    """Records still to be written. That one is refused must not keep the actions from being carried out."""


def step(s: Snapshot) -> Step:
    """The next step of a budget's release; what it decides is on record with it."""
    status, changed = changing.on_record(s, s.status)
    due = _next(replace(s, status=status))
    status, deletions = retained(s, on_record(s, due.status))
    return replace(
        due,
        status=status,
        actions=(*due.actions, *deletions),
        notices=(*due.notices, *changed, *review_notices(s.status.conditions, status.conditions)),
        after=min(due.after, _SOON) if deletions else due.after,
        records=tuple(s.status.unwritten),
    )


def _next(s: Snapshot) -> Step:
    status = rehashed(s)
    if s.spec.mode is not Mode.ENFORCE:
        return _observe(s, status)
    if s.target is None or s.frozen:
        # A policy that can not be enforced disturbs nothing: what is held stays held, what serves goes on.
        return Step(report(s, status), after=_patience(s, status))
    if not s.target.governed:
        # Held before it is promised: a template that changes from now on waits for us.
        return Step(report(s, status), actions=(Govern(s.spec.on_delete),))
    move = _move(s, status) if room(status) else None
    if move is not None:
        return Step(report(s, move.status), notices=move.notices)
    status, notices = repeating.noted(s, _observed(s, status))
    status, drift = follow(s, status)
    status, told = adjust(s, status)
    status, changed = degrade(s, status)
    actions = (*upkeep(s, status), *degradation_upkeep(s, s.status))
    return Step(report(s, status), actions, (*notices, *drift, *told, *changed), _patience(s, status))


def rehashed(s: Snapshot) -> BudgetStatus:
    """The status with revisions as they are computed now.

    The API server may add a default to stored templates in an upgrade. The ReplicaSet of an approved revision
    gets it too, so its name tells that the revision is still the same one.
    """
    now = {rs.name: rs.revision for rs in s.replica_sets}
    status = s.status

    def fresh(revision: str, replica_set: str) -> str:
        return now.get(replica_set, revision)

    known = [k.model_copy(update={"revision": fresh(k.revision, k.replica_set)}) for k in status.known_good]
    good = status.last_good
    if good is not None:
        good = good.model_copy(update={"revision": fresh(good.revision, good.replica_set)})
    return status.model_copy(update={"known_good": known, "last_good": good})


def _move(s: Snapshot, status: BudgetStatus) -> Move | None:
    release = status.release
    if s.target is not None and status.governed_uid not in ("", s.target.uid):
        return serving.recreated(s, status)
    if release is not None and not release.stage.ended:
        for look in _STAGES[release.stage]:
            move = look(s, status, release)
            if move is not None:
                return move
        if release.stage.gating:
            return None
    return serving.intake(s, status)


def _observed(s: Snapshot, status: BudgetStatus) -> BudgetStatus:
    """The status with what the live traffic says now."""
    release = status.release
    if release is not None and release.stage is Stage.CANARY:
        joined = len([p for p in s.candidate.joined if p.ready]) if s.candidate else 0
        stable = s.target.ready if s.target else 0
        share = f"{round(100 * joined / (joined + stable))}%" if joined else "0%"
        seen = gate.looked_at(s, release).model_copy(update={"share": share})
        return status.model_copy(update={"release": seen})
    status = serving.serving_window(s, status)
    if release is not None and release.stage in (Stage.PROMOTING, Stage.WATCHING):
        seen = release.model_copy(update={"live_objectives": status.objectives})
        status = status.model_copy(update={"release": seen})
    return status


def _observe(s: Snapshot, status: BudgetStatus) -> Step:
    """Observe and Warn: nothing is held, and what serves is judged."""
    if s.target is None or s.frozen:
        return Step(report(s, status), after=_patience(s, status))
    status, warnings = observing.judged(s, status)
    move = observing.move(s, status) if room(status) else None
    if move is not None:
        return Step(report(s, move.status), notices=warnings + move.notices)
    status, told = adjust(s, status)
    status, changed = degrade(s, status)
    actions = (*observing.upkeep(s, status), *degradation_upkeep(s, s.status))
    return Step(report(s, status), actions, (*warnings, *told, *changed), _patience(s, status))


def _patience(s: Snapshot, status: BudgetStatus) -> float:
    """Seconds until the next look: short while something moves, a scrape while traffic is judged."""
    scrape = max(1.0, s.scrape_seconds / 2)
    if s.frozen:
        return 15.0
    release = status.release
    if s.spec.mode is not Mode.ENFORCE:
        return scrape
    if release is None or status.last_good is None:
        return 2.0
    match release.stage:
        case Stage.HELD | Stage.STARTING | Stage.PROMOTING:
            return 1.0
        case Stage.BENCHMARKING:
            return 3.0
        case Stage.AWAITING_SIGN_OFF:
            return 10.0  # a sign-off brings it forward; only one that expires does not
        case Stage.CANARY:
            return min(2.0, scrape)
        case Stage.WATCHING:
            return 1.0 if _steps_under_way(status) else scrape
        case Stage.ROLLED_BACK if s.released or s.candidate is not None:
            return 0.5
        case _ if s.candidate is not None or s.baseline is not None or s.released:
            return 1.0
        case _ if status.degradation is not None or s.spec.degradation is not None:
            return 1.0 if _steps_under_way(status) else scrape
        case _:
            return max(30.0, 2 * s.scrape_seconds)


def _steps_under_way(status: BudgetStatus) -> bool:
    """Whether a step is yet to be carried out or given back."""
    return any(one.undoing or not one.done for one in taken_steps(status))
