"""Times of tokens: counted over limits, goals met at once, and how far their means may be off."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import record, stage
from tests.unit.bench.test_told import run_of, streamed
from tollgate.api.benchmark import StageResult
from tollgate.api.counting import Counting
from tollgate.api.transport import read_bins
from tollgate.bench.answer import Answer
from tollgate.bench.histogram import TimeHistogram
from tollgate.bench.records import Outcome
from tollgate.bench.summary import summarize
from tollgate.bench.told import Told


def counted(*answers: Answer | None, **counting: object) -> StageResult:
    return summarize(stage(), run_of(*answers), [], Counting.model_validate(counting))


def over(result: StageResult) -> list[tuple[int, int, int]]:
    assert result.stream is not None
    return [(one.of, one.least, one.most) for one in result.stream.over_limit]


def first_within(limit: str) -> list[dict[str, str]]:
    return [{"time": "TimeToFirstToken", "limit": limit}]


class TestOverALimit:
    def test_first_tokens_are_counted_exactly_and_a_failed_request_is_over(self) -> None:
        """Due at 0, 10, 20 and 30 ms: 100, 90, 300 ms late, and one that failed."""
        answers = (streamed(0.1, [0.1]), streamed(0.1, [0.1]), streamed(0.32, [0.1]), None)
        for limit, expected in [("200ms", 2), ("95ms", 3), ("100ms", 2), ("300ms", 1)]:
            assert over(counted(*answers, tokens=first_within(limit))) == [(4, expected, expected)]

    def test_times_per_token_are_of_the_answers_that_have_one(self) -> None:
        answers = (streamed(0.1, [0.1, 0.1]), streamed(0.1, [0.4, 0.4]), streamed(0.1, []))
        result = counted(*answers, tokens=[{"time": "TimePerOutputToken", "limit": "200ms"}])
        assert over(result) == [(2, 1, 1)]

    def test_gaps_count_as_the_streams_that_they_are_of(self) -> None:
        """A quarter of the gaps is long: as evidence that is half a stream of two, to the whole number."""
        answers = (streamed(0.1, [0.1] * 4), streamed(0.1, [0.1, 0.1, 0.5, 0.5]))
        result = counted(*answers, None, tokens=[{"time": "InterTokenLatency", "limit": "200ms"}])
        assert over(result) == [(3, 1, 2)]

    def test_nothing_is_counted_that_nobody_asked_for(self) -> None:
        assert over(counted(streamed(0.1, [0.1]))) == []


class TestGoals:
    def test_all_times_of_a_goal_must_be_kept(self) -> None:
        """Each request takes a second in all; the second is due 10 ms later, and so on."""
        quick, late, slow = streamed(0.1, [0.05]), streamed(0.5, [0.05]), streamed(0.13, [0.5])
        goals = [
            {"timeToFirstToken": "200ms"},
            {"timeToFirstToken": "200ms", "timePerOutputToken": "100ms"},
            {"latency": "900ms", "timeToFirstToken": "200ms"},
        ]
        result = counted(quick, late, slow, None, goals=goals)
        assert [goal.requests for goal in result.goals] == [2, 1, 0]
        assert str(result.goals[1]) == "first token 200ms, per token 100ms"

    def test_an_answer_that_was_not_streamed_has_no_first_token(self) -> None:
        result = counted(streamed(0.1, [0.05]), Answer(False), goals=[{"timeToFirstToken": "5s"}])
        assert [goal.requests for goal in result.goals] == [1]

    def test_one_token_keeps_any_time_per_token(self) -> None:
        result = counted(streamed(0.1, []), goals=[{"timePerOutputToken": "1ms"}])
        assert [goal.requests for goal in result.goals] == [1]


class TestMeans:
    def test_the_error_is_that_of_blocks_of_time(self) -> None:
        """40 requests in 4 blocks of 10, whose first tokens take 100, 200, 100 and 200 ms."""
        run = run_of(*(streamed(0.1 * (1 + n // 10 % 2) + n * 0.01, [0.1]) for n in range(40)))
        result = summarize(stage(), run, [])
        assert result.stream is not None
        first = result.stream.time_to_first_token
        assert first is not None
        assert (first.mean, first.blocks) == ("150ms", 4)
        error = math.sqrt(4 * 50**2 / 3 / 4) / 150
        assert float(first.error) == pytest.approx(error, rel=0.1), (
            "a request at an edge may be in either block"
        )

    def test_the_mean_of_gaps_is_one_over_gaps_and_not_over_streams(self) -> None:
        result = counted(*(streamed(0.1 + n * 0.01, [0.1] * (1 + n % 3)) for n in range(40)))
        assert result.stream is not None
        gaps = result.stream.inter_token_latency
        assert gaps is not None
        assert (gaps.mean, float(gaps.error)) == ("100ms", pytest.approx(0, abs=1e-6)), (
            "they are all the same"
        )


@given(st.lists(st.floats(1e-5, 100), min_size=1, max_size=60), st.floats(1e-4, 50))
def test_a_histogram_brackets_the_share_that_is_over_a_limit(times: list[float], limit: float) -> None:
    gaps = TimeHistogram()
    gaps.add(times)
    low, high = gaps.share_over(limit)
    true = sum(time > limit for time in times) / len(times)
    assert low <= true + 1e-12
    assert true <= high + 1e-12


@given(st.lists(st.floats(1e-4, 100), min_size=1, max_size=200))
def test_the_sketch_of_gaps_holds_each_of_them_in_its_bin(times: list[float]) -> None:
    result = counted(*(streamed(0.1, times[n::2]) for n in range(2) if times[n::2]))
    assert result.stream is not None
    assert result.stream.inter_token_latency is not None
    told = result.stream.inter_token_latency.sketch
    assert told is not None
    growth = float(told.growth)
    bins = read_bins(told)
    assert sum(count for _, count in bins) == len(times)
    edges = [growth**index * 1e-6 for index, _ in bins]
    ordered = sorted(times)
    place = 0
    for (_, count), edge in zip(bins, edges, strict=True):
        for time in ordered[place : place + count]:
            assert edge / growth * (1 - 1e-4) <= time <= edge * (1 + 1e-4)
        place += count
    assert all(a < b for a, b in pairwise(edges))


def test_tokens_of_answers_vary_as_they_do() -> None:
    answers = [Answer(False, output_tokens=n, input_tokens=10) for n in (80, 100, 120)]
    result = counted(*answers)
    assert result.tokens is not None
    assert (result.tokens.output_deviation, result.tokens.input_deviation) == ("20", "0")
    assert result.tokens.total_deviation == "20"


def test_the_share_between_inputs_comes_with_the_error_of_leaving_inputs_out() -> None:
    """Two kinds of inputs, apart by 100 ms, with noise of 10 ms: the share is near 1, and its error small."""
    random = np.random.default_rng(7)
    inputs = np.tile(np.arange(60), 4)
    run = record(0.1 + 0.1 * (inputs % 2) + random.normal(0, 0.01, len(inputs)))
    run.schedule.items[:] = inputs
    seen = summarize(stage(), run, []).variability
    assert seen is not None
    assert float(seen.share) == pytest.approx(0.96, abs=0.02)
    assert (0 < float(seen.share_error) < 0.01, seen.groups) == (True, 10)


def test_few_inputs_have_no_error_of_the_share() -> None:
    run = record([0.1, 0.2] * 6)
    run.schedule.items[:] = [0, 1] * 6
    seen = summarize(stage(), run, []).variability
    assert seen is not None
    assert (seen.share, seen.share_error, seen.groups) == ("1", "", 0)


def test_the_jackknife_is_as_wide_as_the_share_really_varies() -> None:
    """Over many draws of the inputs, the error told is about the standard deviation of the share."""
    random = np.random.default_rng(3)
    shares, errors = [], []
    inputs = np.tile(np.arange(40), 5)
    for _ in range(150):
        run = record(1 + 0.1 * random.normal(size=40)[inputs] + 0.1 * random.normal(size=len(inputs)))
        run.schedule.items[:] = inputs
        seen = summarize(stage(), run, []).variability
        assert seen is not None
        shares.append(float(seen.share))
        errors.append(float(seen.share_error))
    assert 0.8 < float(np.mean(errors)) / float(np.std(shares)) < 1.6


def test_a_told_record_without_streams_has_none() -> None:
    run = record([1.0] * 3)
    run.told = Told(3)
    run.outcome[1] = Outcome.TIMEOUT
    result = summarize(stage(), run, [], Counting.model_validate({"goals": [{"timeToFirstToken": "1s"}]}))
    assert (result.stream, result.goals) == (None, [])
