from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.unit.decide.objectives import ACCURACY, COST, ERRORS, MEAN, P99
from tollgate.api.arms import MOST_ARM_BLOCKS, MOST_SEGMENTS, ArmCounts, ArmSegment
from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.beside import (
    Beside,
    begun,
    counted,
    judge_beside,
    not_counted,
    pods_digest,
    to_compare,
)
from tollgate.decide.levels import live_levels
from tollgate.measure.counts import Block, LiveCounts

ALPHA = 0.01
INTERVAL = 5.0
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST = int(NOON.timestamp() / INTERVAL)
LIMIT = Decimal("0.250")
TAIL = P99.model_copy(update={"max_regression": "10%"})
FAILED = ERRORS.model_copy(update={"max_regression": "10%"})
PODS = pods_digest(["canary-1"], ["stable-1", "stable-2"])
MORE_PODS = pods_digest(["canary-1"], ["stable-1", "stable-2", "stable-3"])

WITHIN = ObjectiveResult(name="tail", verdict=Verdict.WITHIN, limit="250ms", message="fine")
WAITING = WITHIN.model_copy(
    update={"verdict": Verdict.INCONCLUSIVE, "reason": Reason.TOO_FEW_REQUESTS, "enough": True}
)


def arm(
    requests: int, slow: Sequence[int | tuple[int, int]], *, first: int = FIRST, **fields: object
) -> LiveCounts:
    """So many requests in each scrape interval from noon on, of which so many were slow, and as many failed."""
    pairs = [one if isinstance(one, tuple) else (one, one) for one in slow]
    blocks = {
        first + index: Block(
            requests=requests, slow={LIMIT: pair}, attempts=requests, errors=pair[0], pod_seconds=INTERVAL
        )
        for index, pair in enumerate(pairs)
    }
    return LiveCounts(
        since=first * INTERVAL,
        until=(first + len(pairs)) * INTERVAL,
        blocks=blocks,
        errors_asked=True,
        errors_seen=True,
        pods={"pod": requests * len(pairs)},
        **fields,  # type: ignore[arg-type]
    )


def seen(canary: LiveCounts, stable: LiveCounts, at: Beside | None = None, o: Objective = TAIL) -> Beside:
    return counted(at or begun([], PODS, NOON), [o], canary, stable, INTERVAL)


def result(beside: Beside, of: ObjectiveResult = WITHIN, o: Objective = TAIL) -> ObjectiveResult:
    (judged,) = judge_beside([of.model_copy(update={"name": o.name})], [o], beside, ALPHA)
    return judged


def test_worse_than_the_stable_version_is_a_breach_with_a_reason_of_its_own() -> None:
    beside = seen(arm(100, [3] * 20), arm(900, [9] * 20))
    judged = result(beside)
    assert (judged.verdict, judged.reason) == (Verdict.BREACH, Reason.WORSE_THAN_STABLE)
    assert judged.message == (
        "3% of 1,900 requests slower than 250ms, beside 1% of 17,100 requests to the stable version in the same time: "
        "worse by more than maxRegression, 10%"
    )
    assert float(judged.evidence_breach) >= 5.3, "two tests share 0.01"


def test_errors_are_compared_likewise() -> None:
    beside = seen(arm(100, [3] * 20), arm(900, [9] * 20), o=FAILED)
    assert result(beside, o=FAILED).reason is Reason.WORSE_THAN_STABLE


@pytest.mark.parametrize("of", [WITHIN, WAITING], ids=["within", "waiting"])
@pytest.mark.parametrize("slow", [(0, 0), (1, 9), (40, 360)], ids=["none", "few", "overload of both"])
def test_as_slow_as_the_stable_version_leaves_the_limits_to_decide(
    slow: tuple[int, int], of: ObjectiveResult
) -> None:
    assert result(seen(arm(100, [slow[0]] * 20), arm(900, [slow[1]] * 20)), of) == of


def test_a_better_canary_is_no_pass() -> None:
    assert result(seen(arm(100, [0] * 40), arm(900, [90] * 40)), WAITING) == WAITING


def test_a_breach_of_the_limit_stays_one() -> None:
    broken = WITHIN.model_copy(update={"verdict": Verdict.BREACH})
    assert result(seen(arm(100, [30] * 20), arm(900, [9] * 20)), broken) == broken


