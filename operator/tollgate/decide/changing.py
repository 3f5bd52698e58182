"""A change of a budget's limits is a decision, too: people made it, and it is put on record with what it changed."""

from __future__ import annotations

from tollgate import __version__
from tollgate.api.budget import BudgetStatus
from tollgate.api.chain import PreviousRecord
from tollgate.api.change import MOST_CHANGES, LimitChange
from tollgate.api.decision import Action, DecisionSpec, ObjectIdentity
from tollgate.decide.actions import Notice
from tollgate.decide.changes import declared, limit_changes
from tollgate.decide.moves import identity
from tollgate.decide.record import appended, head, room
from tollgate.decide.snapshot import Snapshot
from tollgate.manifests.names import change_name

LOOSENED, TIGHTENED = "Loosened", "Tightened"


def on_record(s: Snapshot, status: BudgetStatus) -> tuple[BudgetStatus, tuple[Notice, ...]]:
    """The status with the limits as they are declared now, and the record of what changed in them."""
    spec = s.declared or s.spec
    limits = declared(spec, s.generation)
    before = status.declared
    if before is None:
        return status.model_copy(update={"declared": limits}), ()
    found = limit_changes(before, limits)
    if not found:
        return status, ()
    if s.target is None or not room(status):
        return status, ()  # it waits for its record
    loosened = [change for change in found if change.loosens]
    reason = LOOSENED if loosened else TIGHTENED
    message = "; ".join(map(str, [*loosened, *(c for c in found if not c.loosens)]))[:1024]
    record = _record(s, status, found, reason, message)
    after = appended(status, change_name(identity(s), record.sequence), record)
    after = after.model_copy(update={"declared": limits})
    return after, (Notice("Normal", f"Limits{reason}", message),)


def _record(
    s: Snapshot, status: BudgetStatus, found: list[LimitChange], reason: str, message: str
) -> DecisionSpec:
    assert s.target is not None
    previous = head(s, status)
    return DecisionSpec(
        action=Action.BUDGET_CHANGED,
        sequence=previous.sequence + 1 if previous else 1,
        previous=PreviousRecord(name=previous.name, digest=previous.digest) if previous else None,
        reason=reason,
        message=message,
        budget=ObjectIdentity(name=s.name, uid=s.uid),
        budget_generation=s.generation,
        target=ObjectIdentity(name=s.target.name, uid=s.target.uid),
        serving=status.last_good.revision if status.last_good else "",
        decided_at=s.now,
        policy=s.declared or s.spec,
        changes=found[:MOST_CHANGES],
        actor=s.actor,
        operator=__version__,
    )
