"""The record of a decision, made in the same step as the decision and stored with it until it is written.

Every record of a target holds the digest of the one before. So its place is settled when it is made, and what is made
is written as it is: by whom and when does not matter (docs/adr/0010).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from tollgate import __version__
from tollgate.api.budget import BudgetStatus, Release, Stage
from tollgate.api.canonical import canonical, digest
from tollgate.api.chain import LARGEST_RECORD, PreviousRecord, RecordRef, UnwrittenRecord
from tollgate.api.decision import DecisionSpec, ObjectIdentity
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.gate import breached
from tollgate.decide.live_record import live_evidence
from tollgate.decide.moves import record_action, record_name
from tollgate.decide.snapshot import Snapshot

MOST_UNWRITTEN = 4
MOST_UNWRITTEN_BYTES = LARGEST_RECORD // 2
"""With more than this waiting nothing is decided, so that a status never outgrows what etcd takes."""

_SERVES = (Stage.PROMOTING, Stage.WATCHING, Stage.PROMOTED)
_OBSERVING = (Stage.OBSERVING, Stage.OBSERVED)
_JUDGED_LIVE = (Stage.CANARY, Stage.PROMOTING, Stage.WATCHING, *_OBSERVING)

_ELSEWHERE: dict[str, Any] = {
    "benchmark_objectives": [], "live_objectives": [], "segments": [], "judged": None, "sign_offs": [], "history": [],
}  # fmt: skip
"""What the record holds in fields of its own and need not repeat of the release."""

_WITHOUT_EVIDENCE: dict[str, Any] = {
    "benchmark_evidence": None,
    "live_evidence": None,
    "state": None,
    "omitted": f"with its evidence the record would have more than {LARGEST_RECORD:,} bytes",
}


def on_record(s: Snapshot, status: BudgetStatus) -> BudgetStatus:
    """`status` with the record of what it says was decided, where that has none yet."""
    release = status.release
    name = record_name(s, release) if release is not None else ""
    known = {record.name for record in status.unwritten}
    if release is None or name in ("", release.decision) or name in known or not room(status):
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
    """`status` with a record at the end of those still to be written. One that is too large loses its evidence."""
    content = canonical(spec.dump())
    if len(content) > LARGEST_RECORD:
        spec = spec.model_copy(update=_WITHOUT_EVIDENCE)
        content = canonical(spec.dump())
    unwritten = UnwrittenRecord(
        sequence=spec.sequence,
        name=name,
        digest=digest(spec.dump()),
        release=spec.release,
        decided_at=spec.decided_at,
        spec=content.decode(),
    )
    return status.model_copy(update={"unwritten": [*status.unwritten, unwritten]})


def next_in_chain(s: Snapshot, status: BudgetStatus) -> dict[str, Any]:
    """What every record made now says: its place in the chain, whose it is, and who made it."""
    assert s.target is not None  # nothing is decided about a target that is not there
    previous = head(s, status)
    return {
        "sequence": previous.sequence + 1 if previous else 1,
        "previous": PreviousRecord(name=previous.name, digest=previous.digest) if previous else None,
        "budget": ObjectIdentity(name=s.name, uid=s.uid),
        "budget_generation": s.generation,
        "target": ObjectIdentity(name=s.target.name, uid=s.target.uid),
        "actor": s.actor,
        "operator": __version__,
    }


def record(s: Snapshot, status: BudgetStatus, release: Release) -> DecisionSpec:
    """The record of a release that has just been decided on."""
    decided = _decided(release)
    return DecisionSpec(
        **next_in_chain(s, status),
        action=record_action(release),
        reason=release.reason,
        message=release.message,
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
        adjustments=[state.name for state in s.status.adjustments if state.in_force],
        degraded=[one.name for one in s.status.degradation.taken] if s.status.degradation else [],
        benchmark=release.benchmark,
        benchmark_objectives=release.benchmark_objectives,
        live_objectives=release.live_objectives,
        approver_checked=_approver_checked(release),
        **_evidence(s, release),
        sign_offs=release.sign_offs,
    )


def _approver_checked(release: Release) -> bool | None:
    """None where nobody was asked to sign."""
    asked = any(span.stage is Stage.AWAITING_SIGN_OFF for span in release.history)
    return release.signable_since is not None if asked else None


def _evidence(s: Snapshot, release: Release) -> dict[str, Any]:
    """What this very step rests on, where that is a measurement."""
    before = s.status.release
    if (
        before is None
        or before.number != release.number
        or release.stage is Stage.SUPERSEDED
        or record_name(s, before) == record_name(s, release)
    ):
        return {}
    found: dict[str, Any] = {}
    judged = s.measured.evidence if s.measured and before.stage is Stage.BENCHMARKING else s.judged
    if judged is not None:
        found["benchmark_evidence"] = judged
    if s.look is not None and before.stage in _JUDGED_LIVE:
        found |= look_evidence(s, s.status.objectives if before.stage in _OBSERVING else None)
    return found | {"state": before.model_copy(update=_ELSEWHERE)} if found else {}


def look_evidence(s: Snapshot, standing: Iterable[ObjectiveResult] | None = None) -> dict[str, Any]:
    """What the live results rest on, or why that is not in the record.

    `standing` are the results of earlier looks that count; by default what was a breach then.
    """
    if s.look is None:
        return {}
    standing = breached(s.look.standing) if standing is None else standing
    try:
        return {"live_evidence": live_evidence(s.look, s.scrape_seconds, standing)}
    except ValidationError as error:  # what Prometheus answers must not be able to stop a roll-back
        return {"omitted": f"what was counted does not fit into a record: {error}"[:1024]}


def _decided(release: Release) -> int:
    """Which span of the release's history the decision of its stage began: what serves stays Promoted."""
    last = len(release.history) - 1
    if release.stage in _SERVES:
        return next((i for i, span in enumerate(release.history) if span.stage in _SERVES), last)
    return last
