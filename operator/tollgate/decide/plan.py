"""What the verdicts of a budget take, said before it starts: requests, time, and what a regression costs until caught.

Live numbers are those of requests that are slow independently of each other. For the evidence of requests they are
exact (`decide.crossing`); a Breach takes a number of scrapes, too (`decide.bets`), and somewhat more requests where a
scrape has few of them. Those of a benchmark are those of its certificate. For means and cost only the least is known
beforehand: how much their blocks spread is seen while they are measured.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from tollgate.api.budget import BudgetSpec, Evidence
from tollgate.api.objective import Dimension, Objective
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.decide.bets import blocks_until_breach
from tollgate.decide.certificate import requests_to_certify, requests_to_refute, tolerated
from tollgate.decide.crossing import requests_for_within, requests_until_breach, requests_until_within
from tollgate.decide.evidence import requests_to_detect, severe_fraction
from tollgate.decide.levels import FIRST_LOOKS, Levels, counted_live, live_levels
from tollgate.decide.limits import allowed_fraction
from tollgate.decide.loads import certifies
from tollgate.decide.means import MIN_LIVE_BLOCKS, REQUESTS_PER_BLOCK
from tollgate.measure.binomial import requests_needed

MILD, SEVERE = 1.5, 3.0
"""Times the fraction of requests that a limit allows to be slow."""

HALF, MOST = 0.5, 0.95

LEAST_OF_A_MEAN = MIN_LIVE_BLOCKS * REQUESTS_PER_BLOCK
"""Requests below which no mean and no cost is judged live."""


@dataclass(frozen=True)
class Takes:
    """Requests after which a verdict has come in half of all cases, and in 19 of 20."""

    half: int
    most: int


@dataclass(frozen=True)
class Regression:
    """A fraction of requests over the limit, and how many requests the candidate serves until it is called a Breach.

    That takes `scrapes` at least, however many requests there are to each.
    """

    fraction: float
    caught: Takes | None  # None: it is too close to the limit for a plan
    scrapes: int

    @property
    def over(self) -> int | None:
        """How many of them are over the limit, in all but one case of 20."""
        return None if self.caught is None else round(self.fraction * self.caught.most)

    def at(self, per_scrape: float) -> Regression:
        """The same where there are so many requests to a scrape."""
        if self.caught is None:
            return self
        least = math.ceil(self.scrapes * per_scrape)
        return replace(self, caught=Takes(max(self.caught.half, least), max(self.caught.most, least)))


@dataclass(frozen=True)
class LivePlan:
    """What one objective needs of live traffic, in requests to the candidate.

    `passes` is what a canary step waits for. The rest is None for means and cost, of which `passes` is the least.
    """

    objective: Objective
    passes: int
    severe: Regression | None = None
    mild: Regression | None = None
    clean: int | None = None
    half_limit: Takes | None = None

    def at(self, per_scrape: float) -> LivePlan:
        """The same where the candidate has so many requests to a scrape."""
        severe, mild = (one and one.at(per_scrape) for one in (self.severe, self.mild))
        return replace(self, severe=severe, mild=mild)


@dataclass(frozen=True)
class Step:
    """A step of the canary; rates in requests per second, `seconds` until it passes if nothing is wrong."""

    share: str
    rate: float | None
    requests: int
    objective: str
    seconds: float | None


@dataclass(frozen=True)
class BenchmarkPlan:
    """Requests in one stage that an objective with so few slow ones needs, and what each stage that is planned allows.

    `stages` has, by name, how many slow requests are still Within; None where no number is.
    One that is only reported is left out.
    """

    objective: Objective
    clean: int | None
    half_limit: int | None
    severe: int | None
    stages: dict[str, int | None]


@dataclass(frozen=True)
class Plan:
    """All of it; `rate` is what all pods of the service get together, in requests per second.

    `live` is of the first step: there a regression is caught.
    """

    spec: BudgetSpec
    rate: float | None
    scrape_seconds: float
    live: tuple[LivePlan, ...]
    steps: tuple[Step, ...]
    benchmark: tuple[BenchmarkPlan, ...]

    @property
    def seconds(self) -> float | None:
        """How long the canary takes if nothing is wrong."""
        known = [step.seconds for step in self.steps if step.seconds is not None]
        return sum(known) if known and len(known) == len(self.steps) else None


def plan(
    spec: BudgetSpec,
    *,
    rate: float | None,
    profile: BenchmarkProfileSpec | None = None,
    scrape_seconds: float = 0,
    timed: Collection[Dimension] = (),
) -> Plan:
    """The plan of a budget. What is scraped every `scrape_seconds` is known so much later.

    `timed` are the dimensions whose times have a series of their own in the MetricProfile.
    """
    first = (rate or 0) * float(spec.canary.steps[0].fraction)
    live = tuple(needs.at(first * scrape_seconds) for needs in live_plans(spec, timed))
    return Plan(
        spec=spec,
        rate=rate,
        scrape_seconds=scrape_seconds,
        live=live,
        steps=tuple(_steps(spec, live, rate, scrape_seconds)) if live else (),
        benchmark=tuple(_benchmark_plans(spec, profile)),
    )


def live_plans(spec: BudgetSpec, timed: Collection[Dimension] = ()) -> list[LivePlan]:
    """What each objective that live traffic judges needs."""
    levels = live_levels(spec.objectives, spec.alpha, timed)
    found = []
    for o in spec.objectives:
        if counted_live(o, timed):
            p0 = allowed_fraction(o)
            found.append(
                LivePlan(o, LEAST_OF_A_MEAN)
                if p0 is None
                else _proportion(o, p0, levels, spec.canary.evidence)
            )
    return found


def _proportion(o: Objective, p0: float, levels: Levels, evidence: Evidence) -> LivePlan:
    half_limit = _takes(requests_until_within(p0, levels.within, p0 / 2, (HALF, MOST)))
    passes = requests_to_detect(p0, levels.breach)
    if evidence is Evidence.CERTIFIED and half_limit is not None:
        passes = half_limit.most
    return LivePlan(
        o,
        passes,
        severe=_regression(p0, levels.breach, SEVERE),
        mild=_regression(p0, levels.breach, MILD),
        clean=requests_for_within(0, p0, levels.within),
        half_limit=half_limit,
    )


def _regression(p0: float, alpha: float, severity: float) -> Regression:
    fraction = severe_fraction(p0, severity)
    caught = _takes(requests_until_breach(p0, alpha, fraction, (HALF, MOST)))
    return Regression(fraction, caught, blocks_until_breach(fraction / p0, alpha) if caught else 0)


def _takes(requests: tuple[int, ...] | None) -> Takes | None:
    return Takes(*requests) if requests else None


def _steps(
    spec: BudgetSpec, live: Sequence[LivePlan], rate: float | None, scrape_seconds: float
) -> Iterator[Step]:
    slowest = max(live, key=lambda needs: needs.passes)
    for step in spec.canary.steps:
        share = None if rate is None else rate * float(step.fraction)
        seconds = slowest.passes / share + scrape_seconds if share else None
        yield Step(step.share, share, slowest.passes, slowest.objective.name, seconds)


def _benchmark_plans(spec: BudgetSpec, profile: BenchmarkProfileSpec | None) -> Iterator[BenchmarkPlan]:
    stages = profile.measured if profile else []
    judged = [o for o in spec.objectives if o.shape.benchmark]
    levels = FIRST_LOOKS.levels(spec.alpha, len(judged) * max(1, len(stages)))
    for o in judged:
        p0 = allowed_fraction(o)
        if p0 is not None:
            yield BenchmarkPlan(
                o,
                clean=requests_needed(p0, levels.within),
                half_limit=requests_to_certify(p0, levels.within, p0 / 2, MOST),
                severe=requests_to_refute(p0, levels.breach, severe_fraction(p0, SEVERE), MOST),
                stages={
                    stage.name: tolerated(stage.judged_requests, p0, levels.within)
                    for stage in stages
                    if certifies(o, stage.name, stage.load)
                },
            )
