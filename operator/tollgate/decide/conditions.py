"""The budget's conditions, from its status and what was seen.

`Ready` says that the policy is accepted and enforced, `WithinBudget` carries the verdict on what serves. Kept
apart, a breach never blocks the GitOps sync that brings the fix.
"""

from __future__ import annotations

from tollgate.api import units
from tollgate.api.budget import BudgetStatus, Mode, Release, Stage
from tollgate.api.conditions import Condition, set_condition
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.actions import Row
from tollgate.decide.adjusting import ADJUSTED, adjustments
from tollgate.decide.approval import signatures
from tollgate.decide.changing import CHANGE_PENDING, pending
from tollgate.decide.drift import DRIFTED, drifted
from tollgate.decide.gate import baseline_runs, sentence, start_trouble
from tollgate.decide.record import room
from tollgate.decide.reviewing import REVIEW_DUE, answerable, review
from tollgate.decide.serving import rollback_obstacle
from tollgate.decide.signing import UNCHECKED, appeal
from tollgate.decide.snapshot import Snapshot
from tollgate.decide.step_conditions import DEGRADED, FALLBACK, degraded, fallback
from tollgate.decide.steps import before_rollback

_RECORD_SECONDS = 60


def report(s: Snapshot, status: BudgetStatus) -> BudgetStatus:
    """`status` with all conditions, the observed generation and the traffic they are for."""
    rows = [_ready(s, status), _within(s, status), _progressing(s, status), _latched(s, status)]
    conditions: list[Condition] = list(status.conditions)
    for type_, value, reason, message in rows:
        conditions = set_condition(
            conditions, type_, value, reason, message, generation=s.generation, now=s.now
        )
    passing = {
        REVIEW_DUE: review(s.spec, s.now),
        ADJUSTED: adjustments(s, status),
        CHANGE_PENDING: pending(s, status),
        FALLBACK: fallback(s),
        DEGRADED: degraded(s, status),
        DRIFTED: drifted(s, status),
    }
    for type_, due in passing.items():
        if due:
            conditions = set_condition(conditions, *due, generation=s.generation, now=s.now)
        else:
            conditions = [c for c in conditions if c.type != type_]
    if s.problems:
        conditions = set_condition(
            conditions, "Stalled", True, s.problems[0].reason, s.problems[0].message,
            generation=s.generation, now=s.now,
        )  # fmt: skip
    else:
        conditions = [c for c in conditions if c.type != "Stalled"]
    traffic = None if s.traffic is None else units.format_rate(s.traffic)
    return status.model_copy(
        update={"conditions": conditions, "observed_generation": s.generation, "traffic": traffic}
    )


def _ready(s: Snapshot, status: BudgetStatus) -> Row:
    if s.problems:
        return ("Ready", False, s.problems[0].reason, " ".join(problem.message for problem in s.problems))
    refused = _refused(s, status)
    if refused and not room(status):
        return ("Ready", False, "RecordsRefused", f"{refused}. Nothing more is decided until it is written")
    hints = " ".join(filter(None, (*s.hints, refused)))
    if s.spec.mode is not Mode.ENFORCE:
        return (
            "Ready",
            True,
            "Observing",
            f"mode {s.spec.mode.value}: releases are judged but not held. {hints}".strip(),
        )
    if status.last_good is None:
        return ("Ready", False, "WaitingForRollout", "waiting until one revision serves, to start from it")
    if s.target is not None and not s.target.governed:
        return ("Ready", False, "Governing", "marking the Deployment, so that its new templates are held")
    latch = "by keeping it paused between releases" if s.resting_latch else "at admission"
    return ("Ready", True, "Enforced", f"new templates are held {latch}. {hints}".strip())


def _refused(s: Snapshot, status: BudgetStatus) -> str:
    """That a record cannot be written, once that is more than the moment it takes."""
    for record in status.unwritten:
        if (s.now - record.decided_at).total_seconds() >= _RECORD_SECONDS:
            return (
                f"The API server does not take the record {record.name} ({len(status.unwritten)} wait): look for a "
                f"quota or a policy in namespace {s.namespace}, or for another object of that name"
            )
    return ""


