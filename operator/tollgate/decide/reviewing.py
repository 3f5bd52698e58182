"""When the limits of a budget are due for a review, and who is to do it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from tollgate.api.budget import BudgetSpec, Owner
from tollgate.api.conditions import Condition, find_condition
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.actions import Notice, Row

REVIEW_DUE = "ReviewDue"


def review(spec: BudgetSpec, now: datetime) -> Row | None:
    """The condition of a budget that has a day for its review; it is due from the beginning of that day (UTC)."""
    if spec.review_by is None:
        return None
    if now.date() < spec.review_by:
        return REVIEW_DUE, False, "NotYet", f"the limits are to be reviewed by {spec.review_by}"
    message = (
        f"the limits were to be reviewed by {spec.review_by}, by {_named(spec.owners)}: hold them against what users "
        "need and what was measured, and set reviewBy to the next day for it"
    )
    return REVIEW_DUE, True, "Overdue", message


def review_notices(before: Iterable[Condition], after: Iterable[Condition]) -> tuple[Notice, ...]:
    """An Event when a review has become due, and not again."""
    old, new = (find_condition(some, REVIEW_DUE) for some in (before, after))
    if new is None or new.status != "True" or (old is not None and old.status == "True"):
        return ()
    return (Notice("Warning", REVIEW_DUE, new.message),)


def answerable(spec: BudgetSpec, bad: Sequence[ObjectiveResult]) -> str:
    """Who answers for these objectives, as a sentence; empty where none of them names an owner."""
    roles = [o.owner for o in spec.objectives if o.owner and any(r.name == o.name for r in bad)]
    owners = [owner for owner in spec.owners if owner.role in roles]
    return f"Owned by {_named(owners)}." if owners else ""


def _named(owners: Sequence[Owner]) -> str:
    return ", ".join(
        f"{owner.role} ({owner.team}{', ' + owner.contact if owner.contact else ''})" for owner in owners
    )
