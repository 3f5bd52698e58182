"""A canary beside the stable version: is it over a limit clearly more often than the version that it is to replace?

Only for objectives that declare `maxRegression`, and besides their limit. The test is `decide.two_arm`; here its
segments are kept. A segment lasts as long as the same pods serve, and is stored with the release at each look, so that
a change of pods closes it with what was counted before the change, however long nobody looked.

The comparison stops a release or holds it, and never lets it pass: two versions without a slow request would never be
told apart. It holds where the stable version's data are missing, and until something of both was counted.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from tollgate.api import units
from tollgate.api.arms import MOST_ARM_BLOCKS, MOST_SEGMENTS, ArmCounts, ArmSegment
from tollgate.api.canonical import digest
from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.dispersion import clumping
from tollgate.decide.judge_live import unfit
from tollgate.decide.levels import compared, live_levels
from tollgate.decide.limits import count, what_is_over
from tollgate.decide.live_proportion import over_limit
from tollgate.decide.means import MIN_LIVE_BLOCKS
from tollgate.decide.two_arm import Segment, arms_evidence
from tollgate.measure.counts import Block, LiveCounts

Failure = tuple[Reason, str]

_NOT_YET = (Reason.NO_TRAFFIC, Reason.TOO_FEW_SCRAPES)
"""What is no failure once something was counted: a new segment begins with nothing."""


class ArmBlock(NamedTuple):
    """Both arms in the same stretch of time: requests, and how many of them were over the limit."""

    canary: int
    canary_over: int
    stable: int
    stable_over: int


@dataclass(frozen=True)
class Arms:
    """One objective in the present segment; `failure` says why the stable version can not be compared with."""

    limit: str
    blocks: tuple[ArmBlock, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True)
class Beside:
    """The present segment, which began `since` and is that of these `pods`, and those `before` it.

    `kept` is the present one as it was stored at the last look. `arms` is by name of objective.
    """

    pods: str
    since: datetime
    before: tuple[ArmSegment, ...] = ()
    kept: ArmSegment | None = None
    arms: Mapping[str, Arms] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """True when pods have changed so often that no more segments are kept."""
        return len(self.before) >= MOST_SEGMENTS

    def segments(self) -> list[ArmSegment]:
        """All segments, as they are stored."""
        if self.full:
            return [*self.before[:-1], self.before[-1].model_copy(update={"pods": ""})]
        counts = [self.present(name) for name in self.arms]
        return [*self.before, ArmSegment(pods=self.pods, since=self.since, counts=counts)]

    def of(self, name: str) -> list[ArmCounts]:
        """What each segment counted for one objective."""
        found = [counts for segment in self.before for counts in self._counts(segment, name)]
        return found if self.full else [*found, self.present(name)]

    def present(self, name: str) -> ArmCounts:
        """What the present segment has counted. What was counted once is not lost with Prometheus."""
        blocks = self.arms[name].blocks
        if not blocks and self.kept is not None and (stored := self._counts(self.kept, name)):
            return stored[0]
        total = _sum(blocks)
        return ArmCounts(
            name=name,
            limit=self.arms[name].limit,
            canary_requests=total.canary,
            canary_over_limit=total.canary_over,
            stable_requests=total.stable,
            stable_over_limit=total.stable_over,
            clumping=_rounded_up(_clumping(blocks, total)),
        )

    def _counts(self, segment: ArmSegment, name: str) -> list[ArmCounts]:
        """What a segment counted for one objective; nothing if its limit was another one."""
        limit = self.arms[name].limit
        return [counts for counts in segment.counts if (counts.name, counts.limit) == (name, limit)]


def pods_digest(canary: Iterable[str], stable: Iterable[str]) -> str:
    """One word for the pods that users reach; another pod is another word."""
    return digest([sorted(canary), sorted(stable)])


def begun(segments: Sequence[ArmSegment], pods: str, now: datetime) -> Beside:
    """The segment of these pods: the last one stored, or a new one. Nothing is counted yet."""
    if segments and segments[-1].pods == pods:
        return Beside(pods, segments[-1].since, tuple(segments[:-1]), segments[-1])
    before = list(segments)
    if len(before) >= MOST_SEGMENTS:  # without a slow request a segment is no evidence
        before = [
            one for one in before if any(c.canary_over_limit or c.stable_over_limit for c in one.counts)
        ]
    return Beside(pods, now, tuple(before))


def counted(
    at: Beside, objectives: Iterable[Objective], canary: LiveCounts, stable: LiveCounts, interval: float
) -> Beside:
    """The present segment with what both arms counted, `interval` seconds being from scrape to scrape."""
    numbers = _whole(at.since.timestamp(), min(canary.until, stable.until), interval)
    arms = {}
    for o in objectives:
        blocks = () if at.full else tuple(_blocks(o, numbers, canary, stable))
        arms[o.name] = Arms(o.limit, blocks, unfit(o, stable))
    return replace(at, arms=arms)


def not_counted(at: Beside, objectives: Iterable[Objective], failure: Failure) -> Beside:
    """The present segment where a version's data could not be had."""
    return replace(at, arms={o.name: Arms(o.limit, failure=failure) for o in objectives})


def to_compare(objectives: Iterable[Objective], accepted: Collection[str]) -> tuple[Objective, ...]:
    """The objectives that are compared; not those in which the candidate may be worse, as was `accepted`."""
    return tuple(o for o in objectives if compared(o) and o.name not in accepted)


