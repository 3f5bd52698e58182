"""`EfficiencyBudget`: the policy of one model Deployment.

Its objectives are in `api.objective`, its status in `api.release`; the names of both are offered here too.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from tollgate.api import units
from tollgate.api.adjustment import MOST_ADJUSTMENTS, AdjustedLimit, Adjustment
from tollgate.api.base import Keyed, Model, NameRef, Rule, WorkloadRef, cel, checked
from tollgate.api.change import ChangePolicy
from tollgate.api.degradation import Degradation
from tollgate.api.dimension import SHAPES
from tollgate.api.drift import Drift
from tollgate.api.objective import (
    Dimension,
    Limit,
    Objective,
    ObjectiveName,
    Per,
    Statistic,
    objective_quantity,
)
from tollgate.api.quantities import Confidence
from tollgate.api.release import Approved, BudgetStatus, Rejected, Release, Stage, StageSpan
from tollgate.api.signoff import Approval

__all__ = [
    "Approval",
    "Approved",
    "Baseline",
    "BenchmarkSpecRef",
    "BudgetSpec",
    "BudgetStatus",
    "Canary",
    "CanaryStep",
    "Confidence",
    "Dimension",
    "EfficiencyBudget",
    "Evidence",
    "Limit",
    "MetricsSpec",
    "Mode",
    "Objective",
    "ObjectiveName",
    "OnInconclusive",
    "Owner",
    "Per",
    "Records",
    "Rejected",
    "Release",
    "Rollback",
    "Stage",
    "StageSpan",
    "Statistic",
    "objective_quantity",
    "parse_budget",
]

Label = Annotated[str, StringConstraints(min_length=1, max_length=63)]
Share = Annotated[str, StringConstraints(pattern=r"^([1-9]|[1-8][0-9]|90)%$", max_length=4)]


class Owner(Model):
    """Who answers for this budget."""

    role: Label = Field(description="Role of the owner, such as Product, SRE or ML.")
    team: Label = Field(description="Name of the team.")
    contact: Annotated[str, StringConstraints(max_length=253)] | None = Field(
        None, description="How to reach the team: an address or a channel."
    )


class MetricsSpec(Model):
    """Where live measurements come from."""

    profile_ref: NameRef = Field(description="MetricProfile that says which series the server exports.")


class Baseline(StrEnum):
    """What a candidate's benchmark is compared with."""

    RECORDED = "Recorded"
    PAIRED = "Paired"
    NONE = "None"


class BenchmarkSpecRef(Model):
    """How a candidate is benchmarked before it meets users."""

    profile_ref: NameRef = Field(description="BenchmarkProfile that says how to load the model.")
    baseline: Baseline = Field(
        Baseline.RECORDED,
        description="Recorded compares with last-good's recorded benchmark of the same profile, dataset, "
        "hardware and number of pods; where one of these differs the result is inconclusive, and "
        "canary.onInconclusive decides. Paired starts pods of last-good beside the candidate's and loads both in "
        "turn with the same inputs, which takes three times as long and finds smaller differences; without a "
        "ReplicaSet of last-good it is Recorded. None compares with the limits only.",
    )


class CanaryStep(Model):
    """One share of the traffic."""

    share: Share = Field(
        description="Share of the ready pods that are the candidate's, 1% to 90%. Whole pods are moved, so "
        "the share reached is the next one above that the number of replicas allows."
    )

    @property
    def fraction(self) -> Decimal:
        """The share between 0 and 1."""
        return units.parse_percent(self.share)


class Evidence(StrEnum):
    """What a canary step waits for."""

    NO_BREACH = "NoBreach"
    CERTIFIED = "Certified"


class OnInconclusive(StrEnum):
    """What happens when the time is up and there is no verdict."""

    HOLD = "Hold"
    REJECT = "Reject"
    PROMOTE = "Promote"


class Canary(Model):
    """How a benchmarked candidate meets live traffic."""

    steps: Annotated[list[CanaryStep], Field(min_length=1, max_length=10), Keyed("share")] = Field(
        default_factory=lambda: [CanaryStep(share="10%"), CanaryStep(share="50%")],
        description="Shares of the traffic, in order. After the last one the candidate is promoted.",
    )
    traffic: Literal["Pods"] = Field(
        "Pods",
        description="Pods: candidate pods join the endpoints of the target's Services, so that both versions meet "
        "the same users.",
    )
    evidence: Evidence = Field(
        Evidence.NO_BREACH,
        description="NoBreach passes a step once a severe regression would have been caught and none was; "
        "Certified waits until every objective is proven Within.",
    )
    max_duration_seconds: int = Field(
        3600, ge=10, le=604800, description="After so many seconds without a verdict, onInconclusive decides."
    )
    on_inconclusive: OnInconclusive = Field(
        OnInconclusive.HOLD,
        description="What happens at maxDurationSeconds, or after a benchmark without a verdict. Hold keeps the share "
        "and says so, and repeats a benchmark with too few requests, twice at most; Reject refuses the candidate; "
        "Promote lets it through.",
    )


