"""What a budget limits, as it was declared, and how that differs from what it limited before."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.adjustment import MOST_ADJUSTMENTS, Adjustment
from tollgate.api.base import Keyed, Model
from tollgate.api.objective import Objective
from tollgate.api.quantities import Confidence

LONGEST_PHRASE = 256
MOST_CHANGES = 64

_Phrase = Annotated[str, StringConstraints(max_length=LONGEST_PHRASE)]


class ChangeKind(StrEnum):
    """How a limit changed. Replaced: the two cannot be held against each other."""

    ADDED = "Added"
    REMOVED = "Removed"
    LOOSER = "Looser"
    TIGHTER = "Tighter"
    REPLACED = "Replaced"


class LimitChange(Model):
    """One limit that is not what it was."""

    name: _Phrase = Field(description="The objective; of an adjustment with the adjustment's name behind it.")
    kind: ChangeKind = Field(
        description="Added, Removed, Looser, Tighter, or Replaced, where the two cannot be held against each other."
    )
    was: _Phrase = Field("", description="The limit before; empty where there was none.")
    now: _Phrase = Field("", description="The limit from now on; empty where there is none.")

    @property
    def loosens(self) -> bool:
        """Whether what was refused before may pass now."""
        return self.kind in (ChangeKind.REMOVED, ChangeKind.LOOSER, ChangeKind.REPLACED)

    def __str__(self) -> str:
        way = " to ".join(filter(None, (self.was, self.now)))
        return f"{self.name} {self.kind.lower()}: {way}"


class DeclaredLimits(Model):
    """The limits of a budget as they were applied, by which the next version of them is held against this one."""

    generation: int = Field(ge=0, description="Generation of the budget's spec that had them first.")
    confidence: Confidence = Field(description="The budget's confidence.")
    objectives: Annotated[list[Objective], Field(max_length=32), Keyed("name")] = Field(
        description="The budget's objectives."
    )
    adjustments: Annotated[list[Adjustment], Field(max_length=MOST_ADJUSTMENTS), Keyed("name")] = Field(
        default_factory=list, description="The budget's adjustments."
    )
