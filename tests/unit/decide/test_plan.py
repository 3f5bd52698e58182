from __future__ import annotations

import math
from typing import Any

import pytest

from tests.unit.cli.files import budget
from tests.unit.decide.test_planning import profile, stage
from tollgate.api.budget import BudgetSpec
from tollgate.decide.certificate import (
    judge_fixed,
    requests_to_certify,
    requests_to_refute,
    tolerated,
)
from tollgate.decide.evidence import requests_to_detect
from tollgate.decide.levels import Levels
from tollgate.decide.plan import Takes, live_plans, plan
from tollgate.decide.plan_text import canary_message
from tollgate.measure.binomial import chance_of_at_least, chance_of_at_most, requests_needed

P99 = {"name": "tail", "dimension": "Latency", "statistic": "P99", "max": "250ms"}
MEAN = {"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "80ms"}
ERRORS = {"name": "errs", "dimension": "ErrorRate", "max": "5%"}
ACCURACY = {"name": "acc", "dimension": "Quality", "metric": "Accuracy", "min": "0.95"}
STEPS = {"steps": [{"share": "10%"}, {"share": "50%"}]}


def spec(*objectives: dict[str, Any], **fields: Any) -> BudgetSpec:
    return BudgetSpec.model_validate(budget(objectives=list(objectives), **fields)["spec"])


class TestLive:
    def test_a_tail(self) -> None:
        (tail,) = live_plans(spec(P99))
        assert tail.passes == requests_to_detect(0.01, 0.01) == 1082
        assert tail.clean == 708
        assert tail.severe is not None
        assert (tail.severe.fraction, tail.severe.caught) == (0.03, Takes(436, 1009))
        assert tail.severe.over == 30
        assert tail.mild is not None
        assert tail.mild.fraction == pytest.approx(0.015)
        assert tail.mild.caught == Takes(4290, 11207)
        assert tail.half_limit == Takes(2896, 6942)

    def test_many_requests_to_a_scrape_are_no_breach_before_some_scrapes(self) -> None:
        few, many = (
            plan(spec(P99, canary=STEPS), rate=rate, scrape_seconds=15).live[0] for rate in (20.0, 1000.0)
        )
        assert few.severe is not None
        assert many.severe is not None
        assert many.mild is not None
        assert few.severe.caught == Takes(436, 1009)
        assert many.severe.scrapes == 6
        assert many.severe.caught == Takes(6 * 1500, 6 * 1500), "at a tenth of 1,000 requests a second"
        assert many.mild.caught == Takes(16 * 1500, 16 * 1500)

    def test_alpha_of_a_breach_is_shared_by_what_is_judged_live_and_that_of_within_is_not(self) -> None:
        tail, errs = live_plans(spec(P99, ERRORS, ACCURACY))
        assert (tail.objective.name, errs.objective.name) == ("tail", "errs")
        assert tail.passes == requests_to_detect(0.01, 0.005)
        assert (tail.clean, errs.clean) == (708, 139)

    def test_of_a_mean_only_the_least_is_known(self) -> None:
        (mean,) = live_plans(spec(MEAN))
        assert (mean.passes, mean.severe, mean.mild, mean.clean, mean.half_limit) == (
            800,
            None,
            None,
            None,
            None,
        )

    def test_certified_waits_for_within(self) -> None:
        (tail,) = live_plans(spec(P99, canary={"evidence": "Certified"}))
        assert tail.half_limit is not None
        assert tail.passes == tail.half_limit.most


class TestSteps:
    def test_time_goes_by_the_share_and_the_slowest_objective(self) -> None:
        made = plan(spec(P99, ERRORS, canary=STEPS), rate=10.0, scrape_seconds=15)
        needed = requests_to_detect(0.01, 0.005)
        first, second = made.steps
        assert (first.objective, first.requests, first.rate) == ("tail", needed, 1.0)
        assert first.seconds == needed + 15
        assert second.seconds == needed / 5 + 15
        assert made.seconds == first.seconds + second.seconds

    @pytest.mark.parametrize("rate", [None, 0.0])
    def test_without_a_rate_there_is_no_time(self, rate: float | None) -> None:
        made = plan(spec(P99), rate=rate)
        assert made.seconds is None
        assert {step.seconds for step in made.steps} == {None}

    def test_nothing_to_judge_live(self) -> None:
        made = plan(spec(ACCURACY), rate=1.0)
        assert (made.live, made.steps, made.seconds) == ((), (), None)


class TestBenchmark:
    def test_levels_are_those_of_the_stages(self) -> None:
        stages = profile(
            stage("40req/s", 60), stage("80req/s", 3, name="burst"), stage("1req/s", 9, name="w", warmUp=True)
        )
        (tail, acc) = plan(spec(P99, MEAN, ACCURACY), rate=None, profile=stages).benchmark
        assert (tail.clean, acc.clean) == (481, 95)
        assert tail.stages == {"steady": tolerated(2400, 0.01, 0.008), "burst": None}
        assert tail.severe == requests_to_refute(0.01, 0.008 / 6, 0.03, 0.95)
        assert tail.half_limit == requests_to_certify(0.01, 0.008, 0.005, 0.95)

    @pytest.mark.parametrize("p0", [0.01, 0.05, 0.3])
    @pytest.mark.parametrize("alpha", [0.01, 0.05])
    def test_fewest_requests_that_certify(self, p0: float, alpha: float) -> None:
        def chance(n: int) -> float:
            most = tolerated(n, p0, alpha)
            return 0.0 if most is None else chance_of_at_most(most, n, p0 / 2)

        needed = requests_to_certify(p0, alpha, p0 / 2, 0.95)
        assert needed is not None
        assert chance(needed) >= 0.95
        assert all(chance(n) < 0.95 for n in range(1, needed))
        assert requests_to_certify(p0, alpha, 0.0, 0.95) == requests_needed(p0, alpha)

    @pytest.mark.parametrize("p0", [0.01, 0.05, 0.3])
    @pytest.mark.parametrize("alpha", [0.01, 0.05])
    def test_fewest_requests_that_refute(self, p0: float, alpha: float) -> None:
        def chance(n: int) -> float:
            slow = next(k for k in range(n + 2) if chance_of_at_least(k, n, p0) <= alpha)
            return chance_of_at_least(slow, n, 3 * p0)

        needed = requests_to_refute(p0, alpha, 3 * p0, 0.95)
        assert needed is not None
        assert chance(needed) >= 0.95
        assert all(chance(n) < 0.95 for n in range(1, needed))

    def test_what_is_tolerated_is_the_most_that_is_within(self) -> None:
        levels = Levels(0.01, 0.01)
        assert [tolerated(n, 0.01, 0.01) for n in (0, 458, 459, 661, 662, 2010)] == [None, None, 0, 0, 1, 10]
        assert judge_fixed(2010, 10, 0.01, levels) == "Within"
        assert judge_fixed(2010, 11, 0.01, levels) == "Inconclusive"


class TestMessage:
    START = "about 1,082 requests to the candidate (objective tail)"
    COST = (
        " Until it is caught, a severe regression of tail costs users at most 30 requests slower than 250ms, "
        "a mild one 168 (19 times in 20)."
    )

    def said(self, rate: float | None, **fields: Any) -> str:
        return canary_message(plan(spec(P99, **fields), rate=rate))

    def test_without_a_rate(self) -> None:
        assert self.said(None) == f"A canary step needs {self.START}.{self.COST}"

    def test_without_traffic(self) -> None:
        assert (
            self.said(0.0)
            == f"A canary step needs {self.START}, and the service receives none now.{self.COST}"
        )

    def test_with_a_rate_there_is_a_time(self) -> None:
        assert self.said(20.0) == (
            "At about 20req/s a canary takes 11 min (10%: 10 min, 50%: 109 s), "
            f"as a step needs {self.START}.{self.COST}"
        )

    @pytest.mark.parametrize(
        ("otherwise", "said"),
        [
            ("Hold", "it holds its share"),
            ("Reject", "the candidate is refused"),
            ("Promote", "it is let through"),
        ],
    )
    def test_a_canary_that_needs_longer_than_it_may_take(self, otherwise: str, said: str) -> None:
        seconds = math.ceil(1082 / 0.02 + 1082 / 0.1)
        assert (
            f", but after maxDurationSeconds (60 min) {said} without a verdict: set it to {seconds} or more, or raise "
            "the shares."
        ) in self.said(0.2, canary={**STEPS, "onInconclusive": otherwise})

    def test_no_duration_is_asked_for_that_can_not_be_set(self) -> None:
        assert "without a verdict: raise the shares." in self.said(0.001)

    def test_only_means(self) -> None:
        assert canary_message(plan(spec(MEAN), rate=None)) == (
            "A canary step needs about 800 requests to the candidate (objective mean)."
        )

    def test_nothing_live(self) -> None:
        assert canary_message(plan(spec(ACCURACY), rate=1.0)) == "No objective is judged on live traffic."

    def test_it_fits_into_a_condition_beside_what_else_is_said(self) -> None:
        many = [{**P99, "name": f"tail-{'x' * 50}-{number}"} for number in range(8)]
        steps = {"steps": [{"share": f"{share}%"} for share in range(5, 55, 5)]}
        assert len(canary_message(plan(spec(*many, canary=steps), rate=0.2))) < 1024