class Rollback(Model):
    """What happens when a promoted version breaches while it serves."""

    watch_seconds: int = Field(
        86400, ge=0, le=2592000, description="How long after promotion a breach rolls back by itself."
    )
    max_per_day: int = Field(3, ge=0, le=100, description="At most so many roll-backs in 24 hours.")


class Mode(StrEnum):
    """How strongly the budget acts."""

    OBSERVE = "Observe"
    WARN = "Warn"
    ENFORCE = "Enforce"


class Records(Model):
    """How long the records of decisions are kept."""

    keep: int = Field(
        100,
        ge=10,
        le=500,
        description="At least so many records of the target are kept, the newest ones. Older ones are deleted in "
        "batches, after a record of the action Checkpoint that stands for them.",
    )


_OWNERS = "each owner of an objective is the role of one of the budget's owners"
_STEPS = "each objective of a step of degradation is the name of one of the budget's"
_NOT_ITSELF = "a step of degradation scales another Deployment than the target"
_ADJUSTED = "each limit of an adjustment is one of the budget's objectives, with its max or min and its unit"


def _fitting_limits() -> Rule:
    """Limits of adjustments are written as those of their objectives."""
    spelled: dict[str, list[str]] = {}
    for dimension, shape in SHAPES.items():
        spelled.setdefault(shape.form.pattern, []).append(dimension.value)
    given = "(has(l.max) ? l.max : l.min)"
    fits = " || ".join(
        f"(o.dimension in {dimensions} && {given}.matches(r'{pattern}'))"
        for pattern, dimensions in spelled.items()
    )
    objective = f"o.name == l.objective && has(o.max) == has(l.max) && ({fits})"
    return Rule(
        "!has(self.adjustments) || self.adjustments.all(a, a.limits.all(l, "
        f"self.objectives.exists(o, {objective})))",
        f"{_ADJUSTED}: a time for a time, an amount with the same currency for an amount",
    )


