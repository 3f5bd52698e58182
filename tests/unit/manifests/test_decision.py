from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tests.unit.reconcile.setting import budget
from tollgate.api.budget import BudgetSpec
from tollgate.api.chain import PreviousRecord
from tollgate.api.decision import Action, DecisionSpec, EfficiencyDecision, ObjectIdentity
from tollgate.manifests.decision import decision

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_record_outlives_its_budget_and_is_found_by_its_labels(golden: Callable[..., None]) -> None:
    spec = DecisionSpec(
        action=Action.REJECTED,
        sequence=3,
        previous=PreviousRecord(name="digits-1f0a2-1-adopted", digest="sha256:" + "0" * 64),
        reason="Breach",
        message="tail: p99 is 300ms, over 250ms.",
        budget=ObjectIdentity(name="digits", uid="u1"),
        budget_generation=2,
        target=ObjectIdentity(name="t" * 100, uid="u2"),
        release=1,
        revision="0123456789",
        stage="Benchmarking",
        decided_at=NOON,
        started_at=NOON,
        policy=BudgetSpec.model_validate(budget()),
    )
    made = decision(spec.dump(), name="digits-1f0a2-1-rejected", namespace="vision")
    golden("decision", made)
    assert "ownerReferences" not in made["metadata"]
    assert EfficiencyDecision.model_validate(made).spec == spec