def test_of_what_the_histogram_hides_the_canary_has_the_least_and_the_stable_version_the_most() -> None:
    hidden = seen(arm(100, [(0, 30)] * 20), arm(900, [(9, 270)] * 20))
    assert result(hidden) == WITHIN
    assert (hidden.present("tail").canary_over_limit, hidden.present("tail").stable_over_limit) == (
        0,
        270 * 19,
    )


def test_only_whole_scrape_intervals_after_the_change_count() -> None:
    """The first one holds what began before these pods served; the last one is not over."""
    since = NOON + timedelta(seconds=2)
    canary, stable = (arm(100, [1] * 10), arm(900, [1] * 10))
    beside = counted(
        begun([], PODS, since),
        [TAIL],
        LiveCounts(canary.since, canary.until - 1, blocks=canary.blocks, pods=canary.pods),
        stable,
        INTERVAL,
    )
    assert beside.present("tail").canary_requests == 700


def test_other_pods_begin_a_segment_and_what_was_counted_stays() -> None:
    first = seen(arm(100, [2] * 10), arm(900, [9] * 10)).segments()
    assert [segment.pods for segment in first] == [PODS]
    later = NOON + timedelta(seconds=600)
    number = FIRST + 120
    second = seen(
        arm(100, [2] * 10, first=number), arm(900, [9] * 10, first=number), begun(first, MORE_PODS, later)
    )
    assert second.since == later
    assert second.segments()[0] == first[0]
    assert [c.canary_requests for c in second.of("tail")] == [900, 900]
    again = begun(second.segments(), MORE_PODS, later + timedelta(seconds=60))
    assert (again.since, again.before) == (later, tuple(first)), "as long as the pods stay the segment does"


def test_segments_add_up_to_a_breach_that_none_is_alone() -> None:
    at, verdicts = begun([], PODS, NOON), []
    for step in range(6):
        number = FIRST + 100 * step
        beside = seen(arm(100, [1] * 8, first=number), arm(900, [1, 0] * 4, first=number), at)
        verdicts.append(result(beside).verdict)
        later = datetime.fromtimestamp((number + 100) * INTERVAL, UTC)
        at = begun(beside.segments(), pods_digest([f"canary-{step}"], ["stable"]), later)
    assert verdicts[0] is Verdict.WITHIN
    assert verdicts[-1] is Verdict.BREACH


def test_what_was_counted_for_another_limit_is_void() -> None:
    stored = seen(arm(100, [3] * 20), arm(900, [9] * 20)).segments()
    looser = TAIL.model_copy(update={"max": "300ms"})
    for pods in (PODS, MORE_PODS):
        down = not_counted(begun(stored, pods, NOON), [looser], (Reason.METRICS_UNAVAILABLE, "it is down"))
        assert result(down, o=looser).reason is Reason.METRICS_UNAVAILABLE


def test_pods_that_come_back_do_not_open_a_closed_segment() -> None:
    first = begun([], PODS, NOON).segments()
    second = begun(first, MORE_PODS, NOON + timedelta(seconds=60)).segments()
    third = begun(second, PODS, NOON + timedelta(seconds=120))
    assert third.since == NOON + timedelta(seconds=120)
    assert len(third.segments()) == 3


def slow_segment(number: int, slow: int = 1) -> ArmSegment:
    counts = ArmCounts(
        name="tail",
        limit="250ms",
        canary_requests=100,
        canary_over_limit=slow,
        stable_requests=900,
        stable_over_limit=9 * slow,
    )
    return ArmSegment(pods=pods_digest([f"canary-{number}"], []), since=NOON, counts=[counts])


def test_there_is_a_most_of_segments_and_then_no_more_is_counted() -> None:
    stored = [slow_segment(number) for number in range(MOST_SEGMENTS)]
    last = stored[-1].pods
    assert not begun(stored, last, NOON).full, "the last one goes on as long as its pods are there"
    full = begun(stored, PODS, NOON)
    full = seen(arm(100, [90] * 20), arm(900, [0] * 20), full)
    assert full.full
    assert result(full) == WITHIN
    assert len(full.segments()) == MOST_SEGMENTS
    assert begun(full.segments(), last, NOON).full, "what was served in between would be mixed with it"


