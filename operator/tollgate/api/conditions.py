"""Kubernetes conditions: the type, and how one is set without a needless change.

`lastTransitionTime` moves only when the status moves, so that an unchanged verdict writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tollgate.api.base import Model

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Model):
    """One observation about an object, in the standard shape of metav1.Condition."""

    type: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="What is observed, in CamelCase."
    )
    status: ConditionStatus = Field(description="True, False or Unknown.")
    reason: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="Why, as one CamelCase word."
    )
    message: Annotated[str, StringConstraints(max_length=2048)] = Field(
        "", description="Why, as a sentence, and what to do about it."
    )
    last_transition_time: datetime = Field(description="When the status last changed.")
    observed_generation: int = Field(0, ge=0, description="Generation of the spec this was observed for.")


def set_condition(
    conditions: Iterable[Condition],
    type_: str,
    status: bool | None,
    reason: str,
    message: str,
    *,
    generation: int,
    now: datetime,
) -> list[Condition]:
    """`conditions` with this one set; `None` is Unknown. The order of the others is kept."""
    word: ConditionStatus = "Unknown" if status is None else "True" if status else "False"
    existing = list(conditions)
    before = next((c for c in existing if c.type == type_), None)
    since = before.last_transition_time if before is not None and before.status == word else now
    after = Condition(
        type=type_, status=word, reason=reason, message=message[:2048],
        last_transition_time=since, observed_generation=generation,
    )  # fmt: skip
    if before is None:
        return [*existing, after]
    return [after if c.type == type_ else c for c in existing]


def find_condition(conditions: Iterable[Condition], type_: str) -> Condition | None:
    """The condition of that type, if there is one."""
    return next((c for c in conditions if c.type == type_), None)