class BudgetSpec(Model):
    """The policy."""

    model_config = checked(
        Rule(
            "self.objectives.all(o, !has(o.owner) || self.owners.exists(w, w.role == o.owner))",
            _OWNERS,
        ),
        _fitting_limits(),
        Rule(
            "!has(self.degradation) || self.degradation.steps.all(d, !has(d.objectives) || "
            "d.objectives.all(n, self.objectives.exists(o, o.name == n)))",
            _STEPS,
        ),
        Rule(
            "!has(self.degradation) || "
            "self.degradation.steps.all(d, !has(d.scale) || d.scale.name != self.target.name)",
            _NOT_ITSELF,
        ),
    )

    target: WorkloadRef = Field(
        description="The Deployment that is governed, in this namespace. A Deployment has one budget.",
        json_schema_extra=cel(Rule("self == oldSelf", "target is immutable: make another EfficiencyBudget")),
    )
    mode: Mode = Field(
        Mode.ENFORCE,
        description="Enforce gates releases and rolls back. Observe holds nothing: it judges what serves and "
        "writes an EfficiencyDecision of each revision, Observed (within budget) or Breached. Warn does as "
        "Observe and emits a Warning event on each breach.",
    )
    owners: Annotated[list[Owner], Field(min_length=1, max_length=16)] = Field(
        description="Who answers for the budget; at least one."
    )
    review_by: date | None = Field(
        None,
        description="Day by which the limits are to be looked at again, such as 2027-03-31: what is measured, and what "
        "users need, changes. From then on the condition ReviewDue is True.",
    )
    metrics: MetricsSpec = Field(description="Where live measurements come from.")
    confidence: Confidence = Field(
        "0.99",
        description="Each wrong verdict has at most probability 1 - confidence, however often one looks. A "
        "string from 0.80 to 0.99999; more confidence needs more requests.",
    )
    objectives: Annotated[list[Objective], Field(min_length=1, max_length=32), Keyed("name")] = Field(
        description="The limits. Each has a veto: a release passes when all are within, and a breach of one "
        "refuses it."
    )
    adjustments: Annotated[list[Adjustment], Field(max_length=MOST_ADJUSTMENTS), Keyed("name")] = Field(
        default_factory=list,
        description="Limits that differ at some times: at night, under high load, in a season. status.limits says "
        "which count, and so does each record. They do not change while a release is measured.",
    )
    benchmark: BenchmarkSpecRef = Field(description="How a candidate is measured before it meets users.")
    trade_offs: Literal["RequireSignOff", "Forbid", "Allow"] = Field(
        "RequireSignOff",
        description="What happens when a candidate is within every limit and yet worse than last-good, or "
        "than the approved baseline, in some objective by more than its margin: RequireSignOff waits until "
        "people accept that with an EfficiencySignOff, or refuse it; Forbid refuses; Allow goes on.",
    )
    changes: ChangePolicy = Field(
        "Allow",
        description="What happens when limits are loosened in this object, or confidence, this field or approval: "
        "Allow lets the change count, and puts it on record; RequireSignOff keeps the limits as they are until people "
        "accept the change with an EfficiencySignOff.",
    )
    approval: Approval = Field(
        default_factory=Approval, description="Who may sign off, and how many of them must."
    )
    canary: Canary = Field(
        default_factory=Canary, description="How a benchmarked candidate meets live traffic."
    )
    rollback: Rollback = Field(
        default_factory=Rollback, description="What happens on a breach while serving."
    )
    degradation: Degradation | None = Field(
        None,
        description="What is given up, step by step and reversibly, when what serves breaches a limit: an earlier "
        "exit, a smaller model beside it. Before a roll-back, and also when no release is to blame. Mode Enforce only.",
    )
    drift: Drift | None = Field(
        None,
        description="Says when what serves has become another than it was when it was approved, at the same load and "
        "with the same sort of input, be it within its limits or not. Mode Enforce only.",
    )
    records: Records = Field(
        default_factory=Records, description="How long the records of decisions are kept."
    )
    initial: Literal["Adopt", "Gate"] = Field(
        "Adopt",
        description="Adopt takes what serves when the budget arrives as last-good; Gate measures it first.",
    )
    on_delete: Literal["Resume", "Hold"] = Field(
        "Resume",
        description="What becomes of the Deployment when this budget is deleted or observes only: Resume "
        "lets it roll out its template; Hold leaves it as it is.",
    )

    @model_validator(mode="after")
    def _owned(self) -> BudgetSpec:
        roles = {owner.role for owner in self.owners}
        if strange := [o.owner for o in self.objectives if o.owner and o.owner not in roles]:
            raise ValueError(f"{_OWNERS} ({', '.join(sorted(roles))}), not {strange[0]!r}")
        return self

    @model_validator(mode="after")
    def _degrades_what_it_has(self) -> BudgetSpec:
        for step in self.degradation.steps if self.degradation else ():
            if strange := [name for name in step.objectives if self.objective(name) is None]:
                known = ", ".join(o.name for o in self.objectives)
                raise ValueError(f"{_STEPS} ({known}), not {strange[0]!r} (step {step.name})")
            if step.scale is not None and step.scale.name == self.target.name:
                raise ValueError(f"{_NOT_ITSELF} (step {step.name})")
        return self

    @model_validator(mode="after")
    def _adjusts_what_it_has(self) -> BudgetSpec:
        for adjustment in self.adjustments:
            for limit in adjustment.limits:
                objective = self.objective(limit.objective)
                if objective is None or (objective.max is None) != (limit.max is None):
                    known = ", ".join(
                        f"{o.name} {'max' if o.max else 'min'} {o.limit}" for o in self.objectives
                    )
                    raise ValueError(f"adjustment {adjustment.name}, {limit.objective}: {_ADJUSTED}: {known}")
                try:
                    adjusted(objective, limit)
                except ValueError as error:
                    first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
                    why = first.removeprefix("Value error, ")
                    raise ValueError(f"adjustment {adjustment.name}, {limit.objective}: {why}") from None
        return self

    @property
    def alpha(self) -> float:
        """Probability of a wrong verdict that the budget tolerates."""
        return float(1 - Decimal(self.confidence))

    def objective(self, name: str) -> Objective | None:
        """The objective of that name."""
        return next((o for o in self.objectives if o.name == name), None)


def adjusted(objective: Objective, limit: AdjustedLimit) -> Objective:
    """The objective with that limit instead of its own; ValueError where it is none for it."""
    other = Objective.model_validate({**objective.dump(), **limit.model_dump(include={"max", "min"})})
    if other.unit != objective.unit:
        raise ValueError(
            f"write it in the unit of the objective's own limit {objective.limit}, not {other.limit!r}"
        )
    return other


class EfficiencyBudget(Model):
    """The efficiency that a model Deployment must keep, checked before, during and after each release."""

    spec: BudgetSpec = Field(description="The policy.")
    status: BudgetStatus = Field(default_factory=BudgetStatus, description="What the operator knows.")


def parse_budget(raw: dict[str, Any]) -> EfficiencyBudget:
    """A budget from the API server's JSON; pydantic.ValidationError says which field is wrong."""
    return EfficiencyBudget.model_validate(raw)