def test_segments_without_a_slow_request_make_room() -> None:
    stored = [slow_segment(number, slow=number % 2) for number in range(MOST_SEGMENTS)]
    roomy = begun(stored, PODS, NOON)
    assert len(roomy.before) == MOST_SEGMENTS // 2
    assert all(c.stable_over_limit for segment in roomy.before for c in segment.counts)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"silent": ("stable-2",)}, Reason.PODS_NOT_SCRAPED),
        ({"garbled": ("stable-2",)}, Reason.INVALID_SAMPLES),
    ],
)
def test_missing_data_of_the_stable_version_hold_the_release(
    fields: dict[str, object], reason: Reason
) -> None:
    held = result(seen(arm(100, [0] * 20), arm(900, [0] * 20, **fields)))
    assert (held.verdict, held.reason, held.enough) == (Verdict.INCONCLUSIVE, reason, False)
    assert held.message.startswith("not compared with the stable version beside it: ")
    assert held.message.endswith("So far: fine")


def test_missing_data_do_not_undo_what_was_shown() -> None:
    stored = seen(arm(100, [3] * 20), arm(900, [9] * 20)).segments()
    down = not_counted(begun(stored, PODS, NOON), [TAIL], (Reason.METRICS_UNAVAILABLE, "it is down"))
    assert result(down).reason is Reason.WORSE_THAN_STABLE
    assert down.segments() == stored


def test_prometheus_down_holds_the_release() -> None:
    stored = seen(arm(100, [0] * 20), arm(900, [0] * 20)).segments()
    down = not_counted(begun(stored, PODS, NOON), [TAIL], (Reason.METRICS_UNAVAILABLE, "it is down"))
    assert result(down, WAITING).reason is Reason.METRICS_UNAVAILABLE
    assert not result(down, WAITING).enough


def test_it_holds_until_something_of_both_was_counted_and_not_again_in_the_next_segment() -> None:
    nothing = LiveCounts(NOON.timestamp(), NOON.timestamp() + 1)
    assert result(seen(nothing, nothing)).reason is Reason.PODS_NOT_SCRAPED
    young = LiveCounts(NOON.timestamp(), NOON.timestamp() + 1, pods={"pod": 0})
    assert result(seen(young, young)).reason is Reason.TOO_FEW_SCRAPES
    stored = seen(arm(100, [0] * 20), arm(900, [0] * 20)).segments()
    assert result(seen(young, young, begun(stored, MORE_PODS, NOON))) == WITHIN


def test_one_clump_in_the_canary_counts_as_less() -> None:
    """Every 20 scrapes all requests of the canary are slow at once, and now and then one of either."""
    clumped = [100 if index % 20 == 10 else index % 2 for index in range(60)]
    spread = [sum(clumped) // 60 + 1] * 60
    assert float(seen(arm(100, clumped), arm(900, [3] * 60)).present("tail").clumping) > 5
    assert seen(arm(100, spread), arm(900, [3] * 60)).present("tail").clumping == "1"


def test_an_overload_of_both_is_no_clump() -> None:
    """The canary has its tenth of the slow requests, to within one, however many there are."""
    waves = [9 * (index % 20 == 10) + index % 2 for index in range(60)]
    both = seen(arm(100, waves), arm(900, [9 * slow for slow in waves]))
    assert both.present("tail").clumping == "1"


def test_blocks_are_bounded_and_lose_nothing() -> None:
    scrapes = 5 * MOST_ARM_BLOCKS
    beside = seen(arm(100, [1] * scrapes), arm(900, [9] * scrapes))
    assert len(beside.arms["tail"].blocks) <= MOST_ARM_BLOCKS
    assert beside.present("tail").stable_over_limit == 9 * (scrapes - 1)


def test_what_is_compared() -> None:
    given = {"max_regression": "10%"}
    declared = [o.model_copy(update=given) for o in (P99, MEAN, ERRORS, COST, ACCURACY)]
    assert [o.name for o in to_compare(declared, ())] == ["tail", "errorrate"]
    assert to_compare([P99, ERRORS], ()) == (), "only where a margin is declared"
    assert [o.name for o in to_compare(declared, {"tail"})] == ["errorrate"], "what was accepted is not"


def test_limits_and_comparisons_share_what_may_go_wrong() -> None:
    assert live_levels([P99, ERRORS], 0.01).breach == pytest.approx(0.005)
    assert live_levels([TAIL, ERRORS], 0.01).breach == pytest.approx(0.01 / 3)
    assert live_levels([TAIL, FAILED, ACCURACY], 0.01).breach == pytest.approx(0.0025)
    assert live_levels([TAIL], 0.01).within == 0.01, "nothing has to be shared by what must all hold"
