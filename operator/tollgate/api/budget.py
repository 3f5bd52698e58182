"""`EfficiencyBudget`: the policy of one model Deployment, and all that is remembered of its releases."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Model, NameRef, Text, WorkloadRef, rules
from tollgate.api.conditions import Condition
from tollgate.api.verdict import ObjectiveResult, Quantity

ObjectiveName = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
Limit = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Confidence = Annotated[str, StringConstraints(pattern=r"^0\.(8[0-9]|9[0-9])[0-9]{0,3}$", max_length=6)]


class Dimension(StrEnum):
    """What can be limited in this version."""

    LATENCY = "Latency"
    ERROR_RATE = "ErrorRate"
    COST = "Cost"
    QUALITY = "Quality"
    THROUGHPUT = "Throughput"


class Statistic(StrEnum):
    """How a latency distribution is summarised."""

    MEAN = "Mean"
    P50 = "P50"
    P90 = "P90"
    P95 = "P95"
    P99 = "P99"
    P999 = "P999"

    @property
    def tail(self) -> Decimal | None:
        """The share of requests allowed over the limit (P99 -> 0.01); None for the mean."""
        return None if self is Statistic.MEAN else 1 - Decimal("0." + self.value[1:])


class CostPer(StrEnum):
    """What a cost is divided by."""

    REQUEST = "Request"
    THOUSAND_REQUESTS = "1kRequests"

    @property
    def requests(self) -> int:
        """How many requests the unit stands for."""
        return 1 if self is CostPer.REQUEST else 1000


_SHAPES: dict[Dimension, tuple[str, tuple[str, ...], str, str]] = {
    # dimension: (which limit, other fields required, pattern of the limit, how to write it)
    Dimension.LATENCY: ("max", ("statistic",), units.DURATION_PATTERN, "a duration such as 250ms or 1.5s"),
    Dimension.ERROR_RATE: ("max", (), units.PERCENT_PATTERN, "a percentage such as 0.5%"),
    Dimension.COST: ("max", ("per",), units.MONEY_PATTERN, "an amount with its currency such as 0.40USD"),
    Dimension.QUALITY: (
        "min",
        ("metric",),
        units.FRACTION_PATTERN,
        "a fraction between 0 and 1 such as 0.95",
    ),
    Dimension.THROUGHPUT: ("min", (), units.RATE_PATTERN, "a rate such as 30req/s"),
}
_OPTIONAL = ("statistic", "per", "metric", "max", "min")


def _objective_rules() -> list[tuple[str, str]]:
    """The CEL of `_SHAPES`, so that the API server and this module can not disagree."""
    pairs = []
    for dimension, (bound, needed, pattern, example) in _SHAPES.items():
        allowed = {bound, *needed}
        has = " && ".join(f"has(self.{field})" for field in (bound, *needed))
        lacks = " && ".join(f"!has(self.{field})" for field in _OPTIONAL if field not in allowed)
        others = " and ".join((bound, *needed))
        pairs.append(
            (f"self.dimension != '{dimension}' || ({has} && {lacks})", f"{dimension} takes exactly {others}")
        )
        escaped = pattern.replace("\\", "\\\\")
        pairs.append(
            (
                f"self.dimension != '{dimension}' || !has(self.{bound}) || self.{bound}.matches('{escaped}')",
                f"{dimension}: write {bound} as {example}",
            )
        )
    return pairs


class Objective(Model):
    """One limit. It has a veto: nothing outweighs it."""

    model_config = rules(*_objective_rules())

    name: ObjectiveName = Field(description="Short name of the objective, unique in the budget.")
    dimension: Dimension = Field(
        description="What is limited: Latency, ErrorRate, Cost, Quality or Throughput."
    )
    statistic: Statistic | None = Field(None, description="Latency only: Mean, P50, P90, P95, P99 or P999.")
    per: CostPer | None = Field(None, description="Cost only: Request or 1kRequests.")
    metric: Literal["Accuracy"] | None = Field(
        None, description="Quality only: Accuracy, the share of the benchmark's answers that are as expected."
    )
    max: Limit | None = Field(None, description="Upper limit with its unit: 250ms, 0.40USD, 0.5%.")
    min: Limit | None = Field(None, description="Lower limit with its unit: 0.95, 30req/s.")
    max_regression: Annotated[str, StringConstraints(pattern=units.PERCENT_PATTERN, max_length=16)] | None = (
        Field(
            None,
            description="How much worse than last-good still counts as equal, relative to its value. Default 5%.",
        )
    )

    @model_validator(mode="after")
    def _shape(self) -> Objective:
        bound, needed, pattern, example = _SHAPES[self.dimension]
        import re

        given = {field for field in _OPTIONAL if getattr(self, field) is not None}
        if given != {bound, *needed}:
            raise ValueError(f"{self.dimension} takes exactly {' and '.join((bound, *needed))}")
        if not re.fullmatch(pattern, getattr(self, bound)):
            raise ValueError(f"{self.dimension}: write {bound} as {example}, not {getattr(self, bound)!r}")
        return self

    @property
    def limit(self) -> str:
        """The limit as written."""
        return self.max or self.min or ""

    @property
    def margin(self) -> Decimal:
        """The regression that still counts as equal, as a fraction."""
        return units.parse_percent(self.max_regression or "5%")


class Owner(Model):
    """Who answers for this budget."""

    role: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        description="Role of the owner, such as Product, SRE or ML."
    )
    team: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        description="Name of the team."
    )
    contact: Annotated[str, StringConstraints(max_length=253)] | None = Field(
        None, description="How to reach the team: an address or a channel."
    )


class MetricsSpec(Model):
    """Where live measurements come from."""

    profile_ref: NameRef = Field(description="MetricProfile that says which series the server exports.")


class Baseline(StrEnum):
    """What a candidate's benchmark is compared with."""

    RECORDED = "Recorded"
    NONE = "None"