def _within(s: Snapshot, status: BudgetStatus) -> Row:
    judged = [r for r in status.objectives if r.reason is not Reason.NOT_JUDGED_HERE]
    bad = [r for r in judged if r.verdict is Verdict.BREACH]
    if bad:
        said = [f"{sentence(bad)}.", answerable(s.spec, bad), _no_rollback(s, status, bad)]
        return ("WithinBudget", False, "Breach", " ".join(filter(None, said)))
    open_ = [r for r in judged if r.verdict is Verdict.INCONCLUSIVE]
    if open_ or not judged:
        reason = open_[0].reason.value if open_ and open_[0].reason else "NotMeasured"
        return ("WithinBudget", None, reason, sentence(open_) or "what serves has not been measured yet")
    return (
        "WithinBudget",
        True,
        "Within",
        "every objective that can be judged while serving is within its limit",
    )


def _no_rollback(s: Snapshot, status: BudgetStatus, bad: list[ObjectiveResult]) -> str:
    """Why a breach while serving is not rolled back."""
    release = status.release
    if s.spec.mode is not Mode.ENFORCE:
        return ""
    if release is None or release.stage is not Stage.WATCHING:
        return "Not rolled back: the revision that serves is not under watch, so it may not be the cause"
    if all(result.name in release.overrides for result in bad):
        return f"Not rolled back: signed off by {signatures(release.sign_offs)}"
    if before_rollback(s, status, bad):
        held = s.spec.degradation is not None and s.spec.degradation.then == "Hold"
        why = "spec.degradation.then is Hold" if held else "steps of degradation come first"
        return f"Not rolled back: {why}"
    obstacle = rollback_obstacle(s, status, release)
    return f"Not rolled back: {obstacle}" if obstacle else ""


def _progressing(s: Snapshot, status: BudgetStatus) -> Row:
    release = status.release
    if release is None:
        return ("Progressing", False, "NoRelease", "no release so far")
    about = f"release {release.number}, revision {release.revision}"
    if release.stage.ended or release.stage in (Stage.WATCHING, Stage.OBSERVING):
        return ("Progressing", False, release.stage.value, f"{about}: {_why(release)}")
    reason = release.stage.value
    if release.stage is Stage.AWAITING_SIGN_OFF and not s.approver_checked:
        reason = UNCHECKED
    return ("Progressing", True, reason, f"{about}: {_detail(s, release)}")


def _detail(s: Snapshot, release: Release) -> str:
    if s.frozen and s.problems:
        return f"frozen at {release.stage.value} until the policy is valid: {s.problems[0].message}"
    match release.stage:
        case Stage.STARTING:
            return start_trouble(s)
        case Stage.BENCHMARKING if s.measured is None and not baseline_runs(s):
            return start_trouble(s)
        case Stage.BENCHMARKING if s.measured is not None and s.measured.phase in ("Pending", "Running"):
            again = f". {release.message}" if release.attempt > 1 else ""
            return f"{s.measured.message}{again}" if s.measured.message else release.message
        case Stage.AWAITING_SIGN_OFF:
            return appeal(s, release)
        case Stage.PROMOTING if s.target is not None:
            return (
                f"{release.message}. {s.target.updated} of {s.target.replicas} pods are of the new revision"
            )
        case Stage.CANARY:
            step = s.spec.canary.steps[min(release.step, len(s.spec.canary.steps) - 1)]
            waiting = [
                r
                for r in s.live
                if r.verdict is Verdict.INCONCLUSIVE and r.reason is not Reason.NOT_JUDGED_HERE
            ]
            return f"step {release.step + 1} of {len(s.spec.canary.steps)} ({step.share}): " + (
                sentence(waiting) or release.message
            )
        case _:
            return release.message


def _why(release: Release) -> str:
    return f"{release.reason}: {release.message}"


def _latched(s: Snapshot, status: BudgetStatus) -> Row:
    if s.target is None:
        return ("Latched", False, "NoTarget", "there is no Deployment to hold")
    if not s.target.paused:
        return ("Latched", False, "Rolling", "the Deployment rolls out its template")
    refused = next((old for old in status.rejected if old.revision == s.target.revision), None)
    if refused is not None:
        return (
            "Latched",
            True,
            "Rejected",
            f"the template is revision {refused.revision}, refused by {refused.decision}: {refused.reason}. "
            "Last-good serves. Change the template to try again",
        )
    if status.last_good is not None and s.target.revision == status.last_good.revision:
        return ("Latched", True, "Resting", "paused between releases; last-good serves")
    return ("Latched", True, "Held", f"revision {s.target.revision} waits; last-good serves")
