from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tollgate.api.signoff import EfficiencySignOff, SignOffVerdict

ACCEPT: dict[str, Any] = {
    "budget": {"name": "digits"},
    "decision": {"name": "digits-1f0a2-2-awaitingsignoff", "digest": "sha256:" + "0" * 64},
    "verdict": "Accept",
    "approver": {"username": "alice@example.com"},
    "justification": "The gain in accuracy is worth 40 ms to us.",
    "accepts": ["mean"],
}


def sign_off(**fields: Any) -> EfficiencySignOff:
    return EfficiencySignOff.model_validate({"spec": {**ACCEPT, **fields}})


def test_what_is_not_said_is_left_out_on_the_wire() -> None:
    assert sign_off().dump()["spec"] == {
        **ACCEPT,
        "approver": {"username": "alice@example.com", "groups": []},
    }


def test_a_refusal_accepts_nothing() -> None:
    assert sign_off(verdict="Refuse", accepts=[]).spec.verdict is SignOffVerdict.REFUSE
    with pytest.raises(ValidationError, match="Refuse accepts nothing"):
        sign_off(verdict="Refuse")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"accepts": []}, "names in accepts each objective"),
        ({"accepts": ["mean", "mean"]}, "given twice: mean"),
        ({"accepts": ["*"]}, "should match pattern"),
        ({"justification": "  "}, "should match pattern"),
        ({"justification": "x" * 1025}, "at most 1024"),
        ({"approver": {"username": ""}}, "at least 1 character"),
        ({"decision": {"name": "d", "digest": "sha256:0"}}, "should match pattern"),
        ({"verdict": "Maybe"}, "'Accept' or 'Refuse'"),
    ],
)
def test_a_wrong_sign_off_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        sign_off(**fields)