class BenchmarkSpecRef(Model):
    """How a candidate is benchmarked before it meets users."""

    profile_ref: NameRef = Field(description="BenchmarkProfile that says how to load the model.")
    baseline: Baseline = Field(
        Baseline.RECORDED,
        description="Recorded compares with last-good's recorded benchmark of the same profile and dataset; "
        "None compares with the limits only.",
    )


SharePattern = r"^([1-9]|[1-8][0-9]|90)%$"


class CanaryStep(Model):
    """One share of the traffic."""

    share: Annotated[str, StringConstraints(pattern=SharePattern, max_length=4)] = Field(
        description="Share of the ready pods that are the candidate's, 1% to 90%. Whole pods are moved, so the "
        "share reached is the next one above that the number of replicas allows."
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

    model_config = rules(
        (
            "self.steps.size() < 2 || self.steps.all(a, self.steps.exists_one(b, a.share == b.share))",
            "each step needs a share of its own",
        )
    )

    steps: Annotated[list[CanaryStep], Field(min_length=1, max_length=10)] = Field(
        default_factory=lambda: [CanaryStep(share="10%"), CanaryStep(share="50%")],
        description="Shares of the traffic, in order.",
    )
    traffic: Literal["Pods"] = Field(
        "Pods", description="Pods: candidate pods join the endpoints of the target's Services."
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
        description="Hold keeps the share and says so; Reject refuses the candidate; Promote lets it through.",
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


class BudgetSpec(Model):
    """The policy."""

    model_config = rules(
        (
            "self.objectives.all(a, self.objectives.exists_one(b, a.name == b.name))",
            "each objective needs a name of its own",
        ),
        ("self.target == oldSelf.target", "target is immutable: make another EfficiencyBudget"),
    )

    target: WorkloadRef = Field(description="The Deployment that is governed, in this namespace.")
    mode: Mode = Field(
        Mode.ENFORCE,
        description="Enforce gates releases and rolls back; Observe judges what serves and records; "
        "Warn does as Observe and emits a Warning event on each breach.",
    )
    owners: Annotated[list[Owner], Field(min_length=1, max_length=16)] = Field(
        description="Who answers for the budget; at least one."
    )
    metrics: MetricsSpec = Field(description="Where live measurements come from.")
    confidence: Confidence = Field(
        "0.99", description="Each wrong verdict has at most probability 1 - confidence. 0.80 to 0.99999."
    )
    objectives: Annotated[list[Objective], Field(min_length=1, max_length=32)] = Field(
        description="The limits. Each has a veto."
    )
    benchmark: BenchmarkSpecRef = Field(description="How a candidate is measured before it meets users.")
    trade_offs: Literal["RequireSignOff", "Forbid", "Allow"] = Field(
        "RequireSignOff",
        description="When one objective got worse than last-good and another better, though all are within their "
        "limits: Allow goes on, Forbid refuses. RequireSignOff refuses too, as signing off is not "
        "available in this version.",
    )
    canary: Canary = Field(
        default_factory=Canary, description="How a benchmarked candidate meets live traffic."
    )
    rollback: Rollback = Field(
        default_factory=Rollback, description="What happens on a breach while serving."
    )
    initial: Literal["Adopt", "Gate"] = Field(
        "Adopt",
        description="Adopt takes what serves when the budget arrives as last-good; Gate measures it first.",
    )
    on_delete: Literal["Resume", "Hold"] = Field(
        "Resume",
        description="What the Deployment becomes when this budget is deleted or observes only: Resume lets it roll "
        "out its template; Hold leaves it as it is.",
    )

    @model_validator(mode="after")
    def _unique_names(self) -> BudgetSpec:
        names = [o.name for o in self.objectives]
        if len(set(names)) != len(names):
            raise ValueError("each objective needs a name of its own")
        return self

    @property
    def alpha(self) -> float:
        """Probability of a wrong verdict that the budget tolerates."""
        return float(1 - Decimal(self.confidence))

    def objective(self, name: str) -> Objective | None:
        """The objective of that name."""
        return next((o for o in self.objectives if o.name == name), None)


class Stage(StrEnum):
    """Where a release is. The last four are ends."""

    HELD = "Held"
    STARTING = "Starting"
    BENCHMARKING = "Benchmarking"
    CANARY = "Canary"
    PROMOTING = "Promoting"
    WATCHING = "Watching"
    PROMOTED = "Promoted"
    REJECTED = "Rejected"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"

    @property
    def ended(self) -> bool:
        """True when nothing more happens in this release."""
        return self in _ENDED

    @property
    def gating(self) -> bool:
        """True while the candidate is a copy beside the target, which is latched."""
        return self in (Stage.HELD, Stage.STARTING, Stage.BENCHMARKING, Stage.CANARY)


_ENDED = frozenset({Stage.PROMOTED, Stage.REJECTED, Stage.ROLLED_BACK, Stage.SUPERSEDED})


class Approved(Model):
    """A revision that may serve."""

    revision: Annotated[str, StringConstraints(max_length=63)] = Field(
        description="Hash of the pod template."
    )
    image: Text = Field("", description="Images of the revision's containers.")
    replica_set: Annotated[str, StringConstraints(max_length=253)] = Field(
        "", description="ReplicaSet that holds it."
    )
    benchmark: Annotated[str, StringConstraints(max_length=253)] = Field("", description="Its Benchmark.")
    decision: Annotated[str, StringConstraints(max_length=253)] = Field(
        "", description="Its EfficiencyDecision."
    )
    since: datetime = Field(description="When it was approved.")


class StageSpan(Model):
    """How long a release was in a stage."""

    stage: Stage = Field(description="The stage.")
    since: datetime = Field(description="When it was entered.")


class Release(Model):
    """The release in progress, or the last one."""

    number: int = Field(ge=1, description="Counts the releases of this budget.")
    revision: Annotated[str, StringConstraints(max_length=63)] = Field(
        description="Hash of the pod template."
    )
    image: Text = Field("", description="Images of the revision's containers.")
    stage: Stage = Field(description="Where the release is.")
    initial: bool = Field(
        False, description="True when this is what served as the budget arrived (initial: Gate)."
    )
    since: datetime = Field(description="When the stage was entered.")
    started_at: datetime = Field(description="When the release began.")
    reason: Annotated[str, StringConstraints(max_length=64)] = Field(
        "", description="Why it is in this stage."
    )
    message: Text = Field("", description="The same as a sentence.")
    step: int = Field(0, ge=0, description="Index of the canary step.")
    share: Annotated[str, StringConstraints(max_length=16)] = Field(
        "", description="Share reached, of all ready pods."
    )
    counting_since: datetime | None = Field(
        None, description="Start of the window from which live requests are counted."
    )
    benchmark: Annotated[str, StringConstraints(max_length=253)] = Field(
        "", description="The candidate's Benchmark."
    )
    benchmark_objectives: Annotated[list[ObjectiveResult], Field(max_length=32)] = Field(
        default_factory=list, description="The benchmark's result for each objective."
    )
    live_objectives: Annotated[list[ObjectiveResult], Field(max_length=32)] = Field(
        default_factory=list,
        description="The live result for each objective, in the canary or while serving.",
    )
    rollback_to: Approved | None = Field(
        None, description="What serves again if this release fails while serving."
    )
    attempt: int = Field(1, ge=1, description="Counts the benchmarks of this release: a failed one is repeated.")
    improves: Annotated[list[ObjectiveName], Field(max_length=32)] = Field(
        default_factory=list,
        description="Objectives that last-good breaches and this candidate improves: they do not stop it.",
    )
    decision: Annotated[str, StringConstraints(max_length=253)] = Field(
        "", description="The latest EfficiencyDecision of this release."
    )
    history: Annotated[list[StageSpan], Field(max_length=16)] = Field(
        default_factory=list, description="The stages so far and when each began."
    )


class Rejected(Model):
    """A revision that may not serve."""

    revision: Annotated[str, StringConstraints(max_length=63)] = Field(
        description="Hash of the pod template."
    )
    image: Text = Field("", description="Images of the revision's containers.")
    decision: Annotated[str, StringConstraints(max_length=253)] = Field(
        description="The EfficiencyDecision that refused it."
    )
    at: datetime = Field(description="When it was refused.")
    reason: Text = Field("", description="Why it was refused.")
    rolled_back: bool = Field(False, description="True when it had been promoted and was rolled back.")


class BudgetStatus(Model):
    """What the operator knows. Enough to go on after a restart at any instant."""

    observed_generation: int = Field(0, ge=0, description="Generation of the spec that this status is for.")
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(
        default_factory=list,
        description="Ready: the policy is accepted and enforced. WithinBudget: the verdict on what serves. "
        "Progressing: a release is under way. Latched: the Deployment is held at last-good.",
    )
    release: Release | None = Field(None, description="The release in progress, or the last one.")
    releases: int = Field(0, ge=0, description="How many releases this budget has seen.")
    last_good: Approved | None = Field(None, description="The approved revision.")
    known_good: Annotated[list[Approved], Field(max_length=10)] = Field(
        default_factory=list, description="Revisions approved before: one of them is unlatched at once."
    )
    serving_since: datetime | None = Field(
        None, description="Start of the window from which requests to what serves are counted."
    )
    rejected: Annotated[list[Rejected], Field(max_length=32)] = Field(
        default_factory=list, description="Revisions that were refused, the latest last."
    )
    objectives: Annotated[list[ObjectiveResult], Field(max_length=32)] = Field(
        default_factory=list, description="Each objective as last judged on what serves."
    )
    governed_uid: Annotated[str, StringConstraints(max_length=64)] = Field(
        "", description="UID of the governed Deployment; a new one means that it was made anew."
    )


class EfficiencyBudget(Model):
    """The efficiency that a model Deployment must keep, checked before, during and after each release."""

    model_config = ConfigDict(title="EfficiencyBudget")

    spec: BudgetSpec = Field(description="The policy.")
    status: BudgetStatus = Field(default_factory=BudgetStatus, description="What the operator knows.")


def objective_quantity(objective: Objective) -> Quantity:
    """How the limit reads in a sentence: `p99 <= 250ms`."""
    what = objective.statistic.value.lower() if objective.statistic else objective.dimension.value
    return f"{what} {'<=' if objective.max else '>='} {objective.limit}"


def parse_budget(raw: dict[str, Any]) -> EfficiencyBudget:
    """A budget from the API server's JSON; pydantic.ValidationError says which field is wrong."""
    return EfficiencyBudget.model_validate(raw)
