from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99, THROUGHPUT, objective
from tollgate.api.evidence import CountedOf
from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.evidence import requests_to_detect
from tollgate.decide.judge_live import judge_live, metrics_unavailable
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.counts import Block, LiveCounts
from tollgate.measure.histogram import Bracket

LIMIT = Decimal("0.25")
ALPHA = 0.01
PRICE = PodCost(Decimal("3.60"), "USD")
"""1USD a thousand requests where a pod serves one a second."""


def live(
    requests: int = 100,
    slow: int = 0,
    blocks: int = 20,
    *,
    hidden: int = 0,
    means: Sequence[float] = (0.050, 0.052, 0.048),
    errors: int = 0,
    pod_seconds: float = 25.0,
) -> LiveCounts:
    """Blocks that are alike but for their means: requests, slow and failed ones of each, on two pods."""
    each = {
        index: Block(
            requests=requests,
            latency_sum=requests * means[index % len(means)],
            slow={LIMIT: (slow, slow + hidden)},
            attempts=requests,
            errors=errors,
            pod_seconds=pod_seconds,
        )
        for index in range(blocks)
    }
    edge = 0.25
    return LiveCounts(
        since=0.0,
        until=10.0 * blocks,
        blocks=each,
        brackets={LIMIT: Bracket(edge, edge) if not hidden else Bracket(0.1, 1.0)},
        edges=(0.1, edge, 1.0),
        sums_seen=True,
        errors_asked=True,
        errors_seen=True,
        pods={"a": requests * blocks // 2, "b": requests * blocks // 2},
    )


def judged(
    o: Objective,
    counts: LiveCounts,
    *,
    cost: PodCost | CostUnknown | None = PRICE,
    reference: float | None = 4.0,
    previous: Sequence[ObjectiveResult] = (),
) -> ObjectiveResult:
    (result,) = judge_live(
        [o], counts, alpha=ALPHA, cost=cost, reference_rate_per_pod=reference, previous=previous
    )
    return result


class TestProportion:
    def test_within(self) -> None:
        result = judged(P99, live())
        assert (result.verdict, result.reason) == (Verdict.WITHIN, None)
        assert (result.requests, result.over_limit) == (2000, 0)
        assert result.observed == "0% over 250ms"
        assert float(result.evidence_within) > 4.6 > float(result.evidence_breach)
        assert (result.low, result.high) == ("0%", "0.3552%")

    def test_breach_after_six_slow_requests(self) -> None:
        result = judged(P99, live(requests=3, slow=3, blocks=2))
        assert result.verdict is Verdict.BREACH
        assert result.message == "100% of 6 requests slower than 250ms, at most 1% allowed"
        assert float(result.evidence_breach) > 4.6

    def test_too_few_say_when_a_severe_regression_shows(self) -> None:
        result = judged(P99, live(blocks=3))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS)
        assert result.message.endswith(
            "too few requests to tell; a severe regression shows within 1,082 requests"
        )
        assert not result.enough

    def test_enough_once_a_severe_regression_would_have_shown(self) -> None:
        needed = requests_to_detect(0.01, ALPHA)
        for requests, enough in ((needed - 1, False), (needed, True)):
            counts = live(requests=requests, slow=6, blocks=1)
            result = judged(P99, counts)
            assert (result.verdict, result.enough) == (Verdict.INCONCLUSIVE, enough)

    def test_missing_edge_is_said_with_its_neighbours(self) -> None:
        result = judged(P99, live(hidden=30))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.BUCKET_RESOLUTION)
        assert (
            "no bucket edge at 250ms, add one or move it (its neighbours are 100ms and 1s)" in result.message
        )
        assert result.observed == "0% to 30% over 250ms"
        assert (result.low, result.high) == ("0%", "33.93%")
        assert not result.enough, "a severe regression could hide between the edges"

    def test_error_rate(self) -> None:
        assert judged(ERRORS, live()).verdict is Verdict.WITHIN
        result = judged(ERRORS, live(errors=3))
        assert (result.verdict, result.observed) == (Verdict.BREACH, "3%")
        assert (result.low, result.high) == ("1.885%", "4.513%")

    def test_more_errors_than_requests_are_all_of_them(self) -> None:
        assert judged(ERRORS, live(errors=150)).observed == "100%"