def judge_beside(
    results: Sequence[ObjectiveResult],
    objectives: Sequence[Objective],
    beside: Beside,
    alpha: float,
    timed: Collection[Dimension] = (),
) -> tuple[ObjectiveResult, ...]:
    """The results of the limits with what the comparison adds; `alpha` is the budget's."""
    level = live_levels(objectives, alpha, timed).breach
    named = {o.name: o for o in objectives}
    return tuple(
        _judged(named[r.name], r, beside, level) if r.name in beside.arms and _open(r) else r for r in results
    )


def _open(result: ObjectiveResult) -> bool:
    """Whether a comparison can say more than the limit did."""
    return result.verdict is not Verdict.BREACH and result.reason is not Reason.NOT_JUDGED_HERE


def _judged(o: Objective, result: ObjectiveResult, beside: Beside, level: float) -> ObjectiveResult:
    counts = beside.of(o.name)
    evidence = float(arms_evidence([_effective(c) for c in counts], float(o.margin), level).breach)
    if evidence >= -math.log(level):
        return result.model_copy(
            update={
                "verdict": Verdict.BREACH,
                "reason": Reason.WORSE_THAN_STABLE,
                "message": _worse(o, counts),
                "evidence_breach": units.format_number(evidence),
                "enough": False,
            }
        )
    if result.reason not in (None, Reason.TOO_FEW_REQUESTS):
        return result  # it passes nothing, and says what is missing
    failure = beside.arms[o.name].failure
    if any(c.canary_requests and c.stable_requests for c in counts):
        failure = None if failure and failure[0] in _NOT_YET else failure
    else:
        failure = failure or (
            Reason.TOO_FEW_SCRAPES,
            "no whole scrape interval of both is over yet",
        )
    if failure is None:
        return result
    reason, why = failure
    return result.model_copy(
        update={
            "verdict": Verdict.INCONCLUSIVE,
            "reason": reason,
            "message": f"not compared with the stable version beside it: {why}. So far: {result.message}"[
                :1024
            ],
            "enough": False,
        }
    )


def _worse(o: Objective, counts: Iterable[ArmCounts]) -> str:
    canary, slow, stable, stable_slow = (
        sum(column)
        for column in zip(
            *(
                (c.canary_requests, c.canary_over_limit, c.stable_requests, c.stable_over_limit)
                for c in counts
            ),
            strict=True,
        )
    )
    return (
        f"{units.format_percent(slow / canary)} of {count(canary)} {what_is_over(o)}, beside "
        f"{units.format_percent(stable_slow / stable)} of {count(stable)} to the stable version in the same time: "
        f"worse by more than maxRegression, {o.max_regression}"
    )


def _effective(c: ArmCounts) -> Segment:
    """The counts as independent requests, of equal weight as evidence."""
    factor = float(c.clumping)
    return Segment(
        c.canary_requests / factor,
        c.canary_over_limit / factor,
        c.stable_requests / factor,
        c.stable_over_limit / factor,
    )


def _whole(since: float, until: float, interval: float) -> range:
    """The scrape intervals, by number since the epoch, that are over and in which these pods alone were scraped.

    The scrape that ends the first whole interval counts from one before it, when other pods may have served.
    """
    return range(math.ceil(since / interval) + 1, math.floor(until / interval))


def _blocks(o: Objective, numbers: range, canary: LiveCounts, stable: LiveCounts) -> Iterable[ArmBlock]:
    """Both arms in at most `MOST_ARM_BLOCKS` blocks: neighbours put together from the epoch on."""
    shift = 0
    while numbers and (numbers[-1] >> shift) - (numbers[0] >> shift) >= MOST_ARM_BLOCKS:
        shift += 1
    merged: dict[int, tuple[Block, Block]] = {}
    for number in numbers:
        mine, theirs = (arm.blocks.get(number, Block()) for arm in (canary, stable))
        one, other = merged.get(number >> shift, (Block(), Block()))
        merged[number >> shift] = (one + mine, other + theirs)
    for mine, theirs in merged.values():
        requests, least, _ = over_limit(o, mine)
        others, _, most = over_limit(o, theirs)
        yield ArmBlock(requests, least, others, most)


def _clumping(blocks: Sequence[ArmBlock], total: ArmBlock) -> float:
    """By how much the canary's part of the slow requests varies more than if each fell to it by itself.

    An overload of both is no clump in this sense, however long it is. Before clumps can be seen, the slow requests of
    each block are taken for one, which falls to one arm as a whole: that is the most they can vary.
    """
    rarer = min(total.canary, total.stable)
    if not rarer:
        return 1.0
    each = math.ceil((total.canary + total.stable) / rarer)  # among so many slow ones, one is the rarer arm's
    merged: list[tuple[float, float]] = []
    slow = both = 0
    for block in blocks:
        slow, both = slow + block.canary_over, both + block.canary_over + block.stable_over
        if both >= each:
            merged.append((slow, both))
            slow = both = 0
    if len(merged) >= MIN_LIVE_BLOCKS:
        return clumping(merged)
    sizes = [block.canary_over + block.stable_over for block in blocks]
    return sum(size * size for size in sizes) / sum(sizes) if any(sizes) else 1.0


def _rounded_up(factor: float) -> str:
    return f"{math.ceil(factor * 1e6) / 1e6:.6f}".rstrip("0").rstrip(".")


def _sum(blocks: Iterable[ArmBlock]) -> ArmBlock:
    return ArmBlock(*map(sum, zip(*blocks, strict=True))) if blocks else ArmBlock(0, 0, 0, 0)
