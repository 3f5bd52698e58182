"""Chains of records to verify, as the API server would give them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.unit.reconcile.setting import budget
from tollgate.api.budget import BudgetSpec
from tollgate.api.chain import Checkpoint, PreviousRecord, RecordRef
from tollgate.api.decision import Action, DecisionSpec, ObjectIdentity
from tollgate.decide.chain import read_link
from tollgate.manifests.decision import decision
from tollgate.ports import Object

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def spec(sequence: int, before: RecordRef | None = None, **changes: Any) -> DecisionSpec:
    """A record's spec."""
    fields: dict[str, Any] = {
        "action": Action.PROMOTED,
        "sequence": sequence,
        "previous": PreviousRecord(name=before.name, digest=before.digest) if before else None,
        "reason": "CanaryPassed",
        "budget": ObjectIdentity(name="digits", uid="u1"),
        "budget_generation": 2,
        "target": ObjectIdentity(name="digits", uid="u2"),
        "release": sequence,
        "revision": "0123456789",
        "stage": "Canary",
        "decided_at": NOON,
        "started_at": NOON,
        "policy": BudgetSpec.model_validate(budget()),
    }
    return DecisionSpec(**{**fields, **changes})


def appended(records: list[Object], **changes: Any) -> list[Object]:
    """The chain with one more record."""
    before = head(records) if records else None
    sequence = before.sequence + 1 if before else 1
    made = spec(sequence, before, **changes).dump()
    return [*records, decision(made, name=f"digits-1f0a2-{sequence}-promoted", namespace="vision")]


def chain_of(length: int) -> list[Object]:
    """So many records, in order."""
    records: list[Object] = []
    for _ in range(length):
        records = appended(records)
    return records


def head(records: list[Object]) -> RecordRef:
    """The newest of them."""
    return read_link(records[-1]).ref


def with_checkpoint(records: list[Object], up_to: int, fault: str = "") -> list[Object]:
    """The chain with a checkpoint that stands for the records up to that one; none is deleted yet."""
    last = read_link(records[up_to - 1]).ref
    stands_for = Checkpoint(**last.model_dump(), fault=fault)
    return appended(records, action=Action.CHECKPOINT, checkpoint=stands_for, release=0)