class TestClumps:
    """Slow requests that come together: one event or many?"""

    @staticmethod
    def clumped(blocks: int, every: int, slow: int) -> LiveCounts:
        counts = live(blocks=blocks)
        changed = {
            index: replace(block, slow={LIMIT: (slow, slow) if index % every == 0 else (0, 0)})
            for index, block in counts.blocks.items()
        }
        return replace(counts, blocks=changed)

    def test_few_clumps_are_no_verdict(self) -> None:
        result = judged(P99, self.clumped(blocks=20, every=10, slow=50))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS)
        assert "5% of 2,000 requests slower than 250ms" in result.message
        assert "(in clumps: worth 48 requests that are independent)" in result.message
        assert not result.enough, "a severe regression takes more than 48 requests to show"

    def test_many_clumps_are(self) -> None:
        assert judged(P99, self.clumped(blocks=400, every=10, slow=50)).verdict is Verdict.BREACH

    def test_one_clump_is_no_breach_however_early_it_comes(self) -> None:
        result = judged(P99, live(slow=100, blocks=1))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS)
        assert "too few scrapes to tell a regression from a moment's overload" in result.message
        assert not result.enough, "nor may the step pass meanwhile"
        assert float(result.evidence_breach) < 4.6
        assert result.low == "1%", "no more than the limit is known to be exceeded"
        assert judged(P99, live(slow=100, blocks=2)).verdict is Verdict.BREACH

    def test_what_serves_is_judged_by_its_requests(self) -> None:
        """Its level is a thousandth of a canary's, for which blocks would take minutes."""
        (result,) = judge_live([P99], live(slow=100, blocks=1), alpha=ALPHA, starts={P99.name: 0.001})
        assert result.verdict is Verdict.BREACH

    def test_block_that_is_still_open_is_no_bet(self) -> None:
        counts = live(slow=100, blocks=2)
        assert judged(P99, replace(counts, block_seconds=10.0, until=20.0)).verdict is Verdict.BREACH
        assert judged(P99, replace(counts, block_seconds=10.0, until=19.0)).verdict is Verdict.INCONCLUSIVE

    def test_one_bad_block_is_no_verdict_but_eight_in_a_row_are(self) -> None:
        good = live(blocks=100).blocks
        bad = replace(good[0], slow={LIMIT: (100, 100)})
        for number, verdict in ((1, Verdict.INCONCLUSIVE), (8, Verdict.BREACH)):
            blocks = {**good, **{100 + i: bad for i in range(number)}}
            assert judged(P99, replace(live(), blocks=blocks)).verdict is verdict

    def test_clumps_below_the_limit_take_longer_to_be_within(self) -> None:
        assert judged(P99, self.clumped(blocks=60, every=30, slow=20)).verdict is Verdict.INCONCLUSIVE
        assert judged(P99, self.clumped(blocks=600, every=100, slow=20)).verdict is Verdict.WITHIN


class TestMean:
    def test_within_and_breach(self) -> None:
        good = judged(MEAN, live(blocks=21))
        assert (good.verdict, good.observed) == (Verdict.WITHIN, "50ms")
        assert good.low < good.observed < good.high
        assert judged(MEAN, live(means=(0.100, 0.104, 0.096))).verdict is Verdict.BREACH

    def test_noisy_mean_is_inconclusive_and_enough_by_its_width(self) -> None:
        noisy = judged(MEAN, live(means=(0.060, 0.090, 0.075)))
        assert (noisy.verdict, noisy.reason, noisy.enough) == (
            Verdict.INCONCLUSIVE,
            Reason.TOO_FEW_REQUESTS,
            True,
        )
        wild = judged(MEAN, live(means=(0.010, 0.200, 0.010)))
        assert (wild.verdict, wild.enough) == (Verdict.INCONCLUSIVE, False)

    def test_few_blocks_say_how_many_requests_it_takes(self) -> None:
        result = judged(MEAN, live(blocks=7))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS)
        assert "a mean needs about 800 requests (7 of 8 blocks are full)" in result.message
        assert not result.enough

    def test_histogram_without_sums_has_no_mean(self) -> None:
        result = judged(MEAN, replace(live(), sums_seen=False))
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.SERIES_MISSING)
        assert "export _sum" in result.message
        assert judged(P99, replace(live(), sums_seen=False)).verdict is Verdict.WITHIN


class TestCost:
    """100 requests a block: pod seconds of 25 are 4 requests a second and pod, 0.25USD a thousand."""

    def test_within(self) -> None:
        result = judged(COST, live())
        assert (result.verdict, result.observed) == (Verdict.WITHIN, "0.25USD")

    def test_breach_at_the_load_of_the_benchmark(self) -> None:
        assert judged(COST, live(pod_seconds=50.0), reference=2.0).verdict is Verdict.BREACH

    def test_dear_at_low_load_is_no_breach(self) -> None:
        result = judged(COST, live(pod_seconds=50.0), reference=4.0)
        assert (result.verdict, result.reason, result.enough) == (
            Verdict.INCONCLUSIVE,
            Reason.LOW_LOAD,
            False,
        )
        assert "at 2req/s to a pod, below 80% of the 4req/s of the benchmark" in result.message

    def test_cheap_at_low_load_is_within(self) -> None:
        assert judged(COST, live(), reference=40.0).verdict is Verdict.WITHIN

    def test_without_a_reference_it_is_never_a_breach(self) -> None:
        result = judged(COST, live(pod_seconds=50.0), reference=None)
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.LOW_LOAD)

    @pytest.mark.parametrize("cost", [None, CostUnknown("no prices"), PodCost(Decimal(1), "EUR")])
    def test_unknown_cost_is_no_verdict(self, cost: PodCost | CostUnknown | None) -> None:
        result = judged(COST, live(), cost=cost)
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.COST_UNKNOWN)


