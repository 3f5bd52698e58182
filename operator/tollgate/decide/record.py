"""The record of a decision, made in the same step as the decision and stored with it until it is written.

Every record of a target holds the digest of the one before. So its place is settled when it is made, and what is made
is written as it is: by whom and when does not matter (docs/adr/0008).
"""

from __future__ import annotations

from tollgate import __version__
from tollgate.api.budget import BudgetStatus, Release, Stage
from tollgate.api.canonical import canonical, digest
from tollgate.api.chain import LARGEST_RECORD, PreviousRecord, RecordRef, UnwrittenRecord
from tollgate.api.decision import DecisionSpec, ObjectIdentity
from tollgate.decide.moves import record_action, record_name
from tollgate.decide.snapshot import Snapshot

MOST_UNWRITTEN = 4
MOST_UNWRITTEN_BYTES = LARGEST_RECORD // 2
"""With more than this waiting nothing is decided, so that a status never outgrows what etcd takes."""

_SERVES = (Stage.PROMOTING, Stage.WATCHING, Stage.PROMOTED)


def on_record(s: Snapshot, status: BudgetStatus) -> BudgetStatus:
    """`status` with the record of what it says was decided, where that has none yet."""
    release = status.release
    name = record_name(s, release) if release is not None else ""
    known = {record.name for record in status.unwritten}
    if release is None or name in ("", release.decision) or name in known:
        return status
    return appended(status, name, record(s, status, release))


def room(status: BudgetStatus) -> bool:
    """Whether another decision can be stored until it is written."""
    waiting = [len(record.spec) for record in status.unwritten]
    return len(waiting) < MOST_UNWRITTEN and sum(waiting) < MOST_UNWRITTEN_BYTES


def written(status: BudgetStatus, done: UnwrittenRecord) -> BudgetStatus:
    """`status` once a record of it is written."""
    release = status.release
    if release is not None and release.number == done.release:
        release = release.model_copy(update={"decision": done.name})
    head = RecordRef(sequence=done.sequence, name=done.name, digest=done.digest)
    waiting = [record for record in status.unwritten if record.name != done.name]
    return status.model_copy(update={"release": release, "last_record": head, "unwritten": waiting})


def head(s: Snapshot, status: BudgetStatus) -> RecordRef | None:
    """The newest record of the target, written or not. Without one in the status, that of a former budget."""
    if status.unwritten:
        return status.unwritten[-1]
    former = max((link.ref for link in s.records), key=lambda ref: ref.sequence, default=None)
    return status.last_record or former


def appended(status: BudgetStatus, name: str, spec: DecisionSpec) -> BudgetStatus:
    """`status` with a record at the end of those still to be written."""
    content = spec.dump()
    unwritten = UnwrittenRecord(
        sequence=spec.sequence,
        name=name,
        digest=digest(content),
        release=spec.release,
        decided_at=spec.decided_at,
        spec=canonical(content).decode(),
    )
    return status.model_copy(update={"unwritten": [*status.unwritten, unwritten]})


def record(s: Snapshot, status: BudgetStatus, release: Release) -> DecisionSpec:
    """The record of a release that has just been decided on."""
    assert s.target is not None  # nothing is decided about a target that is not there
    before, decided = head(s, status), _decided(release)
    return DecisionSpec(
        action=record_action(release),
        sequence=before.sequence + 1 if before else 1,
        previous=PreviousRecord(name=before.name, digest=before.digest) if before else None,
        reason=release.reason,
        message=release.message,
        budget=ObjectIdentity(name=s.name, uid=s.uid),
        budget_generation=s.generation,
        target=ObjectIdentity(name=s.target.name, uid=s.target.uid),
        release=release.number,
        revision=release.revision,
        image=release.image,
        last_good=release.rollback_to.revision if release.rollback_to else "",
        serving=status.last_good.revision if status.last_good else "",
        stage=release.history[max(0, decided - 1)].stage.value,
        decided_at=release.history[decided].since,
        started_at=release.started_at,
        stages=release.history[: decided + 1],
        policy=s.spec,
        benchmark=release.benchmark,
        benchmark_objectives=release.benchmark_objectives,
        live_objectives=release.live_objectives,
        approver_checked=_approver_checked(release),
        sign_offs=release.sign_offs,
        actor=s.actor,
        operator=__version__,
    )


def _approver_checked(release: Release) -> bool | None:
    """None where nobody was asked to sign."""
    asked = any(span.stage is Stage.AWAITING_SIGN_OFF for span in release.history)
    return release.signable_since is not None if asked else None


def _decided(release: Release) -> int:
    """Which span of the release's history the decision of its stage began: what serves stays Promoted."""
    last = len(release.history) - 1
    if release.stage in _SERVES:
        return next((i for i, span in enumerate(release.history) if span.stage in _SERVES), last)
    return last
