"""The modes Observe and Warn: nothing is held, and each revision that serves is judged and put on record.

So a team sees what a budget would do before it does it. Every revision makes a release of its own: Observing until
live traffic says that it is within budget (Observed) or is not (Breached); what is Observed may still breach.
"""

from __future__ import annotations

from tollgate.api.budget import BudgetStatus, Mode, Release, Stage
from tollgate.api.verdict import Reason, Verdict
from tollgate.decide import serving
from tollgate.decide.actions import Action, DeleteBaseline, DeleteCandidate, Govern, Notice, SetPaused
from tollgate.decide.gate import breached, sentence
from tollgate.decide.moves import Move, begin, enter, recorded, supersede
from tollgate.decide.snapshot import Snapshot

_OBSERVING = (Stage.OBSERVING, Stage.OBSERVED, Stage.BREACHED)


def judged(s: Snapshot, status: BudgetStatus) -> tuple[BudgetStatus, tuple[Notice, ...]]:
    """The status with what the live traffic says; in mode Warn also a warning of each objective that breaches anew."""
    told = {result.name for result in breached(status.objectives)}
    status = serving.serving_window(s, status.model_copy(update={"last_good": None, "known_good": []}))
    if s.spec.mode is not Mode.WARN:
        return status, ()
    fresh = [result for result in breached(status.objectives) if result.name not in told]
    return status, tuple(Notice("Warning", "Breach", sentence([result])) for result in fresh)


def move(s: Snapshot, status: BudgetStatus) -> Move | None:
    """What is to be written about the revision that serves; the record of what was decided before comes first."""
    assert s.target is not None
    release = status.release
    mode = s.spec.mode.value
    if release is not None and not recorded(s, release):
        return None
    if release is not None and not release.stage.ended and release.stage is not Stage.OBSERVING:
        return supersede(s, status, "NotEnforced", f"mode is {mode}: nothing is held any more")
    serves = s.target.revision
    if release is None or release.stage not in _OBSERVING or release.revision != serves:
        if not s.target.rolled_out or s.target.replicas == 0:
            return None
        message = f"revision {serves} serves and is judged, not held: mode is {mode}"
        begun = begin(s, status, Stage.OBSERVING, mode, message, rollback_to=None)
        fresh = {"serving_since": s.now, "objectives": []}
        return Move(begun.status.model_copy(update=fresh), begun.notices)
    return _verdict(s, status, release)


def _verdict(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    results = [r for r in status.objectives if r.reason is not Reason.NOT_JUDGED_HERE]
    bad = breached(results)
    if bad and release.stage is not Stage.BREACHED:
        stage, reason, message = (
            Stage.BREACHED,
            "ServingBreach",
            f"{sentence(bad)}. Mode Enforce would act on it",
        )
    elif results and release.stage is Stage.OBSERVING and all(r.verdict is Verdict.WITHIN for r in results):
        stage, reason, message = (
            Stage.OBSERVED,
            "Within",
            "every objective that can be judged live is within its limit",
        )
    else:
        return None
    seen = enter(release, stage, s.now, reason, message, live_objectives=list(status.objectives))
    return Move(status.model_copy(update={"release": seen}), (Notice("Normal", stage.value, message),))


def upkeep(s: Snapshot, status: BudgetStatus) -> list[Action]:
    """The actions due under a policy that is not enforced: no more hold on anything."""
    assert s.target is not None
    actions: list[Action] = []
    if s.target.governed:
        actions += ungoverned(s, resume=s.spec.on_delete == "Resume")
    if s.candidate is not None and s.candidate.ours and not s.candidate.deleting:
        actions.append(DeleteCandidate())
    if s.baseline is not None and s.baseline.ours and not s.baseline.deleting:
        actions.append(DeleteBaseline())
    return actions


def ungoverned(s: Snapshot, *, resume: bool) -> list[Action]:
    """What gives a Deployment back to its owner: rolling (`resume`) or as it is."""
    assert s.target is not None
    if resume and s.target.paused:
        return [SetPaused(False), Govern("")]
    return [Govern("")]


def enforced(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """The policy is enforced from now on: what serves is judged as any that served before."""
    return supersede(s, status, "Enforced", f"mode is {s.spec.mode.value}: releases are held from now on")