EVERY = pytest.mark.parametrize("o", [P99, MEAN, ERRORS, COST], ids=lambda o: o.name)


def reason(o: Objective, counts: LiveCounts) -> tuple[Reason | None, str]:
    """The reason and the message of a result that is no verdict."""
    result = judged(o, counts)
    assert (result.verdict, result.enough) == (Verdict.INCONCLUSIVE, False)
    return result.reason, result.message


class TestFailuresOfTheData:
    """Each is a reason of its own with a thing to do, and none a verdict."""

    EMPTY = LiveCounts(since=0.0, until=100.0, errors_asked=True)

    @EVERY
    def test_pods_that_are_not_scraped(self, o: Objective) -> None:
        why, message = reason(o, self.EMPTY)
        assert why is Reason.PODS_NOT_SCRAPED
        assert "check that it scrapes them" in message

    @EVERY
    def test_pods_without_the_series(self, o: Objective) -> None:
        why, message = reason(o, replace(self.EMPTY, scraped=("a",)))
        assert why is Reason.SERIES_MISSING
        assert "no series as in latency of the MetricProfile" in message

    @EVERY
    def test_values_that_are_none(self, o: Objective) -> None:
        why, message = reason(o, replace(self.EMPTY, scraped=("a",), garbled=("a",)))
        assert why is Reason.INVALID_SAMPLES
        assert "the metrics of a cannot be read" in message

    @EVERY
    def test_one_scrape(self, o: Objective) -> None:
        why, message = reason(o, replace(live(), blocks={}))
        assert why is Reason.TOO_FEW_SCRAPES
        assert "counting begins with the second scrape" in message

    @EVERY
    def test_no_requests(self, o: Objective) -> None:
        why, message = reason(o, live(requests=0))
        assert why is Reason.NO_TRAFFIC
        assert "check that traffic does" in message

    def test_error_counter_that_nobody_exports(self) -> None:
        why, message = reason(ERRORS, replace(live(), errors_seen=False))
        assert why is Reason.SERIES_MISSING
        assert "check errors in the MetricProfile" in message

    def test_request_counter_that_nobody_exports(self) -> None:
        counts = replace(live(), requests_missing=True, scraped=("a", "b"))
        why, message = reason(ERRORS, counts)
        assert why is Reason.SERIES_MISSING
        assert "as in requests of the MetricProfile" in message
        assert judged(P99, counts).verdict is Verdict.WITHIN

    def test_errors_need_no_histogram(self) -> None:
        assert judged(ERRORS, replace(live(), pods={})).verdict is Verdict.WITHIN

    def test_summary_has_no_tails(self) -> None:
        counts = replace(live(hidden=100), brackets={LIMIT: Bracket(None, None)})
        why, message = reason(P99, counts)
        assert why is Reason.MEAN_ONLY
        assert "limit the Mean" in message
        assert judged(MEAN, counts).verdict is not Verdict.BREACH

    @pytest.mark.parametrize("o", [P99, MEAN, ERRORS, COST], ids=lambda o: o.name)
    def test_versions_behind_one_service_are_not_told_apart(self, o: Objective) -> None:
        why, message = reason(o, replace(live(), counted_of=CountedOf.SEVERAL_VERSIONS))
        assert why is Reason.SHARED_SERIES
        assert "canary.onInconclusive: Promote" in message

    def test_a_service_tells_nothing_of_what_its_pods_cost(self) -> None:
        counts = replace(live(), counted_of=CountedOf.SERVICE)
        why, message = reason(COST, counts)
        assert why is Reason.SHARED_SERIES
        assert "the pods' own series" in message
        assert judged(P99, counts).verdict is Verdict.WITHIN

    @EVERY
    def test_silent_pod_keeps_all_from_being_within(self, o: Objective) -> None:
        why, message = reason(o, replace(live(), silent=("c", "d", "e", "f")))
        assert why is Reason.PODS_NOT_SCRAPED
        assert "no sample of c, d, e and 1 more for 5 scrape intervals" in message

    @EVERY
    def test_garbled_pod_keeps_all_from_being_within(self, o: Objective) -> None:
        why, message = reason(o, replace(live(), garbled=("b",)))
        assert why is Reason.INVALID_SAMPLES
        assert "the metrics of b cannot be read" in message

    @pytest.mark.parametrize("field", ["silent", "garbled"])
    def test_missing_pod_does_not_hide_a_breach(self, field: str) -> None:
        assert judged(P99, replace(live(slow=10), **{field: ("c",)})).verdict is Verdict.BREACH


