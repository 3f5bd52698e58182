"""What a record keeps of a look at live traffic is the look: read back, it is judged the same."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.decide.objectives import COST, ERRORS, MEAN, P99
from tollgate.api.arms import ArmCounts, ArmSegment
from tollgate.api.canonical import canonical
from tollgate.api.evidence import MOST_BLOCKS, MOST_PODS, CountedOf, LiveEvidence
from tollgate.api.verdict import Reason
from tollgate.decide.beside import ArmBlock, Arms, Beside
from tollgate.decide.live_record import live_evidence, read_look
from tollgate.decide.look import Look
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.counts import Block, LiveCounts
from tollgate.measure.histogram import Bracket

OBJECTIVES = [
    P99.model_copy(update={"max_regression": "10%"}),
    MEAN,
    ERRORS.model_copy(update={"max_regression": "0%"}),
    COST,
]
SINCE, UNTIL = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC), datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
LIMIT = Decimal("0.250")
SECONDS = st.just(0.0) | st.floats(1e-6, 1e7)


@st.composite
def block(draw: st.DrawFn) -> Block:
    requests = draw(st.integers(0, 10**6))
    low = draw(st.integers(0, requests))
    counted = draw(st.booleans())
    return Block(
        requests=requests,
        latency_sum=draw(SECONDS),
        slow={LIMIT: (low, draw(st.integers(low, requests)))} if counted else {},
        attempts=draw(st.integers(0, 10**6)),
        errors=draw(st.integers(0, 10**6)),
        pod_seconds=draw(SECONDS),
    )


NAMES = st.lists(st.from_regex(r"digits-[a-z0-9]{5}", fullmatch=True), max_size=3).map(tuple)
EDGE = st.none() | st.floats(1e-6, 1e3)
COUNTS = st.builds(
    LiveCounts,
    since=st.just(SINCE.timestamp()),
    until=st.just(UNTIL.timestamp()),
    blocks=st.dictionaries(st.integers(353_445_000, 353_445_400), block(), max_size=30),
    brackets=st.dictionaries(st.just(LIMIT), st.builds(Bracket, EDGE, EDGE)),
    sums_seen=st.booleans(),
    errors_asked=st.booleans(),
    errors_seen=st.booleans(),
    pods=st.dictionaries(
        st.from_regex(r"digits-[a-z0-9]{5}", fullmatch=True), st.integers(0, 10**6), max_size=3
    ),
    requests_missing=st.booleans(),
    scraped=NAMES,
    silent=NAMES,
    garbled=NAMES,
    counted_of=st.sampled_from(CountedOf),
)
ARM = st.integers(0, 10**6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
PODS = st.sampled_from(["sha256:" + digit * 64 for digit in "12"])


@st.composite
def segment(draw: st.DrawFn) -> ArmSegment:
    (canary, slow), (stable, stable_slow) = draw(ARM), draw(ARM)
    counts = ArmCounts(
        name="tail",
        limit="250ms",
        canary_requests=canary,
        canary_over_limit=slow,
        stable_requests=stable,
        stable_over_limit=stable_slow,
        clumping=draw(st.sampled_from(["1", "3.25"])),
    )
    return ArmSegment(pods=draw(PODS), since=SINCE, counts=[counts])


FAILURE = st.none() | st.just((Reason.PODS_NOT_SCRAPED, "check that it is scraped"))
ARMS = st.builds(
    Arms,
    st.sampled_from(["250ms", "0.5%"]),
    st.lists(st.tuples(ARM, ARM).map(lambda both: ArmBlock(*both[0], *both[1])), max_size=20).map(tuple),
    FAILURE,
)
BESIDE = st.builds(
    Beside,
    pods=PODS,
    since=st.just(SINCE),
    before=st.lists(segment(), max_size=3).map(tuple),
    kept=st.none() | segment(),
    arms=st.dictionaries(st.sampled_from(["tail", "errorrate"]), ARMS),
)
COSTS = (
    st.none()
    | st.just(CostUnknown("no prices"))
    | st.builds(PodCost, st.decimals("0.000001", 1000, places=6), st.just("USD"))
)
LOOKS = st.builds(
    Look,
    since=st.just(SINCE),
    until=st.just(UNTIL),
    counts=COUNTS,
    queries=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    cost=COSTS,
    reference_rate=st.none() | st.floats(0, 1e6),
    starts=st.none() | st.dictionaries(st.sampled_from([o.name for o in OBJECTIVES]), st.floats(1e-5, 100)),
    beside=st.none() | BESIDE,
)


def stored(evidence: LiveEvidence) -> LiveEvidence:
    """As it comes back from the API server."""
    return LiveEvidence.model_validate(json.loads(canonical(evidence.dump())))


@given(LOOKS)
def test_it_comes_back_as_it_was(look: Look) -> None:
    assert read_look(stored(live_evidence(look, 5, ()))) == look


@given(LOOKS)
def test_it_is_judged_as_it_was(look: Look) -> None:
    again = read_look(stored(live_evidence(look, 5, ())))
    assert again.judged(OBJECTIVES, 0.05) == look.judged(OBJECTIVES, 0.05)


def test_that_prometheus_was_down_comes_back_too() -> None:
    look = Look(SINCE, UNTIL, None, unavailable="connection refused", queries=("a[60s]",))
    assert read_look(stored(live_evidence(look, 5, ()))) == look


@given(COUNTS, st.integers(1, 40))
def test_coarser_blocks_hold_the_same_counts(counts: LiveCounts, most: int) -> None:
    coarse = counts.coarsened(most)
    assert len(coarse.blocks) <= most
    whole, parts = counts.total, coarse.total
    assert (whole.requests, whole.attempts, whole.errors) == (parts.requests, parts.attempts, parts.errors)
    assert whole.slow.get(LIMIT) == parts.slow.get(LIMIT)
    assert parts.latency_sum == pytest.approx(whole.latency_sum)


@given(st.integers(MOST_BLOCKS + 1, 2 * MOST_BLOCKS), st.integers(0, MOST_BLOCKS))
def test_a_complete_block_stays_as_it_is_until_the_window_is_twice_as_long(scrapes: int, more: int) -> None:
    def window(length: int) -> LiveCounts:
        blocks = {1000 + index: Block(requests=index) for index in range(length)}
        return LiveCounts(0.0, 1.0, blocks=blocks).coarsened(MOST_BLOCKS)

    before, after = window(scrapes), window(min(scrapes + more, 2 * MOST_BLOCKS))
    assert all(before.blocks[number] == after.blocks[number] for number in sorted(before.blocks)[:-1])


def test_of_many_pods_the_first_are_kept_and_of_none_counted_there_are_none() -> None:
    names = tuple(f"digits-{number:04d}" for number in range(500))
    counts = LiveCounts(0.0, 1.0, pods=dict.fromkeys(names, 7), silent=names)
    kept = stored(live_evidence(Look(SINCE, UNTIL, counts), 5, ()))
    assert [pod.name for pod in kept.pods] == kept.silent == list(names[:MOST_PODS])


def test_every_field_of_the_counts_is_kept_but_the_edges_that_no_verdict_asks_for() -> None:
    """Who adds a field to LiveCounts adds it to LiveEvidence too, or its verdicts cannot be repeated."""
    kept = {*LiveEvidence.model_fields, "brackets"}
    assert {f.name for f in fields(LiveCounts)} - kept == set()
    assert {f.name for f in fields(Look)} - kept == {"counts"}


def test_a_block_that_does_not_fit_its_columns_is_named() -> None:
    look = Look(SINCE, UNTIL, LiveCounts(0.0, 1.0, blocks={7: Block(requests=3)}))
    kept = live_evidence(look, 5, ())
    for row in ("7 3 3 0 0.0", "7 3 3 0 0.0 0.0 1/1", "7 3 3 x 0.0 0.0"):
        with pytest.raises(ValueError, match=f"the block '{row}' does not fit its columns"):
            read_look(kept.model_copy(update={"blocks": [row]}))
