"""The API server knows each dimension as the model does: what it takes, and how it refuses what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.kubectl import Kubectl
from tests.contract.test_crds import SERVER_ALONE, example
from tests.unit.api.test_objective import WRONG
from tests.unit.decide.test_dimensions import CASES

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("crds")]

OBJECTIVES = [{"name": f"o{i}", "dimension": str(d), **row.o} for i, (d, row) in enumerate(CASES)]
MOST = 32


def budget(namespace: str, objectives: list[dict[str, Any]]) -> dict[str, Any]:
    made = example("budget")
    made["metadata"] |= {"namespace": namespace}
    return made | {"spec": made["spec"] | {"objectives": objectives}}


@pytest.mark.parametrize("first", range(0, len(OBJECTIVES), MOST))
def test_each_row_of_the_table_is_accepted(kubectl: Kubectl, namespace: str, first: int) -> None:
    kubectl(*SERVER_ALONE, objects=[budget(namespace, OBJECTIVES[first : first + MOST])])


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_what_is_wrong_is_refused_with_what_would_be_right(
    kubectl: Kubectl, namespace: str, fields: dict[str, Any], message: str
) -> None:
    said = kubectl.refused(*SERVER_ALONE, objects=[budget(namespace, [{"name": "o", **fields}])])
    assert message.replace("'", "") in said


def test_explain_says_what_each_takes(kubectl: Kubectl) -> None:
    told = kubectl(
        "explain", "efficiencybudget.spec.objectives.dimension", "--api-version=tollgate.dev/v1alpha1"
    )
    said = " ".join(told.split())
    assert "Energy: max and per." in said
    assert "Tokens: max and metric (Input, Output, Total)." in said


def test_an_owner_of_an_objective_is_one_of_the_budgets(kubectl: Kubectl, namespace: str) -> None:
    objective = OBJECTIVES[0] | {"owner": "Nobody"}
    said = kubectl.refused(*SERVER_ALONE, objects=[budget(namespace, [objective])])
    assert "each owner of an objective is the role of one of the budget's owners" in said


def test_what_was_spent_once_is_in_the_currency_of_the_limit(kubectl: Kubectl, namespace: str) -> None:
    cost = {"name": "cost", "dimension": "Cost", "per": "Request", "max": "1USD"}
    for total, fits in (("120USD", True), ("120EUR", False)):
        made = budget(namespace, [cost | {"amortized": {"total": total, "requests": 1000}}])
        if fits:
            kubectl(*SERVER_ALONE, objects=[made])
        else:
            said = kubectl.refused(*SERVER_ALONE, objects=[made])
            assert "amortized is for Cost, in the currency of its limit" in said


def test_a_review_has_a_day(kubectl: Kubectl, namespace: str) -> None:
    made = budget(namespace, OBJECTIVES[:1])
    kubectl(*SERVER_ALONE, objects=[made | {"spec": made["spec"] | {"reviewBy": "2027-03-31"}}])
    wrong = made | {"spec": made["spec"] | {"reviewBy": "2027-02-30"}}
    assert "spec.reviewBy" in kubectl.refused(*SERVER_ALONE, objects=[wrong])
