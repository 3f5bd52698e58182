"""The stage AwaitingSignOff: a measured candidate waits, out of everybody's reach, for people to accept what got worse.

What they sign is the stored record, by its digest. Whatever makes that record no longer true of the candidate has it
measured anew, which makes another record: sign-offs of the old one are void.
"""

from __future__ import annotations

from tollgate.api.budget import BudgetStatus, Release, Stage
from tollgate.decide.approval import Asked, Tally, describe, signatures, tally, worsened
from tollgate.decide.gate import after_benchmark, breaches, by_policy
from tollgate.decide.moves import Move, advance, recorded, refuse
from tollgate.decide.snapshot import Snapshot
from tollgate.manifests.approver import APPROVER

UNCHECKED = "ApproverUnchecked"
UNCHECKED_APPROVER = (
    "the API server was not seen to refuse one in another person's name. Install the ValidatingAdmissionPolicy "
    f"{APPROVER} and its binding (helm value approver.install, or charts/plain), then have it signed anew"
)


def awaiting(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    """People accept, or one refuses, or the time is up; or the budget no longer asks, or asks something else."""
    due = by_policy(s, status, release, release.message)
    if due is not None:
        return due
    if s.approver_checked != (release.signable_since is not None):
        # Until the API server checks who signs, anybody could have signed for anybody: what was made then stays void.
        since = s.now if s.approver_checked else None
        seen = release.model_copy(update={"signable_since": since})
        return Move(status.model_copy(update={"release": seen}))
    if not recorded(s, release):
        return None
    void = _void(s, release)
    if void:
        return advance(
            s,
            status,
            Stage.BENCHMARKING,
            "MeasuredAnew",
            f"{void}: measuring again, and sign-offs of {release.decision} no longer count",
            attempt=release.attempt + 1,
            failures=0,
            look=release.look + 1,
            earlier=[],
            asked="",
        )
    return _answered(s, status, release)


def _void(s: Snapshot, release: Release) -> str:
    """Why the record is not what people can sign any more; "" when it is."""
    if s.signing is None:
        return f"the record {release.decision} is gone"
    head = s.status.last_record
    if head is not None and head.name == release.decision and head.digest != s.signing.digest:
        return f"the record {release.decision} is not the one that was written"
    if s.signing.objectives != tuple(s.spec.objectives) or s.signing.confidence != s.spec.confidence:
        return "the objectives have changed"
    return ""


def _answered(s: Snapshot, status: BudgetStatus, release: Release) -> Move | None:
    counted = answers(s, release)
    signed = [counted.refused] if counted and counted.refused else list(counted.accepted) if counted else []
    kept = release.model_copy(update={"sign_offs": [one.taken() for one in signed]})
    if counted is not None and counted.refused is not None:
        status = status.model_copy(update={"release": kept})
        why = f"refused by {signatures(kept.sign_offs)}. {release.message}"
        return refuse(s, status, Stage.REJECTED, "SignOffRefused", why)
    if counted is not None and counted.missing == 0:
        overrides = [r.name for r in breaches(release.benchmark_objectives, release)]
        kept = kept.model_copy(update={"overrides": overrides})
        return after_benchmark(s, status.model_copy(update={"release": kept}), kept, release.message)
    patience = s.spec.approval.timeout_seconds
    if patience is None or (s.now - release.since).total_seconds() < patience:
        return None
    return refuse(
        s,
        status,
        Stage.REJECTED,
        "SignOffTimedOut",
        f"not signed off within {patience} s. {release.message}",
    )


def answers(s: Snapshot, release: Release) -> Tally | None:
    """The sign-offs so far; None while none can count, as nothing checks who signs or the record is not there yet."""
    if s.signing is None or release.signable_since is None:
        return None
    worse = worsened(release.benchmark_objectives, release.tolerated)
    asked = Asked(release.decision, s.signing.digest, worse, release.signable_since)
    return tally(s.signing.sign_offs, asked, s.spec.approval, s.now)


def appeal(s: Snapshot, release: Release) -> str:
    """What people read while a candidate waits for them: what got worse, how to answer, who has."""
    if not s.approver_checked:
        return f"{release.message}. Sign-offs do not count: {UNCHECKED_APPROVER}"
    counted = answers(s, release)
    if counted is None or s.signing is None:
        return release.message
    return (
        f"{release.message}. To accept {', '.join(worsened(release.benchmark_objectives, release.tolerated))}: "
        f'tollgate approve {release.decision} -n {s.namespace} -m "why", and to refuse: the same with --refuse '
        f"(or an EfficiencySignOff with the digest {s.signing.digest}). {describe(counted, s.spec.approval)}"
    )
