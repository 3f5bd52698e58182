from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from tollgate.manifests.guard import GUARD, guard_binding, guard_policy, service_account

CHARTS = Path(__file__).parents[3] / "charts"
OPERATOR = "system:serviceaccount:tollgate-system:tollgate"


def test_the_guard(golden: Callable[..., None]) -> None:
    golden("guard", guard_policy(OPERATOR), guard_binding())


def test_the_operator_is_the_service_account_of_the_install() -> None:
    assert service_account("tollgate-system") == OPERATOR


def test_the_chart_installs_this_policy_for_the_namespace_it_is_installed_in() -> None:
    template = (CHARTS / "tollgate/files/guard.yaml").read_text()
    filled_in = template.replace("{{.Release.Namespace}}", "tollgate-system")
    assert list(yaml.safe_load_all(filled_in)) == [guard_policy(OPERATOR), guard_binding()]


def test_the_plain_install_holds_it_too() -> None:
    text = (CHARTS / "plain/tollgate.yaml").read_text()
    installed = [obj for obj in yaml.safe_load_all(text) if obj["metadata"]["name"] == GUARD]
    assert installed == [guard_policy(OPERATOR), guard_binding()]


def test_it_fails_closed_and_denies_every_kind_of_write() -> None:
    spec = guard_policy(OPERATOR)["spec"]
    assert spec["failurePolicy"] == "Fail"
    assert spec["matchConstraints"]["resourceRules"][0]["operations"] == ["CREATE", "UPDATE", "DELETE"]
    assert guard_binding()["spec"]["validationActions"] == ["Deny", "Audit"]
