"""The status of an `EfficiencyBudget`: the release in the gate, what may serve, and what was refused.

Enough is kept here for the operator to go on after a restart at any instant; measurements are not.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api import units
from tollgate.api.adjustment import MOST_ADJUSTMENTS, AdjustmentState, LimitInForce
from tollgate.api.arms import MOST_SEGMENTS, ArmSegment
from tollgate.api.base import Keyed, Model, NameOrEmpty, Revision, Text, Word
from tollgate.api.chain import RecordRef, UnwrittenRecord
from tollgate.api.change import DeclaredLimits, ProposedChange
from tollgate.api.conditions import Condition
from tollgate.api.degradation import DegradationState
from tollgate.api.drift import DriftState
from tollgate.api.evidence import MOST_REPEATS, Judged, Number
from tollgate.api.objective import ObjectiveName, Statistic
from tollgate.api.signoff import SignedOff
from tollgate.api.verdict import Quantity, Relation, Results

Conditions = Annotated[list[Condition], Field(max_length=16), Keyed("type")]


class Stage(StrEnum):
    """Where a release is. Observing and what follows it are of a policy that is not enforced."""

    HELD = "Held"
    STARTING = "Starting"
    BENCHMARKING = "Benchmarking"
    AWAITING_SIGN_OFF = "AwaitingSignOff"
    CANARY = "Canary"
    PROMOTING = "Promoting"
    WATCHING = "Watching"
    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"
    OBSERVING = "Observing"
    OBSERVED = "Observed"
    BREACHED = "Breached"

    @property
    def ended(self) -> bool:
        """True when nothing is held and nothing more is decided for this release."""
        return self in _ENDED

    @property
    def gating(self) -> bool:
        """True while the candidate is a copy beside the target, which is latched."""
        return self in _GATING


_GATING = frozenset({Stage.HELD, Stage.STARTING, Stage.BENCHMARKING, Stage.AWAITING_SIGN_OFF, Stage.CANARY})
_ENDED = frozenset(
    {
        Stage.PROMOTED, Stage.REJECTED, Stage.ROLLED_BACK, Stage.SUPERSEDED,
        Stage.OBSERVED, Stage.BREACHED,
    }
)  # fmt: skip


class Approved(Model):
    """A revision that may serve."""

    revision: Revision = Field(description="Hash of the pod template.")
    image: Text = Field("", description="Images of the revision's containers.")
    replica_set: NameOrEmpty = Field("", description="ReplicaSet that holds it.")
    benchmark: NameOrEmpty = Field("", description="Its Benchmark.")
    decision: NameOrEmpty = Field("", description="Its EfficiencyDecision.")
    since: datetime = Field(description="When it was approved.")
    release: int = Field(0, ge=0, description="Number of the release that brought it; 0 where unknown.")


class ApprovedBaseline(Approved):
    """The revision against which many small losses are added up."""

    reason: Word = Field(
        "",
        description="Why it is this one. First: the first that was measured. Dominates: better than the one "
        "before in something, worse in nothing. SignedOff: a person accepted what got worse. MeasuredOtherwise: "
        "the one before was measured in a way that is no longer used.",
    )


class StageSpan(Model):
    """How long a release was in a stage."""

    stage: Stage = Field(description="The stage.")
    since: datetime = Field(description="When it was entered.")


class Release(Model):
    """The release in progress, or the last one."""

    number: int = Field(ge=1, description="Counts the releases of this budget.")
    revision: Revision = Field(description="Hash of the pod template.")
    image: Text = Field("", description="Images of the revision's containers.")
    stage: Stage = Field(
        description="Where the release is. Held: the Deployment is latched. Starting: the candidate's pods "
        "are awaited. Benchmarking: they are measured. AwaitingSignOff: people are asked to accept or refuse "
        "what got worse. Canary: they get traffic. Promoting: the Deployment rolls. Watching: it is judged "
        "while it serves. Promoted, Rejected, RolledBack and Superseded are ends. In the modes Observe and "
        "Warn: Observing, then Observed (within budget) or Breached."
    )
    initial: bool = Field(
        False, description="True when this is what served as the budget arrived (initial: Gate)."
    )
    since: datetime = Field(description="When the stage was entered.")
    started_at: datetime = Field(description="When the release began.")
    reason: Word = Field("", description="Why it is in this stage.")
    message: Text = Field("", description="The same as a sentence.")
    step: int = Field(0, ge=0, description="Index of the canary step.")
    share: Annotated[str, StringConstraints(max_length=16)] = Field(
        "", description="Share reached, of all ready pods."
    )
    counting_since: datetime | None = Field(
        None, description="Start of the window from which live requests are counted."
    )
    benchmark: NameOrEmpty = Field("", description="The candidate's Benchmark.")
    benchmark_objectives: Results = Field(
        default_factory=list, description="The benchmark's result for each objective."
    )
    judged: Judged | None = Field(
        None, description="How the benchmark was judged, and under which limits: its record is made from it."
    )
    live_objectives: Results = Field(
        default_factory=list,
        description="The live result for each objective, in the canary or while serving.",
    )
    segments: Annotated[list[ArmSegment], Field(max_length=MOST_SEGMENTS)] = Field(
        default_factory=list,
        description="What the canary and the stable version beside it counted, for objectives with a "
        "maxRegression: a new segment for each change of the pods that serve. The last one is under way.",
    )
    rollback_to: Approved | None = Field(
        None, description="What serves again if this release fails while serving."
    )
    approved_before: ApprovedBaseline | None = Field(
        None, description="The approved baseline that counts again if this release is rolled back."
    )
    attempt: int = Field(
        1, ge=1, description="Counts the benchmarks of this release: one without a verdict is repeated."
    )
    failures: int = Field(
        0, ge=0, description="How many of them, one after the other, measured nothing before the present one."
    )
    look: int = Field(
        1, ge=1, description="Counts those that could certify it: they share what may go wrong."
    )
    earlier: Annotated[list[NameOrEmpty], Field(max_length=MOST_REPEATS)] = Field(
        default_factory=list, description="Benchmarks before the present one to whose counts its are added."
    )
    again_at: datetime | None = Field(None, description="When it is measured again.")
    asked: Word = Field(
        "",
        description="Value of the annotation tollgate.dev/measure-again by which somebody asked for the present "
        "benchmark; empty where nobody did.",
    )
    improves: Annotated[list[ObjectiveName], Field(max_length=32)] = Field(
        default_factory=list,
        description="Objectives that last-good breaches and this candidate improves: they do not stop it.",
    )
    overrides: Annotated[list[ObjectiveName], Field(max_length=32)] = Field(
        default_factory=list,
        description="Objectives whose breach in the benchmark people signed off: they do not stop it.",
    )
    signable_since: datetime | None = Field(
        None,
        description="Sign-offs made before do not count. Absent: none counts, as the API server was not seen "
        "to check who signs.",
    )
    sign_offs: Annotated[list[SignedOff], Field(max_length=16), Keyed("uid")] = Field(
        default_factory=list, description="The sign-offs that let this release go on, or refused it."
    )
    decision: NameOrEmpty = Field("", description="The latest EfficiencyDecision of this release.")
    history: Annotated[list[StageSpan], Field(max_length=16)] = Field(
        default_factory=list, description="The stages so far and when each began."
    )

    @property
    def tolerated(self) -> frozenset[str]:
        """Names of the objectives whose breach does not stop this release."""
        return frozenset((*self.improves, *self.overrides))

    @property
    def may_be_worse(self) -> frozenset[str]:
        """Names of those in which it may be worse than what serves: let through by people, or by the policy."""
        worse = (r.name for r in self.benchmark_objectives if r.relation is Relation.WORSE)
        return self.tolerated.union(worse)


class Rejected(Model):
    """A revision that may not serve."""

    revision: Revision = Field(description="Hash of the pod template.")
    image: Text = Field("", description="Images of the revision's containers.")
    decision: NameOrEmpty = Field(description="The EfficiencyDecision that refused it.")
    at: datetime = Field(description="When it was refused.")
    reason: Text = Field("", description="Why it was refused.")
    rolled_back: bool = Field(False, description="True when it had been promoted and was rolled back.")


class Carried(Model):
    """Evidence of a breach from the windows before."""

    name: ObjectiveName = Field(description="Name of the objective.")
    statistic: Statistic | None = Field(
        None, description="The statistic that the limit is for; of latency only."
    )
    limit: Quantity = Field(description="The limit it was found against; under another limit it is void.")
    evidence: Number = Field(description="The evidence, as a factor.")


class Detector(Model):
    """What the evidence against what serves begins with in one window: `given`, and what is carried."""

    since: datetime = Field(description="Start of the window; void once servingSince is another.")
    given: Number = Field(description="Length of the window before, in days: the longer, the less is asked.")
    carried: Annotated[list[Carried], Field(max_length=32), Keyed("name")] = Field(
        default_factory=list, description="What is carried for each objective that has any."
    )


class BudgetStatus(Model):
    """What the operator knows. Enough to go on after a restart at any instant."""

    observed_generation: int = Field(0, ge=0, description="Generation of the spec that this status is for.")
    conditions: Conditions = Field(
        default_factory=list,
        description="Ready: the policy is accepted and enforced. WithinBudget: the verdict on what serves. "
        "Progressing: a release is under way. Latched: the Deployment is held at last-good.",
    )
    release: Release | None = Field(None, description="The release in progress, or the last one.")
    releases: int = Field(0, ge=0, description="How many releases this budget has seen.")
    last_good: Approved | None = Field(None, description="The approved revision.")
    approved_baseline: ApprovedBaseline | None = Field(
        None,
        description="Each release is compared with this one, too, so that many small losses show. It moves "
        "only when a release dominates it, when a person signs off what got worse, or when measuring changes.",
    )
    known_good: Annotated[list[Approved], Field(max_length=10)] = Field(
        default_factory=list, description="Revisions approved before: one of them is unlatched at once."
    )
    serving_since: datetime | None = Field(
        None, description="Start of the window from which requests to what serves are counted."
    )
    detector: Detector | None = Field(
        None,
        description="What the evidence begins with in that window. Absent, or of another window: with all, as "
        "after a promotion.",
    )
    declared: DeclaredLimits | None = Field(
        None, description="The limits as they were applied last: a change of them is put on record."
    )
    proposal: ProposedChange | None = Field(
        None, description="A change that loosens the limits, and waits for people to accept it."
    )
    adjustments: Annotated[list[AdjustmentState], Field(max_length=MOST_ADJUSTMENTS), Keyed("name")] = Field(
        default_factory=list, description="Which of the budget's adjustments are in force, and since when."
    )
    limits: Annotated[list[LimitInForce], Field(max_length=32), Keyed("objective")] = Field(
        default_factory=list,
        description="The limits in force, of a budget that has adjustments.",
    )
    degradation: DegradationState | None = Field(
        None, description="What is given up now, and what had to be lately; absent where nothing was."
    )
    drift: DriftState | None = Field(
        None, description="What the approved version did and does, of a budget that follows drift."
    )
    rejected: Annotated[list[Rejected], Field(max_length=32)] = Field(
        default_factory=list, description="Revisions that were refused, the latest last."
    )
    objectives: Results = Field(
        default_factory=list, description="Each objective as last judged on what serves."
    )
    traffic: Annotated[str, StringConstraints(pattern=units.RATE_PATTERN, max_length=32)] | None = Field(
        None, description="Load of the service, roughly, when last seen: the plan in Ready is for it."
    )
    measure_again: Word = Field(
        "",
        description="Value of the annotation tollgate.dev/measure-again that was noted last. Another one asks for a "
        "new measurement of a release that is held for want of one.",
    )
    governed_uid: Word = Field(
        "", description="UID of the governed Deployment; a new one means that it was made anew."
    )
    last_record: RecordRef | None = Field(
        None, description="The latest record that is written: the head of the target's chain of records."
    )
    oldest_record: int = Field(1, ge=1, description="Number of the oldest record that is kept.")
    unwritten: Annotated[list[UnwrittenRecord], Field(max_length=4), Keyed("name")] = Field(
        default_factory=list, description="Decisions whose record is still to be written, in order."
    )
