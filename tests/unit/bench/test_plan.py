"""The plan: what the operator hands over, and every way in which it can be wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.bench.plans import profile, stage
from tollgate.bench.plan import Plan, parse_plan


def document(**fields: Any) -> str:
    return json.dumps(
        {"profile": profile().dump(), "limits": ["250ms"], "targets": ["10.88.0.5:8080"], **fields}
    )


def test_what_the_operator_dumps_is_read_back() -> None:
    plan = Plan(profile=profile(), limits=["250ms", "1s"], targets=["10.88.0.5:8080", "[fd00::5]:8080"])
    assert parse_plan(json.dumps(plan.dump())) == plan


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"targets": []}, "targets"),
        ({"targets": ["http://10.88.0.5:8080"]}, "targets.0"),
        ({"targets": ["10.88.0.5"]}, "targets.0"),
        ({"targets": ["10.88.0.5:8080/admin"]}, "targets.0"),
        ({"limits": ["fast"]}, "limits.0"),
        ({"limits": ["1ms"] * 17}, "limits"),
        ({"profile": profile().dump() | {"protocol": "OpenInference"}}, "OpenInference needs model"),
        ({"profile": profile().dump() | {"path": None}}, "JSON needs path"),
        ({"profile": profile().dump() | {"prediction": "outputs["}}, "'outputs\\[' is no JMESPath"),
        ({"profile": profile().dump() | {"exitStage": "a["}}, "exitStage 'a\\[' is no JMESPath"),
        ({"profile": profile().dump() | {"outputTokens": "]"}}, "outputTokens '\\]' is no JMESPath"),
        (
            {"profile": profile().dump() | {"stages": [stage(rate="0.5req/s").dump()]}},
            "stage steady at 0.5req/s for 1 s sends no request: raise its rate or its duration",
        ),
        (
            {"profile": profile().dump() | {"stages": [stage(rate="99999req/s", durationSeconds=60).dump()]}},
            "5999940 requests, more than the 1000000",
        ),
    ],
)
def test_a_wrong_plan_is_refused_in_one_sentence(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^the plan is wrong: .*{complaint}") as caught:
        parse_plan(document(**fields))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"profile": 1}', b"\xff\xfe"])
def test_what_is_no_plan_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"^the plan is wrong: "):
        parse_plan(text)
