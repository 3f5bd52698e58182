"""The moves a release can make, as functions from one budget status to the next.

A move changes the status and nothing else. It is written to the API server before anything is done about it, so
that a restart between the two finds the decision and goes on. What follows from a status is `decide.upkeep`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tollgate.api.budget import Approved, BudgetStatus, Rejected, Release, Stage, StageSpan
from tollgate.api.decision import Action as DecisionAction
from tollgate.decide.actions import Notice
from tollgate.decide.creep import next_baseline
from tollgate.decide.snapshot import Snapshot
from tollgate.manifests.names import Identity, benchmark_name, decision_name
from tollgate.ports import BUDGET

KNOWN_GOOD_KEPT = 10
REJECTED_KEPT = 32
HISTORY_KEPT = 16


@dataclass(frozen=True)
class Move:
    """A new status, and what to tell people about it."""

    status: BudgetStatus
    notices: tuple[Notice, ...] = ()


def identity(s: Snapshot) -> Identity:
    """The budget's identity, from which the names of its children follow."""
    return Identity(BUDGET, s.namespace, s.name, s.uid)


def record_action(release: Release) -> DecisionAction | None:
    """The record that a release in this stage must have; None while nothing was decided."""
    match release.stage:
        case Stage.AWAITING_SIGN_OFF:
            return DecisionAction.AWAITING_SIGN_OFF
        case Stage.PROMOTING | Stage.WATCHING | Stage.PROMOTED:
            return DecisionAction.ADOPTED if release.reason == "Adopted" else DecisionAction.PROMOTED
        case Stage.REJECTED:
            return DecisionAction.REJECTED
        case Stage.ROLLED_BACK:
            return DecisionAction.ROLLED_BACK
        case Stage.SUPERSEDED:
            return DecisionAction.SUPERSEDED
        case Stage.OBSERVED:
            return DecisionAction.OBSERVED
        case Stage.BREACHED:
            return DecisionAction.BREACHED
        case _:
            return None


def record_name(s: Snapshot, release: Release) -> str:
    """Name of that record; "" when there is none to write."""
    action = record_action(release)
    if action is None:
        return ""
    attempt = release.attempt if action is DecisionAction.AWAITING_SIGN_OFF else 1
    return decision_name(identity(s), release.number, action, attempt)


def recorded(s: Snapshot, release: Release) -> bool:
    """True once the record of the present stage, if it has one, is known to be written."""
    return record_name(s, release) in ("", release.decision)


def measurement_name(s: Snapshot, release: Release) -> str:
    """Name of the release's Benchmark; each attempt has one of its own."""
    return benchmark_name(identity(s), release.number, release.revision, release.attempt)


def enter(
    release: Release, stage: Stage, now: datetime, reason: str, message: str, **changes: Any
) -> Release:
    """The release in its next stage."""
    history = [*release.history, StageSpan(stage=stage, since=now)][-HISTORY_KEPT:]
    return release.model_copy(
        update={
            "stage": stage,
            "since": now,
            "reason": reason,
            "message": message[:1024],
            "history": history,
            **changes,
        }
    )


def begin(s: Snapshot, status: BudgetStatus, stage: Stage, reason: str, message: str, **changes: Any) -> Move:
    """A new release of the target's present template."""
    assert s.target is not None  # a release is always one of a target that was seen
    number = status.releases + 1
    release = Release(
        number=number,
        revision=s.target.revision,
        image=s.target.image,
        stage=stage,
        since=s.now,
        started_at=s.now,
        reason=reason,
        message=message[:1024],
        rollback_to=status.last_good,
        history=[StageSpan(stage=stage, since=s.now)],
    ).model_copy(update=changes)
    after = status.model_copy(update={"release": release, "releases": number, "governed_uid": s.target.uid})
    return Move(after, (Notice("Normal", reason, message),))


def approve(s: Snapshot, status: BudgetStatus, release: Release, replica_set: str = "") -> BudgetStatus:
    """`release` stored, and its revision last-good and known-good from now on."""
    approved = Approved(
        revision=release.revision,
        image=release.image,
        replica_set=replica_set,
        benchmark=release.benchmark,
        decision=record_name(s, release),
        since=s.now,
        release=release.number,
    )
    baseline = next_baseline(status.approved_baseline, status.last_good, release, approved)
    if baseline != status.approved_baseline:
        release = release.model_copy(update={"approved_before": status.approved_baseline})
    others = [known for known in status.known_good if known.revision != approved.revision]
    return status.model_copy(
        update={
            "release": release,
            "last_good": approved,
            "approved_baseline": baseline,
            "known_good": [*others, approved][-KNOWN_GOOD_KEPT:],
            "serving_since": s.now,
            "objectives": [],
        }
    )


def refuse(s: Snapshot, status: BudgetStatus, stage: Stage, reason: str, message: str) -> Move:
    """The release ends as Rejected or RolledBack, and its revision may not serve again."""
    assert status.release is not None  # only a release can be refused
    release = enter(status.release, stage, s.now, reason, message)
    entry = Rejected(
        revision=release.revision,
        image=release.image,
        decision=record_name(s, release),
        at=s.now,
        reason=release.message,
        rolled_back=stage is Stage.ROLLED_BACK,
    )
    others = [old for old in status.rejected if old.revision != release.revision]
    changes: dict[str, Any] = {
        "release": release,
        "rejected": [*others, entry][-REJECTED_KEPT:],
        "known_good": [known for known in status.known_good if known.revision != release.revision],
    }
    if stage is Stage.ROLLED_BACK:
        changes |= {"last_good": release.rollback_to, "serving_since": s.now, "objectives": []}
        moved = status.approved_baseline
        if moved is not None and moved.release == release.number:
            changes["approved_baseline"] = release.approved_before
    return Move(status.model_copy(update=changes), (Notice("Warning", stage.value, f"{reason}: {message}"),))


def supersede(s: Snapshot, status: BudgetStatus, reason: str, message: str) -> Move:
    """The release ends because something newer, or something known, took its place."""
    assert status.release is not None  # only a release can be superseded
    release = enter(status.release, Stage.SUPERSEDED, s.now, reason, message)
    return Move(status.model_copy(update={"release": release}), (Notice("Normal", reason, message),))


def advance(
    s: Snapshot, status: BudgetStatus, stage: Stage, reason: str, message: str, **changes: Any
) -> Move:
    """The release goes on to its next stage."""
    assert status.release is not None  # only a release can advance
    release = enter(status.release, stage, s.now, reason, message, **changes)
    return Move(status.model_copy(update={"release": release}), (Notice("Normal", stage.value, message),))
