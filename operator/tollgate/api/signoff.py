"""`EfficiencySignOff`: a person's answer to a candidate that is worse than last-good in some objective.

It is bound to one record by that record's digest, so it never serves for another measurement. Who may write one under
which name is checked by the API server (`manifests.approver`), not here.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from tollgate.api.base import Distinct, Model, NameRef, ObjectName, Rule, Word, checked
from tollgate.api.canonical import Digest
from tollgate.api.objective import ObjectiveName

UserName = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Justification = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"\S")]
Accepts = Annotated[list[ObjectiveName], Field(max_length=32), Distinct()]
ApproverName = Annotated[str, StringConstraints(min_length=1, max_length=259, pattern=r"\S")]

GROUP_PREFIX = "group:"
_TOO_FEW = "required is more than the people in approvers: name more, or a group"
_NEEDS_OBJECTIVES = "Accept names in accepts each objective whose worsening is accepted"
_NEEDS_NONE = "Refuse accepts nothing: leave accepts out"


class Approval(Model):
    """Who may sign off a candidate that is worse than last-good, and how many of them must."""

    model_config = checked(
        Rule(
            f"!has(self.approvers) || self.approvers.size() == 0 || "
            f"self.approvers.exists(a, a.startsWith('{GROUP_PREFIX}')) || self.required <= self.approvers.size()",
            _TOO_FEW,
        )
    )

    approvers: Annotated[list[ApproverName], Field(max_length=32), Distinct()] = Field(
        default_factory=list,
        description=f"User names, and groups written as {GROUP_PREFIX}NAME. Empty: whoever has the RBAC verb approve "
        "on this budget. That verb is always needed.",
    )
    required: int = Field(1, ge=1, le=16, description="So many different people must accept.")
    may_override_breach: bool = Field(
        False,
        description="True lets people release a candidate whose benchmark breaches a limit, as in an emergency. "
        "That objective then does not stop the release, and does not roll it back; the record says so.",
    )
    timeout_seconds: int | None = Field(
        None,
        ge=10,
        le=2592000,
        description="After so many seconds without the sign-offs the candidate is rejected. Default: it waits.",
    )

    @model_validator(mode="after")
    def _can_be_reached(self) -> Approval:
        people = bool(self.approvers) and not any(a.startswith(GROUP_PREFIX) for a in self.approvers)
        if people and self.required > len(self.approvers):
            raise ValueError(_TOO_FEW)
        return self


class SignOffVerdict(StrEnum):
    """What a person says."""

    ACCEPT = "Accept"
    REFUSE = "Refuse"


class SignedDecision(Model):
    """The record that is signed."""

    name: ObjectName = Field(
        description="Name of the EfficiencyDecision with the action AwaitingSignOff, in this namespace."
    )
    digest: Digest = Field(
        description="Digest of that record's spec, as the budget's condition and tollgate approve give it: "
        "another measurement has another one."
    )


class Approver(Model):
    """The person who signs."""

    username: UserName = Field(
        description="User name, as `kubectl auth whoami` gives it; the API server takes no other."
    )
    groups: Annotated[list[UserName], Field(max_length=16), Distinct()] = Field(
        default_factory=list,
        description="Groups by which the person may sign, where spec.approval.approvers of the budget names "
        "groups. The API server takes only groups that the person is in.",
    )


class SignOffSpec(Model):
    """Who says what about which record."""

    model_config = checked(
        Rule("self == oldSelf", "a sign-off never changes: make another one"),
        Rule("self.verdict != 'Accept' || (has(self.accepts) && self.accepts.size() > 0)", _NEEDS_OBJECTIVES),
        Rule("self.verdict != 'Refuse' || !has(self.accepts) || self.accepts.size() == 0", _NEEDS_NONE),
    )

    budget: NameRef = Field(description="The EfficiencyBudget that waits, in this namespace.")
    decision: SignedDecision = Field(description="The record that is signed.")
    verdict: SignOffVerdict = Field(
        description="Accept lets the candidate go on to the canary, once enough people accept. Refuse by one "
        "approver rejects it."
    )
    approver: Approver = Field(description="The person who signs.")
    justification: Justification = Field(description="Why; it goes on record.")
    accepts: Accepts = Field(
        default_factory=list,
        description="Names of the objectives whose worsening is accepted. All that got worse must be among "
        "them, else the sign-off does not count.",
    )
    expires_at: AwareDatetime | None = Field(
        None, description="From then on the sign-off does not count, if it has not taken effect before."
    )

    @model_validator(mode="after")
    def _says_what_is_accepted(self) -> SignOffSpec:
        if self.verdict is SignOffVerdict.ACCEPT and not self.accepts:
            raise ValueError(_NEEDS_OBJECTIVES)
        if self.verdict is SignOffVerdict.REFUSE and self.accepts:
            raise ValueError(_NEEDS_NONE)
        return self


class EfficiencySignOff(Model):
    """A named person accepts or refuses that a candidate is worse than last-good in some objective."""

    spec: SignOffSpec = Field(description="Who says what about which record.")


class SignedOff(Model):
    """A sign-off that took effect, as the release and its records keep it."""

    name: ObjectName = Field(description="Name of the EfficiencySignOff.")
    uid: Word = Field(description="UID of the EfficiencySignOff.")
    username: UserName = Field(description="The person who signed.")
    verdict: SignOffVerdict = Field(description="Accept or Refuse.")
    accepts: Accepts = Field(
        default_factory=list, description="Objectives whose worsening the person accepted."
    )
    justification: Justification = Field(description="Why.")
    at: datetime = Field(description="When it was signed.")
    digest: Digest = Field(description="Digest of the record that was signed.")
