"""Tails of latency and error rates of live traffic: the evidence of their counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tollgate.api import units
from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.dispersion import clumping
from tollgate.decide.evidence import judge_counts, requests_to_detect
from tollgate.decide.levels import Levels
from tollgate.decide.limits import allowed_fraction, count, show, tail_limit, what_is_over
from tollgate.decide.means import REQUESTS_PER_BLOCK
from tollgate.decide.proportion_sequence import proportion_sequence
from tollgate.measure.counts import Block, LiveCounts


@dataclass(frozen=True)
class _Counts:
    """Requests, the least and most of them that are over the limit, and how much their clumping takes away."""

    n: int
    low: int
    high: int
    clumping: float

    @property
    def effective(self) -> tuple[float, float, float]:
        """The counts as independent requests, of equal weight as evidence."""
        return self.n / self.clumping, self.low / self.clumping, self.high / self.clumping


def judge_proportion(o: Objective, live: LiveCounts, levels: Levels) -> ObjectiveResult:
    """A tail of latency or the error rate; there is at least one request."""
    p0 = allowed_fraction(o)
    assert p0 is not None
    counts = _counts(o, live, p0)
    n, low, high = counts.effective
    said = judge_counts(n, (low, high), p0, levels)
    at_least, at_most = proportion_sequence(n, low, high, levels)
    detectable = n >= requests_to_detect(p0, levels.breach)
    message = (
        f"{_share(counts)} of {count(counts.n)} {what_is_over(o)}, at most {units.format_percent(p0)} allowed"
    )
    if counts.clumping > 1:
        message += f" (in clumps: worth {count(round(n))} that are independent)"
    if said.reason is Reason.BUCKET_RESOLUTION:
        message += (
            f": the histogram has no bucket edge at {o.limit}, add one or move it ({_neighbours(o, live)})"
        )
    elif said.verdict is Verdict.INCONCLUSIVE:
        message += ": too few requests to tell"
        if not detectable:
            message += f"; a severe regression shows within {count(requests_to_detect(p0, levels.breach))}"
    return ObjectiveResult(
        name=o.name,
        verdict=said.verdict,
        reason=said.reason,
        message=message,
        limit=o.limit,
        observed=_share(counts) + (f" over {o.limit}" if o.dimension is Dimension.LATENCY else ""),
        low=units.format_percent(float(at_least)),
        high=units.format_percent(float(at_most)),
        requests=counts.n,
        over_limit=counts.low,
        evidence_breach=units.format_number(said.log_breach),
        evidence_within=units.format_number(said.log_within),
        enough=detectable and not said.may_be_breach,
    )


def _counts(o: Objective, live: LiveCounts, p0: float) -> _Counts:
    n, low, high = over_limit(o, live.total)
    blocks = [over_limit(o, block) for block in live.merged(max(REQUESTS_PER_BLOCK, math.ceil(1 / p0)))]
    factor = max(clumping([(block[side], block[0]) for block in blocks]) for side in (1, 2))
    return _Counts(n, low, high, factor)


def over_limit(o: Objective, block: Block) -> tuple[int, int, int]:
    """Requests, and the least and most of them that are over the limit."""
    limit = tail_limit(o)
    if limit is None:
        errors = min(block.errors, block.attempts)
        return block.attempts, errors, errors
    low, high = block.slow.get(limit, (0, block.requests))
    return block.requests, min(low, block.requests), min(high, block.requests)


def _share(counts: _Counts) -> str:
    low, high = (units.format_percent(part / counts.n) for part in (counts.low, counts.high))
    return low if low == high else f"{low} to {high}"


def _neighbours(o: Objective, live: LiveCounts) -> str:
    limit = tail_limit(o)
    around = live.brackets.get(limit) if limit is not None else None
    below = show(o, around.below) if around and around.below is not None else "none below"
    above = show(o, around.above) if around and around.above is not None else "none above"
    return f"its neighbours are {below} and {above}"
