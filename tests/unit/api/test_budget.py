from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tollgate.api.budget import EfficiencyBudget, Evidence, Mode, OnInconclusive, Stage, parse_budget

MINIMAL: dict[str, Any] = {
    "target": {"name": "digits"},
    "owners": [{"role": "SRE", "team": "platform"}],
    "metrics": {"profileRef": {"name": "digits-server"}},
    "objectives": [{"name": "errs", "dimension": "ErrorRate", "max": "1%"}],
    "benchmark": {"profileRef": {"name": "digits-steady"}},
}


def budget(**fields: Any) -> EfficiencyBudget:
    return parse_budget({"spec": {**MINIMAL, **fields}})


def test_what_is_not_said_is_the_careful_choice() -> None:
    spec = budget().spec
    assert spec.mode is Mode.ENFORCE
    assert spec.trade_offs == "RequireSignOff"
    assert spec.approval.required == 1
    assert not spec.approval.may_override_breach
    assert spec.initial == "Adopt"
    assert spec.on_delete == "Resume"
    assert [step.fraction for step in spec.canary.steps] == [Decimal("0.1"), Decimal("0.5")]
    assert spec.canary.evidence is Evidence.NO_BREACH
    assert spec.canary.on_inconclusive is OnInconclusive.HOLD
    assert spec.alpha == pytest.approx(0.01)


def test_an_objective_is_found_by_name() -> None:
    spec = budget().spec
    assert spec.objective("errs") is spec.objectives[0]
    assert spec.objective("tail") is None


@pytest.mark.parametrize("missing", sorted(MINIMAL))
def test_a_policy_without_one_of_its_parts_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError, match=f"spec.{missing}"):
        parse_budget({"spec": {key: value for key, value in MINIMAL.items() if key != missing}})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"objectives": MINIMAL["objectives"] * 2}, "given twice: errs"),
        ({"objectives": []}, "at least 1 item"),
        ({"owners": []}, "at least 1 item"),
        ({"confidence": "0.5"}, "String should match"),
        ({"confidence": 0.99}, "valid string"),
        ({"canary": {"steps": [{"share": "10%"}, {"share": "10%"}]}}, "given twice: 10%"),
        ({"canary": {"steps": [{"share": "100%"}]}}, "should match pattern"),
        ({"approval": {"approvers": ["alice", "alice"]}}, "given twice: alice"),
        ({"approval": {"approvers": ["alice"], "required": 2}}, "required is more than the people"),
        ({"approval": {"required": 0}}, "greater than or equal to 1"),
        ({"target": {"name": "digits", "kind": "StatefulSet"}}, "Input should be 'Deployment'"),
    ],
)
def test_a_wrong_policy_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        budget(**fields)


def test_a_group_may_have_as_many_people_as_are_required() -> None:
    assert budget(approval={"approvers": ["alice", "group:leads"], "required": 3}).spec.approval.required == 3
    assert budget(approval={"required": 3}).spec.approval.approvers == []


def test_a_stage_either_gates_or_serves_or_has_ended() -> None:
    gating = {stage for stage in Stage if stage.gating}
    ended = {stage for stage in Stage if stage.ended}
    assert gating == {
        Stage.HELD, Stage.STARTING, Stage.BENCHMARKING, Stage.AWAITING_SIGN_OFF, Stage.CANARY,
    }  # fmt: skip
    assert not gating & ended
    assert set(Stage) - gating - ended == {Stage.PROMOTING, Stage.WATCHING, Stage.OBSERVING}
