from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.unit.reconcile.world import APPROVER_REFUSAL
from tollgate.api.signoff import EfficiencySignOff
from tollgate.manifests.approver import (
    APPROVER,
    approver_binding,
    approver_policy,
    denies_false_names,
    false_sign_off,
)

CHART = Path(__file__).parents[3] / "charts/tollgate"


def test_the_approver_policy(golden: Callable[..., None]) -> None:
    golden("approver", approver_policy(), approver_binding(), false_sign_off("vision", "digits"))


def test_the_chart_installs_this_policy() -> None:
    installed = list(yaml.safe_load_all((CHART / "files/approver.yaml").read_text()))
    assert installed == [approver_policy(), approver_binding()]


def test_it_fails_closed_denies_and_is_bound_everywhere() -> None:
    assert approver_policy()["spec"]["failurePolicy"] == "Fail"
    assert "paramKind" not in approver_policy()["spec"]
    assert approver_binding()["spec"] == {"policyName": APPROVER, "validationActions": ["Deny"]}


def test_the_name_is_what_it_checks_first() -> None:
    first = approver_policy()["spec"]["validations"][0]
    assert first["expression"] == "object.spec.approver.username == request.userInfo.username"


def test_what_is_tried_is_a_sign_off_that_only_its_name_can_fail() -> None:
    assert EfficiencySignOff.model_validate(false_sign_off("vision", "digits")).dump()["spec"]


@pytest.mark.parametrize(
    ("said", "denied"),
    [
        (APPROVER_REFUSAL, True),
        (APPROVER_REFUSAL.replace(APPROVER, "another"), False),
        (
            f"ValidatingAdmissionPolicy '{APPROVER}' with binding '{APPROVER}' denied request: x may not approve",
            False,
        ),
        ('efficiencysignoffs.tollgate.dev is forbidden: User "x" cannot create resource', False),
        ("", False),
    ],
)
def test_only_this_policys_word_on_the_name_is_the_proof(said: str, denied: bool) -> None:
    assert denies_false_names(said) is denied
