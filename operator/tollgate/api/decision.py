"""`EfficiencyDecision`: the immutable record of one decision, kept when its budget is gone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.adjustment import MOST_ADJUSTMENTS, AdjustmentName
from tollgate.api.base import Model, NameOrEmpty, ObjectName, Revision, Rule, Text, Word, checked
from tollgate.api.budget import BudgetSpec
from tollgate.api.chain import Checkpoint, PreviousRecord, Sequence
from tollgate.api.change import MOST_CHANGES, LimitChange
from tollgate.api.degradation import MOST_STEPS, StepChange, StepName
from tollgate.api.evidence import BenchmarkEvidence, LiveEvidence
from tollgate.api.release import Release, StageSpan
from tollgate.api.signoff import SignedOff
from tollgate.api.verdict import Results

UserName = Annotated[str, StringConstraints(max_length=253)]


class Action(StrEnum):
    """What was decided about a revision."""

    ADOPTED = "Adopted"
    AWAITING_SIGN_OFF = "AwaitingSignOff"
    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"
    OBSERVED = "Observed"
    BREACHED = "Breached"
    DEGRADED = "Degraded"
    RESTORED = "Restored"
    CHANGE_PROPOSED = "BudgetChangeProposed"
    BUDGET_CHANGED = "BudgetChanged"
    CHECKPOINT = "Checkpoint"


class ObjectIdentity(Model):
    """An object as it was: its name and UID."""

    name: ObjectName = Field(description="Name of the object.")
    uid: Word = Field(description="UID of the object.")


class DecisionSpec(Model):
    """The decision and its evidence."""

    model_config = checked(Rule("self == oldSelf", "a decision is a record: it never changes"))

    action: Action = Field(
        description="Adopted, Promoted, Rejected, RolledBack or Superseded; AwaitingSignOff, which is what "
        "people sign; in the modes Observe and Warn Observed (within budget) or Breached. Degraded and "
        "Restored are steps of degradation that were taken and undone. BudgetChanged is a change of limits, "
        "BudgetChangeProposed one that people are asked to accept. Checkpoint stands for older records of the target, "
        "which were deleted."
    )
    sequence: Sequence = Field(description="Number of the record in the chain of its target, from 1 on.")
    previous: PreviousRecord | None = Field(
        None, description="The record before in that chain; the first has none."
    )
    checkpoint: Checkpoint | None = Field(
        None, description="Of a Checkpoint: the newest of the records that it stands for."
    )
    reason: Word = Field(description="Why, as one CamelCase word.")
    message: Text = Field("", description="Why, as a sentence.")
    budget: ObjectIdentity = Field(description="The EfficiencyBudget.")
    budget_generation: int = Field(ge=0, description="Generation of the budget's spec that was in force.")
    target: ObjectIdentity = Field(description="The governed Deployment.")
    release: int = Field(0, ge=0, description="Number of the release; 0 where none is concerned.")
    revision: Revision = Field("", description="Hash of the pod template decided on.")
    image: Text = Field("", description="Images of the revision's containers.")
    last_good: Revision = Field("", description="Revision that was last-good.")
    serving: Revision = Field("", description="Revision that serves because of this decision.")
    stage: Word = Field("", description="Stage in which it was decided.")
    decided_at: datetime = Field(description="When it was decided.")
    started_at: datetime | None = Field(None, description="When the release began.")
    stages: Annotated[list[StageSpan], Field(max_length=16)] = Field(
        default_factory=list, description="The stages of the release and when each began."
    )
    policy: BudgetSpec = Field(description="The budget's spec that was in force, with its limits.")
    changes: Annotated[list[LimitChange], Field(max_length=MOST_CHANGES)] = Field(
        default_factory=list, description="Of BudgetChanged: the limits that are not what they were."
    )
    adjustments: Annotated[list[AdjustmentName], Field(max_length=MOST_ADJUSTMENTS)] = Field(
        default_factory=list,
        description="The adjustments in force: the objectives of policy have their limits.",
    )
    step: StepChange | None = Field(
        None, description="Of Degraded and Restored: what the step set, or gave back."
    )
    degraded: Annotated[list[StepName], Field(max_length=MOST_STEPS)] = Field(
        default_factory=list, description="The steps of degradation in force before this decision."
    )
    benchmark: NameOrEmpty = Field("", description="The candidate's Benchmark.")
    benchmark_objectives: Results = Field(
        default_factory=list, description="The benchmark's result for each objective."
    )
    benchmark_evidence: BenchmarkEvidence | None = Field(
        None, description="What the benchmark's results rest on, where the decision does."
    )
    live_objectives: Results = Field(default_factory=list, description="The live result for each objective.")
    approver_checked: bool | None = Field(
        None,
        description="Where people are asked to sign: whether the API server was seen to refuse a sign-off in "
        "another person's name. While it is not, none counts.",
    )
    live_evidence: LiveEvidence | None = Field(
        None, description="What the live results rest on, where the decision does."
    )
    state: Release | None = Field(
        None, description="The release as it was before, without its results, its sign-offs and its history."
    )
    omitted: Text = Field("", description="Why the evidence is not in the record, where it ought to be.")
    sign_offs: Annotated[list[SignedOff], Field(max_length=16)] = Field(
        default_factory=list, description="The sign-offs that let the release go on, or refused it."
    )
    actor: UserName = Field(
        "", description="Who decided: the operator's user name at the API server, where that is known."
    )
    operator: Word = Field("", description="Version of the operator that decided.")


class EfficiencyDecision(Model):
    """The immutable record of one decision about one release."""

    spec: DecisionSpec = Field(description="The decision and its evidence.")
