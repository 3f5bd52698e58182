from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tollgate.api.decision import Action
from tollgate.manifests.names import (
    Identity,
    benchmark_name,
    candidate_name,
    decision_name,
    fit,
    owned_by,
)
from tollgate.ports import BUDGET

LABEL_VALUE = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")


def test_a_short_name_is_kept() -> None:
    assert fit("digits") == "digits"
    assert fit("a" * 63) == "a" * 63


@pytest.mark.parametrize("name", ["a" * 64, "b" * 253, "c" * 53 + "." + "d" * 100, "-".join(["ab"] * 80)])
def test_a_long_name_is_cut_to_a_label_value(name: str) -> None:
    assert len(fit(name)) <= 63
    assert LABEL_VALUE.match(fit(name))


def test_names_that_begin_alike_stay_apart() -> None:
    long = "a" * 100
    assert fit(long) != fit(long + "b")
    assert candidate_name(long) != candidate_name(long + "b")


def test_a_name_is_the_same_at_the_second_try_and_another_for_another_release(budget: Identity) -> None:
    assert candidate_name("digits") == "digits-candidate"
    assert benchmark_name(budget, 1, "0123456789") == benchmark_name(budget, 1, "0123456789")
    assert benchmark_name(budget, 1, "0123456789") != benchmark_name(budget, 2, "0123456789")
    assert decision_name(budget, 1, Action.PROMOTED) != decision_name(budget, 1, Action.ROLLED_BACK)
    assert LABEL_VALUE.match(decision_name(budget, 1, Action.ROLLED_BACK))


def test_a_budget_made_anew_does_not_meet_the_records_of_its_predecessor(budget: Identity) -> None:
    successor = replace(budget, uid="00000000-0000-0000-0000-000000000000")
    assert decision_name(budget, 1, Action.ADOPTED) != decision_name(successor, 1, Action.ADOPTED)


def test_an_identity_is_read_from_an_object() -> None:
    obj = {"metadata": {"name": "digits", "namespace": "vision", "uid": "u"}}
    assert Identity.of(BUDGET, obj) == Identity(BUDGET, "vision", "digits", "u")


def test_only_the_very_controller_owns(budget: Identity) -> None:
    child = {"metadata": {"ownerReferences": [budget.owner_reference()]}}
    assert owned_by(child, budget)
    assert not owned_by(child, replace(budget, uid="another"))
    assert not owned_by({"metadata": {}}, budget)
    child["metadata"]["ownerReferences"][0]["controller"] = False
    assert not owned_by(child, budget)
