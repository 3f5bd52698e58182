"""A review that is due is said once, and whose turn it is; a breach names who answers for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.reconcile.behaviour import Behaviour
from tests.unit.reconcile.operator import Operator
from tests.unit.reconcile.setting import budget, populated
from tollgate.api.budget import BudgetSpec, Stage
from tollgate.decide.reviewing import review

OWNERS = [{"role": "SRE", "team": "platform", "contact": "#sre"}, {"role": "Product", "team": "vision"}]


def spec(**changes: Any) -> BudgetSpec:
    return BudgetSpec.model_validate(budget(owners=OWNERS, **changes))


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2027, 3, 30, 23, 59, tzinfo=UTC), False),
        (datetime(2027, 3, 31, 0, 0, tzinfo=UTC), True),
        (datetime(2028, 1, 1, tzinfo=UTC), True),
    ],
)
def test_it_is_due_from_the_beginning_of_the_day(now: datetime, due: bool) -> None:
    row = review(spec(reviewBy="2027-03-31"), now)
    assert row is not None
    assert row[:2] == ("ReviewDue", due)
    if due:
        assert "by SRE (platform, #sre), Product (vision)" in row[3]


def test_without_a_day_there_is_no_such_condition() -> None:
    assert review(spec(), datetime(2027, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("day", ["2027-02-30", "soon", "31.3.2027"])
def test_a_day_that_is_none_is_refused(day: str) -> None:
    with pytest.raises(ValidationError, match="reviewBy"):
        spec(reviewBy=day)


def test_an_owner_that_the_budget_does_not_have_is_refused() -> None:
    objectives = [{**budget()["objectives"][0], "owner": "ML"}]
    with pytest.raises(ValidationError, match=r"\(Product, SRE\), not 'ML'"):
        spec(objectives=objectives)


async def test_it_is_told_once_and_disturbs_nothing() -> None:
    world = populated({"reviewBy": "2020-01-01", "owners": OWNERS})
    op = Operator(world)
    await op.run(lambda: op.status.last_record is not None)
    world.git_applies("v2", Behaviour())
    await op.run(Stage.WATCHING)
    told = [reason for _, reason, _ in world.notices if reason == "ReviewDue"]
    assert len(told) == 1
    (due,) = [c for c in op.status.conditions if c.type == "ReviewDue"]
    assert (due.status, due.reason) == ("True", "Overdue")


async def test_a_breach_names_who_answers_for_it() -> None:
    first, *others = budget()["objectives"]
    world = populated({"owners": OWNERS, "objectives": [first | {"owner": "SRE"}, *others], "mode": "Warn"})
    op = Operator(world)
    world.versions["v1"].live_slow = 0.3
    await op.run(lambda: any(c.type == "WithinBudget" and c.status == "False" for c in op.status.conditions))
    (within,) = [c for c in op.status.conditions if c.type == "WithinBudget"]
    assert "Owned by SRE (platform, #sre)." in within.message
