"""Whether a budget can be enforced: one chain of checks, each giving a reason and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tollgate.api.adjustment import AdjustmentState
from tollgate.api.budget import BudgetSpec, Dimension
from tollgate.api.facts import EnergyTerms
from tollgate.api.metric_profile import MetricProfileSpec, Scope
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.decide import planning
from tollgate.decide.adjusting import in_force
from tollgate.decide.meters import meter_problems
from tollgate.decide.plan import plan
from tollgate.decide.plan_text import canary_message
from tollgate.decide.signing import UNCHECKED_APPROVER
from tollgate.decide.snapshot import Problem, Target
from tollgate.measure.cost import OpenCost, PriceTable


@dataclass(frozen=True)
class Policy:
    """What a budget refers to, as far as it was found."""

    spec: BudgetSpec
    target: Target | None
    rival: str  # an older budget of the same target
    benchmark: BenchmarkProfileSpec | None
    metrics: MetricProfileSpec | None
    prices: PriceTable | OpenCost | None
    energy: EnergyTerms = field(default_factory=EnergyTerms)
    edges: Mapping[Dimension, Sequence[float]] = field(default_factory=dict)  # of histograms, in seconds
    approver_unchecked: bool = False
    traffic: float | None = None  # requests per second to the whole service, where it is known


def problems(policy: Policy) -> tuple[Problem, ...]:
    """Everything that keeps the policy from being enforced, the gravest first."""
    spec = policy.spec
    found: list[Problem] = []
    if policy.rival:
        found.append(
            Problem(
                "TargetConflict",
                f"Deployment {spec.target.name} is already governed by the older EfficiencyBudget {policy.rival}, "
                "which stays in force: put all objectives into one budget and delete this one.",
            )
        )
    if policy.target is None:
        found.append(
            Problem(
                "TargetNotFound", f"there is no Deployment {spec.target.name} in this namespace: create it."
            )
        )
    elif policy.target.pause_owner:
        found.append(
            Problem(
                "PausedIsManaged",
                f"field manager {policy.target.pause_owner} owns spec.paused of the Deployment: remove the field "
                "from the manifest, as releases are held by it.",
            )
        )
    if policy.benchmark is None:
        name = spec.benchmark.profile_ref.name
        found.append(
            Problem(
                "BenchmarkProfileNotFound",
                f"there is no BenchmarkProfile {name}: create it, or see kubectl get benchmarkprofiles.",
            )
        )
    if policy.metrics is None:
        name = spec.metrics.profile_ref.name
        found.append(
            Problem(
                "MetricProfileNotFound",
                f"there is no MetricProfile {name}: create it, or see kubectl get metricprofiles.",
            )
        )
    if policy.prices is None and any(o.dimension is Dimension.COST for o in spec.objectives):
        found.append(
            Problem(
                "PricesMissing",
                "a Cost objective needs prices: set prices in the operator's configuration (helm value prices).",
            )
        )
    found += _priced_in_another_currency(policy)
    if policy.benchmark is not None:
        checks = planning.benchmark_problems(
            spec.objectives, policy.benchmark, confidence=float(spec.confidence)
        )
        checks += planning.pairing_problems(spec.objectives, spec.benchmark, policy.benchmark)
        checks += planning.search_problems(policy.benchmark)
        found += [Problem(p.reason, p.message) for p in checks]
    if policy.metrics is not None:
        checks = planning.live_problems(spec.objectives, policy.metrics)
        checks += meter_problems(spec.objectives, policy.metrics, policy.energy)
        found += [Problem(p.reason, p.message) for p in checks]
    if policy.edges:
        # Known only once the server is scraped: by then releases may be under way, and the objective stops them.
        checks = planning.resolution_problems(spec.objectives, policy.edges)
        found += [Problem(p.reason, p.message, freezes=False) for p in checks]
    return tuple(found)


def problems_of_adjustments(policy: Policy, declared: BudgetSpec) -> tuple[Problem, ...]:
    """What would keep the policy from being enforced once an adjustment is in force. It stops nothing before."""
    known = problems(policy)
    found = []
    for adjustment in declared.adjustments:
        alone = AdjustmentState(name=adjustment.name, in_force=True, since=datetime.min)
        later = problems(replace(policy, spec=in_force(declared, [alone])))
        found += [
            Problem(one.reason, f"Adjustment {adjustment.name}: {one.message}", freezes=False)
            for one in later
            if one not in known
        ]
    return tuple(found)


def _priced_in_another_currency(policy: Policy) -> list[Problem]:
    if policy.prices is None:
        return []
    currency = policy.prices.currency
    return [
        Problem(
            "CurrencyMismatch",
            f"objective {o.name} is in {o.limit[-3:]}, but the operator's prices are in {currency}: "
            f"write the limit in {currency}.",
        )
        for o in policy.spec.objectives
        if o.dimension is Dimension.COST and not o.limit.endswith(currency)
    ]


def hints(policy: Policy) -> tuple[str, ...]:
    """What a user would want to know although it stops nothing."""
    said = []
    if policy.target is not None and policy.target.history_limit < 1:
        said.append(
            "revisionHistoryLimit of the Deployment is 0: no roll-back is possible; set it to 1 or more."
        )
    if policy.approver_unchecked:
        said.append(f"Sign-offs would not count: {UNCHECKED_APPROVER}.")
    if policy.metrics is not None and policy.metrics.scope is Scope.SERVICE:
        said.append(
            "The MetricProfile has the series of a whole Service, in which a canary cannot be told apart: at its "
            f"maxDurationSeconds canary.onInconclusive decides, {policy.spec.canary.on_inconclusive}."
        )
    metrics = policy.metrics
    made = plan(
        policy.spec,
        rate=policy.traffic,
        scrape_seconds=metrics.scrape_interval_seconds if metrics else 0,
        timed=metrics.timed if metrics else (),
    )
    said.append(canary_message(made))
    return tuple(said)
