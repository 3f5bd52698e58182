"""A change of a budget's limits is a decision, too: people made it, and it is put on record with what it changed.

Where the policy asks for it, what loosens a limit waits for people to accept it, and the limits before it count. That
policy, and who may sign, are those from before the change: nobody lets themselves off.
"""

from __future__ import annotations

from typing import Any

from tollgate.api.budget import BudgetSpec, BudgetStatus
from tollgate.api.change import MOST_CHANGES, DeclaredLimits, LimitChange, ProposedChange
from tollgate.api.decision import Action, DecisionSpec
from tollgate.decide.actions import Notice, Row
from tollgate.decide.approval import Asked, Tally, describe, signatures, tally
from tollgate.decide.changes import declared, limit_changes
from tollgate.decide.moves import identity
from tollgate.decide.record import appended, next_in_chain, room
from tollgate.decide.signing import UNCHECKED, UNCHECKED_APPROVER
from tollgate.decide.snapshot import Snapshot
from tollgate.manifests.names import change_name

LOOSENED, TIGHTENED, PROPOSED = "Loosened", "Tightened", "Loosens"
CHANGE_PENDING = "ChangePending"


def agreed(spec: BudgetSpec, status: BudgetStatus) -> BudgetSpec:
    """The policy with the limits that people have agreed to, while a change of them waits."""
    before = status.declared
    if before is None or before.changes == "Allow":
        return spec  # asked at each look: where nobody is asked, nothing is compared
    if not _waits(before, limit_changes(before, declared(spec))):
        return spec
    roles = {owner.role for owner in spec.owners}
    objectives = [
        o if o.owner is None or o.owner in roles else o.model_copy(update={"owner": None})
        for o in before.objectives
    ]
    kept = {name: getattr(before, name) for name in ("adjustments", "confidence", "changes", "approval")}
    return spec.model_copy(update={"objectives": objectives, **kept})


def _waits(before: DeclaredLimits, found: list[LimitChange]) -> bool:
    return before.changes == "RequireSignOff" and any(change.loosens for change in found)


def on_record(s: Snapshot, status: BudgetStatus) -> tuple[BudgetStatus, tuple[Notice, ...]]:
    """The status with the limits as they are declared now, and the record of what changed in them."""
    spec = s.applied or s.declared or s.spec
    limits = declared(spec, s.generation)
    before = status.declared
    if before is None:
        return status.model_copy(update={"declared": limits}), ()
    found = limit_changes(before, limits)[:MOST_CHANGES]
    if not found:
        return status.model_copy(update={"proposal": None}), ()
    if s.target is None or not room(status):
        return status, ()  # it waits for its record
    if not _waits(before, found):
        return _accepted(s, status, spec, found)
    proposal = status.proposal
    if proposal is None or proposal.changes != found:
        return _proposed(s, status, found)
    if s.approver_checked != (proposal.signable_since is not None):
        since = s.now if s.approver_checked else None
        proposal = proposal.model_copy(update={"signable_since": since})
        return status.model_copy(update={"proposal": proposal}), ()
    counted = None if proposal.refused else _answers(s, before, proposal)
    if counted is None:
        return status, ()
    if counted.refused is not None:
        why = f"refused by {signatures([counted.refused.taken()])}: {_sentence(found)}"
        refused = proposal.model_copy(update={"refused": True})
        return status.model_copy(update={"proposal": refused}), (Notice("Warning", "ChangeRefused", why),)
    if counted.missing:
        return status, ()
    signed = [one.taken() for one in counted.accepted]
    return _accepted(s, status, spec, found, sign_offs=signed)


def _answers(s: Snapshot, before: DeclaredLimits, proposal: ProposedChange) -> Tally | None:
    """The sign-offs so far; None while none can count, as nothing checks who signs."""
    if proposal.signable_since is None:
        return None
    asked = Asked(proposal.record, proposal.digest, loosened(proposal.changes), proposal.signable_since)
    return tally(s.answers, asked, before.approval, s.now)


def loosened(changes: list[LimitChange]) -> tuple[str, ...]:
    """What people are asked to accept: the objectives, adjustments and fields that are looser."""
    return tuple(dict.fromkeys(change.subject for change in changes if change.loosens))


def _sentence(found: list[LimitChange]) -> str:
    first = [change for change in found if change.loosens]
    return "; ".join(map(str, [*first, *(change for change in found if not change.loosens)]))


def _accepted(
    s: Snapshot, status: BudgetStatus, spec: BudgetSpec, found: list[LimitChange], **fields: Any
) -> tuple[BudgetStatus, tuple[Notice, ...]]:
    reason = LOOSENED if any(change.loosens for change in found) else TIGHTENED
    record = _record(s, status, Action.BUDGET_CHANGED, reason, found, policy=spec, **fields)
    after = appended(status, change_name(identity(s), record.sequence), record)
    counts = {"declared": declared(spec, s.generation), "proposal": None}
    return after.model_copy(update=counts), (Notice("Normal", f"Limits{reason}", record.message),)


def _proposed(
    s: Snapshot, status: BudgetStatus, found: list[LimitChange]
) -> tuple[BudgetStatus, tuple[Notice, ...]]:
    record = _record(s, status, Action.CHANGE_PROPOSED, PROPOSED, found, policy=s.declared or s.spec)
    after = appended(status, change_name(identity(s), record.sequence), record)
    written = after.unwritten[-1]
    proposal = ProposedChange(record=written.name, digest=written.digest, changes=found, since=s.now)
    told = Notice("Normal", "ChangeProposed", f"{record.message}: it waits for people to accept it")
    return after.model_copy(update={"proposal": proposal}), (told,)


def _record(
    s: Snapshot, status: BudgetStatus, action: Action, reason: str, found: list[LimitChange], **fields: Any
) -> DecisionSpec:
    return DecisionSpec(
        **next_in_chain(s, status),
        action=action,
        reason=reason,
        message=_sentence(found)[:1024],
        serving=status.last_good.revision if status.last_good else "",
        decided_at=s.now,
        changes=found,
        **fields,
    )


def pending(s: Snapshot, status: BudgetStatus) -> Row | None:
    """The condition while a change waits for people: what it loosens, how to answer, who has."""
    proposal, before = status.proposal, status.declared
    if proposal is None or before is None:
        return None
    what = f"{_sentence(proposal.changes)}. The limits of generation {before.generation} count"
    if proposal.refused:
        return CHANGE_PENDING, True, "Refused", f"refused: {what}, until the budget is changed again"
    if not s.approver_checked:
        return CHANGE_PENDING, True, UNCHECKED, f"{what}. Sign-offs do not count: {UNCHECKED_APPROVER}"
    counted = _answers(s, before, proposal)
    answered = f" {describe(counted, before.approval)}" if counted else ""
    how = (
        f"To accept {', '.join(loosened(proposal.changes))}: tollgate approve {proposal.record} -n {s.namespace} "
        f'-m "why", and to refuse: the same with --refuse (or an EfficiencySignOff with the digest {proposal.digest}).'
    )
    return CHANGE_PENDING, True, "AwaitingSignOff", f"{what} until it is accepted. {how}{answered}"
