"""The parts of several pods as one result: against what one pod would have found in the raw records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import record, stage
from tests.unit.bench.test_merge import measured, shares
from tollgate.api import units
from tollgate.api.benchmark import StageResult
from tollgate.api.part_transport import coarser, decode_part, encode_part, longer
from tollgate.api.parts import BenchmarkPart, StagePart
from tollgate.api.server_side import SteadyWindow
from tollgate.api.transport import LIMIT, read_bins
from tollgate.bench.parts import part_of
from tollgate.bench.records import StageRun
from tollgate.bench.summary import summarize
from tollgate.measure.parts import merge_parts

LIMITS = ["10ms", "50ms"]
COUNTED = ("requests", "errors", "error_kinds", "over_limit", "scored", "correct")


def parts(whole: StageRun, pods: int, **fields: Any) -> dict[int, BenchmarkPart]:
    made = [part_of(stage(**fields), len(whole.schedule), share, LIMITS) for share in shares(whole, pods)]
    return {number: document(number, [share]) for number, share in enumerate(made)}


def document(number: int, stages: list[StagePart]) -> BenchmarkPart:
    digests = {"dataset": "sha256:" + "a" * 64, "profile": "sha256:" + "b" * 64}
    return BenchmarkPart.model_validate(
        digests | {"pods": 2, "pod": number, "stages": [made.model_dump() for made in stages]}
    )


def merged(made: dict[int, BenchmarkPart]) -> StageResult:
    return merge_parts(made, {}, 1).stages[0]


def seconds(text: str) -> float:
    return float(units.parse_duration(text))


@given(st.integers(40, 600), st.integers(2, 16))
def test_counts_and_rates_are_those_of_one_pod(requests: int, pods: int) -> None:
    whole = measured(requests)
    one, several = summarize(stage(), whole, LIMITS), merged(parts(whole, pods))
    for name in COUNTED:
        assert getattr(several, name) == getattr(one, name), name
    for name in ("achieved_rate", "answered_rate"):  # parts hold whole microseconds, texts four digits
        exact, told = (float(units.parse_rate(getattr(each, name))) for each in (one, several))
        assert told == pytest.approx(exact, rel=3e-4), name
    assert seconds(several.seconds) == pytest.approx(seconds(one.seconds), rel=3e-4)
    assert seconds(several.mean) == pytest.approx(seconds(one.mean), rel=1e-3)
    assert sum(count for _, count in read_bins(several.sketch)) == requests
    assert seconds(several.schedule_delay_p99) >= seconds(one.schedule_delay_p99)


@given(st.integers(40, 600), st.integers(2, 8))
def test_quantiles_are_those_of_all_requests_to_the_width_of_a_bin(requests: int, pods: int) -> None:
    whole = measured(requests)
    one, several = summarize(stage(), whole, LIMITS).quantiles, merged(parts(whole, pods)).quantiles
    for name in ("p50", "p90", "p95", "p99", "p999", "max"):
        exact, told = seconds(getattr(one, name)), seconds(getattr(several, name))
        assert exact * 0.999 <= told <= exact * 1.0111, name


def test_the_spread_holds_that_of_the_raw_records() -> None:
    whole = record(np.random.default_rng(3).exponential(0.02, 4000), rate=400)
    one, several = summarize(stage(), whole, []).spread, merged(parts(whole, 4)).spread
    assert one is not None
    assert several is not None
    assert several.blocks == one.blocks == 20
    for name in ("p50", "p90", "p95", "p99"):
        low, high = (seconds(getattr(bounds, name)) for bounds in (several.low, several.high))
        assert low == pytest.approx(seconds(getattr(one.low, name)), rel=0.06)
        assert high == pytest.approx(seconds(getattr(one.high, name)), rel=0.06)


def test_the_mean_of_percentiles_is_not_taken() -> None:
    """One pod meets all the slow answers: the 99th percentile of all is none of, and not between, theirs."""
    latency = np.full(1000, 0.01)
    latency[::2] = np.where(np.arange(500) % 100 < 4, 0.5, 0.01)  # 4 % of the first pod's, 2 % of all
    several = merged(parts(record(latency), 2))
    assert seconds(several.quantiles.p99) == pytest.approx(0.5, rel=0.011)
    assert seconds(several.quantiles.p95) == pytest.approx(0.01, rel=0.011)


@given(st.integers(40, 400), st.integers(0, 3), st.integers(0, 3))
def test_parts_of_different_fineness_lose_no_request(requests: int, wider: int, fewer: int) -> None:
    whole = measured(requests)
    made = parts(whole, 2)
    rough = made[1].stages[0]
    for _ in range(wider):
        rough = coarser(rough)
    for _ in range(fewer):
        rough = longer(rough)
    several = merged({0: made[0], 1: document(1, [rough])})
    one = summarize(stage(), whole, LIMITS)
    assert several.requests == one.requests
    assert sum(count for _, count in read_bins(several.sketch)) == requests
    assert seconds(several.mean) == pytest.approx(seconds(one.mean), rel=1e-3)
    assert seconds(several.quantiles.p99) <= seconds(one.quantiles.p99) * float(rough.growth) * 1.01


@pytest.mark.parametrize("stages", [1, 3, 8])
def test_a_part_fits_into_a_termination_message_with_every_count(stages: int) -> None:
    rng = np.random.default_rng(stages)
    whole = record(rng.lognormal(-3, 1, 20_000), rate=1000)
    share = part_of(stage(), 40_000, whole, LIMITS)
    sent = document(3, [share.model_copy(update={"name": f"s{number}"}) for number in range(stages)])
    text = encode_part(sent)
    assert len(text) <= LIMIT
    for before, after in zip(sent.stages, decode_part(text).stages, strict=True):
        counted = {"growth", "blocks", "client_limited", "error_examples"}
        assert after.model_dump(exclude=counted) == before.model_dump(exclude=counted)
        assert sum(block.sum for block in after.blocks) == sum(block.sum for block in before.blocks)
        assert float(after.growth) < 1.5


def test_a_lost_pod_and_a_limited_one_are_said_in_every_stage() -> None:
    whole = record([0.01] * 300)
    made = parts(whole, 3)
    made[0].stages[0].client_limited = "requests were sent late"
    del made[1]
    result = merge_parts(made, {1: "OOMKilled, exit code 137"}, 4).stages[0]
    assert result.client_limited == (
        "1 of 3 pods left no result: pod 1: OOMKilled, exit code 137; pod 0: requests were sent late"
    )
    assert (result.requests, result.workers_lost) == (200, 4)


def test_the_first_pods_example_of_each_kind_of_error_is_kept() -> None:
    made = parts(measured(400), 2)
    made[0].stages[0].error_examples = {"timeout": "no answer in time"}
    made[1].stages[0].error_examples = {"timeout": "another one", "http_5xx": "HTTP 500"}
    assert merged(made).error_examples == {"timeout": "no answer in time", "http_5xx": "HTTP 500"}


def test_no_part_at_all_is_no_result() -> None:
    with pytest.raises(ValueError, match="no pod left a result: pod 0: why; pod 1: what"):
        merge_parts({}, {1: "what", 0: "why"}, 1)


@pytest.mark.parametrize(
    "change", [{"requests": 99}, {"errors": 1}, {"workers_lost": 1}, {"growth": "2"}, {"blocks": []}]
)
def test_a_part_that_does_not_add_up_is_refused(change: dict[str, Any]) -> None:
    fair = parts(record([0.01] * 200), 2)[0].stages[0].model_dump()
    with pytest.raises(ValueError, match=r"stage|String|List"):
        StagePart.model_validate(fair | change)


def test_the_steady_part_is_when_all_shares_were_steady() -> None:
    whole = record([0.1] * 10 + [0.01] * 390)
    one, several = summarize(stage(), whole, LIMITS).steady, merged(parts(whole, 2)).steady
    assert one is not None
    assert several is not None
    apart = timedelta(seconds=0.01)  # between the first requests of the two, and the last
    assert (several.since - one.since, one.until - several.until) == (apart, apart)
    made = parts(whole, 2)
    made[1].stages[0].steady = None
    assert merged(made).steady is None
    made = parts(whole, 2)
    later = made[0].stages[0].steady
    assert later is not None
    after = timedelta(seconds=9)
    made[1].stages[0].steady = SteadyWindow(since=later.since + after, until=later.until + after)
    assert merged(made).steady is None, "never at once"
