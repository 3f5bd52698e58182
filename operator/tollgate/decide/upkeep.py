"""What the cluster must look like for a given status, as the actions that are still missing.

Everything here follows from the stored status and what was seen, and not from what was done before: carried out
twice, or after a restart, it does the same.
"""

from __future__ import annotations

from tollgate.api.budget import BudgetStatus, Release, Stage
from tollgate.decide.actions import (
    Action,
    DeleteBaseline,
    DeleteCandidate,
    DeleteReplicaSet,
    Govern,
    Join,
    Leave,
    MakeBaseline,
    MakeBenchmark,
    MakeCandidate,
    ReleaseReplicaSet,
    ScaleReplicaSet,
    SetPaused,
)
from tollgate.decide.gate import baseline_runs, wanted_pods
from tollgate.decide.moves import measurement_name
from tollgate.decide.snapshot import Snapshot

DRAIN_SECONDS = 5
"""Candidate pods go on answering for so long after they left the endpoints, before they are deleted."""


def upkeep(s: Snapshot, status: BudgetStatus) -> list[Action]:
    """The actions due under an enforced budget."""
    if s.target is None:
        return []
    actions: list[Action] = []
    if s.target.governed != s.spec.on_delete:
        actions.append(Govern(s.spec.on_delete))
    release = status.release
    actions += _latch(s, status)
    actions += _evict(s, status)
    if release is not None:
        actions += _candidate(s, status, release)
        actions += _baseline(s, release)
    return actions


def wants_paused(s: Snapshot, status: BudgetStatus) -> bool | None:
    """Whether the target is to be paused; None when it may stay as it is."""
    assert s.target is not None
    release = status.release
    if status.last_good is None:
        # Nothing was approved yet: what serves is not ours to hold or to roll, only what comes after it.
        return True if release is not None and release.stage.gating and not release.initial else None
    if s.target.revision != status.last_good.revision:
        return True
    if not s.resting_latch or (release is not None and release.stage is Stage.PROMOTING):
        return False
    # A restart changes the template without a new revision: it too has to roll out before the latch rests again.
    return s.target.template_active and len(s.active) <= 1


def _latch(s: Snapshot, status: BudgetStatus) -> list[Action]:
    assert s.target is not None
    wanted = wants_paused(s, status)
    return [] if wanted is None or wanted == s.target.paused else [SetPaused(wanted)]


def _evict(s: Snapshot, status: BudgetStatus) -> list[Action]:
    """No revision that may not serve keeps its pods in the target's hands: last-good fills in.

    That is one that was refused, and one in the gate whose pods came up before the latch was on.

    A paused Deployment with no active ReplicaSet scales up the one created last (FindActiveOrLatest in the
    Deployment controller), so empty ones younger than last-good's go first.
    """
    assert s.target is not None
    if status.last_good is None:
        return []
    good = s.of_revision(status.last_good.revision)
    if not good:
        return []
    last_good = good[-1]
    barred = {old.revision for old in status.rejected}
    if status.release is not None and status.release.stage.gating:
        barred.add(status.release.revision)
    barred.discard(status.last_good.revision)
    bad = [rs for rs in s.active if rs.revision in barred]
    actions: list[Action] = []
    if bad and s.target.paused_and_seen:
        younger = [
            rs
            for rs in s.replica_sets
            if not rs.released and rs.replicas == 0 and rs.created > last_good.created
        ]
        actions += [DeleteReplicaSet(rs.name) for rs in younger]
        actions += [ReleaseReplicaSet(rs.name) for rs in bad]
    for rs in s.released:
        if last_good.ready >= s.target.replicas and last_good.replicas >= s.target.replicas:
            actions.append(DeleteReplicaSet(rs.name))
        elif last_good.unschedulable:
            # No room for both: the released one gives way, as far as maxUnavailable allows.
            kept = max(0, s.target.replicas - s.target.max_unavailable - last_good.ready)
            if kept < rs.replicas:
                actions.append(ScaleReplicaSet(rs.name, kept))
    return actions


def _candidate(s: Snapshot, status: BudgetStatus, release: Release) -> list[Action]:
    candidate = s.candidate
    if candidate is not None and not candidate.ours:
        return []
    match release.stage:
        case Stage.STARTING | Stage.BENCHMARKING | Stage.AWAITING_SIGN_OFF | Stage.CANARY:
            actions = _running(s, release)
            if release.stage is Stage.BENCHMARKING and s.measured is None and baseline_runs(s):
                actions.append(MakeBenchmark(measurement_name(s, release), paired=s.to_pair is not None))
            return actions
        case Stage.PROMOTING if release.reason != "KnownGood":
            return []  # its pods serve until the target's own are complete
        case Stage.HELD:
            return [] if candidate is None or candidate.deleting else [DeleteCandidate()]
        case _:
            return _dismantled(s, release)


def _baseline(s: Snapshot, release: Release) -> list[Action]:
    """Pods of last-good that nobody reaches, as many as the candidate's, for as long as they are to be measured."""
    there, candidate = s.baseline, s.candidate
    if there is not None and (there.deleting or not there.ours):
        return []
    if not _measures_in_turn(s, release):
        return [DeleteBaseline()] if there is not None else []
    if s.to_pair is None:
        return []
    wanted = candidate.replicas if candidate is not None else _measured_pods(s)
    if there is None or (there.revision == s.to_pair.revision and there.replicas != wanted):
        return [MakeBaseline(wanted)]
    return [DeleteBaseline()] if there.revision != s.to_pair.revision else []


def _measures_in_turn(s: Snapshot, release: Release) -> bool:
    match release.stage:
        case Stage.STARTING:
            return s.to_pair is not None
        case Stage.BENCHMARKING if s.measured is None:
            return s.to_pair is not None
        case Stage.BENCHMARKING if s.measured is not None:
            return s.measured.paired and s.measured.phase in ("Pending", "Running")
        case _:
            return False


def _measured_pods(s: Snapshot) -> int:
    """As many as last-good was measured with, so that a resize in between leaves the two comparable."""
    return s.recorded_pods or wanted_pods(s, 0)


def _running(s: Snapshot, release: Release) -> list[Action]:
    wanted = wanted_pods(s, release.step) if release.stage is Stage.CANARY else _measured_pods(s)
    candidate = s.candidate
    if candidate is None:
        return [MakeCandidate(wanted)]
    if candidate.deleting:
        return []
    if candidate.revision != release.revision:
        return [DeleteCandidate()]
    actions: list[Action] = []
    if candidate.replicas < wanted:
        actions.append(MakeCandidate(wanted))
    if release.stage is Stage.CANARY:
        missing = wanted - len([pod for pod in candidate.joined if pod.ready])
        able = [pod.name for pod in candidate.ready if not pod.joined]
        if missing > 0 and able:
            actions.append(Join(tuple(able[:missing])))
    elif candidate.joined:
        actions.append(Leave(tuple(pod.name for pod in candidate.joined)))
    return actions


def _dismantled(s: Snapshot, release: Release) -> list[Action]:
    candidate = s.candidate
    if candidate is None or candidate.deleting:
        return []
    if candidate.joined:
        return [Leave(tuple(pod.name for pod in candidate.joined))]
    if (s.now - release.since).total_seconds() < DRAIN_SECONDS and candidate.pods:
        return []
    return [DeleteCandidate()]
