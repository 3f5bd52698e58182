"""Which records of a target go, and the checkpoint that stands for them.

A checkpoint is a record of the chain like any other, and holds the place, name and digest of the newest record that it
stands for. Only once it is written are those deleted. What was wrong with them stays on record in it.
"""

from __future__ import annotations

from tollgate.api.budget import BudgetSpec, BudgetStatus
from tollgate.api.chain import Checkpoint, PreviousRecord, RecordRef
from tollgate.api.decision import Action as DecisionAction
from tollgate.api.decision import DecisionSpec
from tollgate.decide.actions import DeleteRecord
from tollgate.decide.chain import FOUND, Link, walk
from tollgate.decide.moves import identity
from tollgate.decide.record import appended, next_in_chain
from tollgate.decide.snapshot import Snapshot
from tollgate.manifests.names import checkpoint_name

MOST_DELETED = 50
"""So many records go in one pass."""

_LEAST_SLACK = 2


def retention_due(spec: BudgetSpec, status: BudgetStatus) -> bool:
    """Whether so many records more than are kept have gathered that a checkpoint is worth it: a tenth."""
    last = status.last_record
    if last is None or status.unwritten:
        return False
    keep = spec.records.keep
    return last.sequence - status.oldest_record + 1 > keep + max(_LEAST_SLACK, keep // 10)


def retained(s: Snapshot, status: BudgetStatus) -> tuple[BudgetStatus, tuple[DeleteRecord, ...]]:
    """The status with the checkpoint that is due, or the records to be deleted once there is one."""
    last = status.last_record
    if s.target is None or last is None or not s.records or not retention_due(s.spec, status):
        return status, ()
    covered = max((link.checkpoint.sequence for link in s.records if link.checkpoint), default=0)
    if covered < status.oldest_record:
        stands_for = _checkpoint(s.records, last, last.sequence + 1 - s.spec.records.keep)
        return _with_checkpoint(s, status, stands_for) if stands_for else status, ()
    old = sorted(
        (link.ref.sequence, link.ref.name, link.uid) for link in s.records if link.ref.sequence <= covered
    )
    if not old:
        return status.model_copy(update={"oldest_record": covered + 1}), ()
    return status, tuple(DeleteRecord(name, uid) for _, name, uid in old[:MOST_DELETED])


def _checkpoint(links: tuple[Link, ...], head: RecordRef, up_to: int) -> Checkpoint | None:
    """What stands for the records up to that place; None where nothing says which record was there."""
    by_place = {link.ref.sequence: link for link in links}
    after, there = by_place.get(up_to + 1), by_place.get(up_to)
    known: PreviousRecord | None = (after.previous if after else None) or (there.ref if there else None)
    if known is None:
        return None
    faults = [fault.message for fault in walk(links, head).faults if fault.sequence <= up_to]
    # What a former checkpoint found is handed on as it was found.
    first = faults[0].rpartition(FOUND)[2][:1024] if faults else ""
    return Checkpoint(sequence=up_to, name=known.name, digest=known.digest, fault=first)


def _with_checkpoint(s: Snapshot, status: BudgetStatus, stands_for: Checkpoint) -> BudgetStatus:
    record = DecisionSpec(
        **next_in_chain(s, status),
        action=DecisionAction.CHECKPOINT,
        checkpoint=stands_for,
        reason="Retention",
        message=f"stands for records 1 to {stands_for.sequence}, which are deleted: spec.records.keep is "
        f"{s.spec.records.keep}",
        decided_at=s.now,
        policy=s.spec,
    )
    return appended(status, checkpoint_name(identity(s), record.sequence), record)
