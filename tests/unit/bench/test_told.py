"""What answers told: put together exactly, and summed up without making anything up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import record, stage
from tollgate.api.benchmark import StageResult
from tollgate.bench.answer import Answer, Stream
from tollgate.bench.audit import nearest_rank
from tollgate.bench.histogram import TimeHistogram
from tollgate.bench.records import Outcome, StageRun
from tollgate.bench.summary import summarize
from tollgate.bench.told import Told


def streamed(first: float, gaps: list[float], output: int | None = None) -> Answer:
    stream = Stream(first, first + sum(gaps), gaps)
    return Answer(False, stream, output_tokens=output or stream.chunks, estimated=output is None)


def run_of(*answers: Answer | None) -> StageRun:
    """Requests at 100 a second that took a second each; None is one that failed."""
    run = record([1.0] * len(answers))
    run.told = Told(len(answers))
    for number, answer in enumerate(answers):
        if answer is None:
            run.outcome[number] = Outcome.TIMEOUT
        else:
            run.told.note(number, answer, start=0.0)
    return run


def summed(*answers: Answer | None) -> StageResult:
    return summarize(stage(), run_of(*answers), [])


def test_the_time_per_output_token_leaves_the_first_token_out() -> None:
    """Ten tokens, the first after 0.4 s, the last 0.45 s later: 50 ms each."""
    result = summed(streamed(0.4, [0.225, 0.225], output=10))
    assert result.stream is not None
    assert result.stream.time_to_first_token is not None
    assert result.stream.time_per_output_token is not None
    assert result.stream.time_to_first_token.p50 == "400ms"
    assert result.stream.time_per_output_token.mean == "50ms"


def test_the_first_token_is_timed_from_when_its_request_was_due() -> None:
    result = summed(streamed(0.4, []), streamed(0.4, []))  # the second is due 10 ms later
    assert result.stream is not None
    assert result.stream.time_to_first_token is not None
    assert (result.stream.time_to_first_token.max, result.stream.time_to_first_token.mean) == (
        "400ms",
        "395ms",
    )


@pytest.mark.parametrize(
    "answer", [streamed(0.4, []), streamed(0.4, [], output=9), streamed(0.4, [0.1], output=1)]
)
def test_a_stream_without_two_tokens_in_two_chunks_has_no_time_per_token(answer: Answer) -> None:
    result = summed(answer)
    assert result.stream is not None
    assert (result.stream.streams, result.stream.timed) == (1, 0)
    assert result.stream.time_per_output_token is None


def test_a_failed_request_is_the_slowest_first_token_and_no_part_of_the_others() -> None:
    result = summed(streamed(0.4, [0.1]), None)
    assert result.stream is not None
    assert result.stream.streams == 1
    assert result.stream.time_to_first_token is not None
    assert (result.stream.time_to_first_token.p50, result.stream.time_to_first_token.max) == ("400ms", "10s")
    assert result.stream.inter_token_latency is not None
    assert result.stream.inter_token_latency.max == "100ms"


def test_nothing_is_told_where_nothing_was_asked() -> None:
    result = summarize(stage(), record([0.1] * 3), [])
    assert (result.stream, result.tokens, result.accepted, result.exit_stages) == (None, None, None, {})


def test_no_good_answer_tells_nothing() -> None:
    result = summed(None, None)
    assert (result.stream, result.tokens, result.accepted) == (None, None, None)


def test_tokens_are_summed_only_if_every_answer_tells_them() -> None:
    one, other = Answer(False, output_tokens=5, input_tokens=2), Answer(False, output_tokens=7)
    result = summed(one, other, None)
    assert result.tokens is not None
    assert (result.tokens.output, result.tokens.input) == (12, None)
    assert result.tokens.rate == "11.88tok/s"  # from the first, due at 0, to the end of the second at 1.01 s


def test_outcomes_and_exit_stages_are_counted() -> None:
    accepted = [Answer(False, accepted=flag, exit_stage=name) for flag, name in ((True, "2"), (False, "1"))]
    result = summed(*accepted, accepted[0], None)
    assert result.accepted == 2
    assert result.exit_stages == {"1": 1, "2": 2}


def test_a_server_that_makes_up_exit_stages_fills_no_memory() -> None:
    told = Told(1000)
    for number in range(1000):
        told.note(number, Answer(False, exit_stage=str(number)), start=0.0)
    assert len(told.exit_stages) <= 65
    run = record([0.1] * 1000)
    run.told = told
    stages = summarize(stage(), run, []).exit_stages
    assert len(stages) == 17
    assert sum(stages.values()) == 1000


@given(st.lists(st.floats(1e-6, 1000), min_size=1, max_size=300), st.integers(0, 300), st.integers(1, 1000))
def test_a_histogram_of_parts_is_that_of_the_whole(times: list[float], cut: int, per_mille: int) -> None:
    whole, one, other = TimeHistogram(), TimeHistogram(), TimeHistogram()
    whole.add(times)
    one.add(times[:cut])
    other.add(times[cut:])
    one.merge(other)
    np.testing.assert_array_equal(one.counts, whole.counts)
    assert one.total == pytest.approx(sum(times))
    exact = nearest_rank(times, per_mille)
    assert exact * (1 - 1e-6) <= whole.quantile(per_mille) <= exact * 1.01 * (1 + 1e-6)
    assert whole.quantile(1000) == pytest.approx(max(times))


def test_a_histogram_takes_any_time() -> None:
    times = TimeHistogram()
    times.add([0.0, 1e9])
    assert times.quantile(1) == pytest.approx(1e-6)
    assert times.quantile(1000) <= 1e9
    assert len(times) == 2


def test_the_records_of_two_workers_are_put_together() -> None:
    one, other, whole = (
        run_of(streamed(0.1, [0.01]), None).told,
        run_of(streamed(0.2, [])).told,
        run_of(streamed(0.1, [0.01]), streamed(0.2, []), None).told,
    )
    assert one is not None
    assert other is not None
    assert whole is not None
    made = Told.joined([one, other], np.array([0, 2, 1]))
    for name in ("first", "last", "chunks", "input", "output", "estimated", "accepted"):
        np.testing.assert_array_equal(getattr(made, name), getattr(whole, name))
    np.testing.assert_array_equal(made.gaps.counts, whole.gaps.counts)
