"""What a budget limits, as it was declared, and how that differs from what it limited before."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tollgate.api.adjustment import MOST_ADJUSTMENTS, Adjustment
from tollgate.api.base import Keyed, Model, ObjectName, Word
from tollgate.api.canonical import Digest
from tollgate.api.objective import Objective
from tollgate.api.quantities import Confidence
from tollgate.api.signoff import Approval

LONGEST_PHRASE = 256
MOST_CHANGES = 64

_Phrase = Annotated[str, StringConstraints(max_length=LONGEST_PHRASE)]


ChangePolicy = Literal["Allow", "RequireSignOff"]


class ChangeKind(StrEnum):
    """How a limit changed. Replaced: the two cannot be held against each other."""

    ADDED = "Added"
    REMOVED = "Removed"
    LOOSER = "Looser"
    TIGHTER = "Tighter"
    REPLACED = "Replaced"


class LimitChange(Model):
    """One limit that is not what it was."""

    name: _Phrase = Field(
        description="The objective; or confidence, changes or approval; or when, of an adjustment."
    )
    adjustment: Word = Field("", description="The adjustment whose limit it is; empty of an objective's own.")
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
        return f"{self.title} {self.kind.lower()}: {way}"

    @property
    def title(self) -> str:
        """What changed, for people: `tail (night)`."""
        return f"{self.name} ({self.adjustment})" if self.adjustment else self.name

    @property
    def subject(self) -> str:
        """The word by which people accept it: the adjustment, else the objective."""
        return self.adjustment or self.name


class DeclaredLimits(Model):
    """The limits of a budget as they were applied, by which the next version of them is held against this one."""

    generation: int = Field(ge=0, description="Generation of the budget's spec that had them first.")
    confidence: Confidence = Field(description="The budget's confidence.")
    changes: ChangePolicy = Field(
        "Allow", description="Whether people must sign off what loosens these limits."
    )
    approval: Approval = Field(default_factory=Approval, description="Who may, and how many of them must.")
    objectives: Annotated[list[Objective], Field(max_length=32), Keyed("name")] = Field(
        description="The budget's objectives."
    )
    adjustments: Annotated[list[Adjustment], Field(max_length=MOST_ADJUSTMENTS), Keyed("name")] = Field(
        default_factory=list, description="The budget's adjustments."
    )


class ProposedChange(Model):
    """A change that loosens limits and waits for people. Until they accept it, the limits before it count."""

    record: ObjectName = Field(description="The EfficiencyDecision that people sign.")
    digest: Digest = Field(description="Digest of that record's spec.")
    changes: Annotated[list[LimitChange], Field(max_length=MOST_CHANGES)] = Field(
        description="What would change."
    )
    since: datetime = Field(description="When it was applied.")
    signable_since: datetime | None = Field(
        None,
        description="Sign-offs made before do not count. Absent: none counts, as the API server was not seen to check "
        "who signs.",
    )
    refused: bool = Field(False, description="True once a person refused it: it waits for another change.")