@pytest.mark.parametrize("o", [ACCURACY, THROUGHPUT], ids=lambda o: o.name)
def test_what_only_a_benchmark_tells(o: Objective) -> None:
    for result in (judged(o, live()), *metrics_unavailable([o], "down")):
        assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.NOT_JUDGED_HERE)


def test_error_rate_without_a_counter_in_the_profile_is_not_judged() -> None:
    result = judged(ERRORS, replace(live(), errors_asked=False, errors_seen=False))
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, Reason.NOT_JUDGED_HERE)


def test_breach_is_not_unsaid_while_its_limit_stands() -> None:
    breach = judged(P99, live(requests=3, slow=3, blocks=2))
    assert judged(P99, live(), previous=[breach]) == breach
    assert metrics_unavailable([P99], "down", [breach]) == [breach]
    relaxed = P99.model_copy(update={"max": "300ms"})
    assert metrics_unavailable([relaxed], "down", [breach])[0].reason is Reason.METRICS_UNAVAILABLE
    within = judged(P99, live())
    assert judged(P99, live(blocks=1), previous=[within]).verdict is Verdict.INCONCLUSIVE


def test_unavailable_metrics_say_why() -> None:
    (result,) = metrics_unavailable([P99], "connection refused")
    assert (result.verdict, result.reason, result.enough) == (
        Verdict.INCONCLUSIVE,
        Reason.METRICS_UNAVAILABLE,
        False,
    )
    assert "connection refused" in result.message


def test_breach_shares_alpha_between_live_objectives() -> None:
    edge = live(requests=3, slow=3, blocks=2)
    assert judge_live([P99, ACCURACY], edge, alpha=ALPHA)[0].verdict is Verdict.BREACH
    several = [P99, *(P99.model_copy(update={"name": f"again-{i}"}) for i in range(31))]
    assert judge_live(several, edge, alpha=ALPHA)[0].verdict is Verdict.INCONCLUSIVE


def test_healthy_service_is_hardly_ever_a_breach() -> None:
    rng = np.random.default_rng(11)
    breaches = 0
    for _ in range(100):
        slow = rng.binomial(60, 0.01, size=30)
        counts = live(requests=60, blocks=30)
        blocks = {i: replace(b, slow={LIMIT: (int(slow[i]), int(slow[i]))}) for i, b in counts.blocks.items()}
        breaches += any(
            judged(P99, replace(counts, blocks=dict(list(blocks.items())[:looks]))).verdict is Verdict.BREACH
            for looks in range(3, 31, 3)
        )
    assert breaches <= 100 * ALPHA + 4


class TestViolationRate:
    """The share of requests over a deadline, which the budget chooses: not only one in a hundred."""

    RATE = objective("ViolationRate", within="250ms", max="5%")

    def test_as_a_percentile_with_its_own_share(self) -> None:
        within = judged(self.RATE, live(slow=3))
        assert (within.verdict, within.observed) == (Verdict.WITHIN, "3% over 250ms")
        assert "3% of 2,000 requests slower than 250ms, at most 5% allowed" in within.message
        assert judged(P99, live(slow=3)).verdict is Verdict.BREACH
        assert judged(self.RATE, live(slow=10)).verdict is Verdict.BREACH

    def test_the_edge_that_is_missing_is_a_latency(self) -> None:
        result = judged(self.RATE, live(hidden=20))
        assert result.reason is Reason.BUCKET_RESOLUTION
        assert (
            "no bucket edge at 250ms, add one or move it (its neighbours are 100ms and 1s)" in result.message
        )


def test_what_was_spent_once_is_a_part_of_each_requests_cost() -> None:
    """2USD a thousand from serving at this load, and as much again from what was spent before."""
    o = objective("Cost", per="1kRequests", max="3USD", amortized={"total": "1000USD", "requests": 500_000})
    alone = objective("Cost", per="1kRequests", max="3USD")
    counts = live(pod_seconds=200.0)
    assert judged(alone, counts, reference=0.1).verdict is Verdict.WITHIN
    both = judged(o, counts, reference=0.1)
    assert (both.verdict, both.observed) == (Verdict.BREACH, "4USD")
