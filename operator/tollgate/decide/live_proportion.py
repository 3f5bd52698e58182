"""Tails of latency and error rates of live traffic: the evidence of their counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tollgate.api import units
from tollgate.api.objective import Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.bets import log_bets
from tollgate.decide.dispersion import clumping
from tollgate.decide.evidence import judge_counts, requests_to_detect
from tollgate.decide.levels import Levels
from tollgate.decide.limits import allowed_fraction, count, counted_noun, live_tail, slow_at, what_is_over
from tollgate.decide.means import REQUESTS_PER_BLOCK
from tollgate.decide.proportion_sequence import proportion_sequence
from tollgate.measure.counts import Block, LiveCounts


@dataclass(frozen=True)
class _Counts:
    """Requests, the least and most of them that are over the limit, and what their clumps take away.

    `clumping` is by how much the counts vary more than those of independent requests; `log_bets` is the evidence, of
    the least, that the limit is broken in block after block.
    """

    n: int
    low: int
    high: int
    clumping: float
    log_bets: float

    @property
    def effective(self) -> tuple[float, float, float]:
        """The counts as independent requests, of equal weight as evidence."""
        return self.n / self.clumping, self.low / self.clumping, self.high / self.clumping


def judge_proportion(o: Objective, live: LiveCounts, levels: Levels, serves: bool = False) -> ObjectiveResult:
    """A tail of latency or the error rate; there is at least one request.

    A Breach takes the evidence of the requests and that of the blocks. Within takes the evidence of the requests, or of
    so many fewer as their clumping asks for; so does a Breach of what `serves`, whose level is too small for blocks.
    """
    p0 = allowed_fraction(o)
    assert p0 is not None
    counts = _counts(o, live, p0, serves)
    n, low, high = counts.effective
    said = judge_counts(n, (low, high), p0, levels)
    plain = said
    if counts.clumping > 1 and not serves:
        plain = judge_counts(counts.n, (counts.low, counts.high), p0, levels)
    lasting = counts.log_bets >= -math.log(levels.breach)
    if plain.verdict is Verdict.BREACH and lasting:
        verdict, reason = Verdict.BREACH, None
    elif said.verdict is Verdict.WITHIN:
        verdict, reason = Verdict.WITHIN, None
    else:
        hidden = plain.verdict is not Verdict.BREACH and said.reason is Reason.BUCKET_RESOLUTION
        verdict = Verdict.INCONCLUSIVE
        reason = Reason.BUCKET_RESOLUTION if hidden else Reason.TOO_FEW_REQUESTS
    needed, noun = requests_to_detect(p0, levels.breach), counted_noun(o)
    seen = f"{_share(counts)} of {count(counts.n, noun)} {what_is_over(o)}"
    message = f"{seen}, at most {units.format_percent(p0)} allowed"
    if counts.clumping > 1:
        message += f" (in clumps: worth {count(round(n))} that are independent)"
    if reason is Reason.BUCKET_RESOLUTION:
        message += (
            f": the histogram has no bucket edge at {slow_at(o)}, add one or move it ({_neighbours(o, live)})"
        )
    elif verdict is Verdict.INCONCLUSIVE and plain.verdict is Verdict.BREACH:
        message += ": too few scrapes to tell a regression from a moment's overload"
    elif verdict is Verdict.INCONCLUSIVE:
        message += f": too few {noun}s to tell"
        if n < needed:
            message += f"; a severe regression shows within {count(needed, noun)}"
    at_least, at_most = proportion_sequence(n, low, high, levels)
    return ObjectiveResult(
        name=o.name,
        verdict=verdict,
        reason=reason,
        message=message,
        limit=o.limit,
        observed=_share(counts) + (f" over {slow_at(o)}" if live_tail(o) is not None else ""),
        low=units.format_percent(min(float(at_least), 1.0 if lasting else p0)),
        high=units.format_percent(float(at_most)),
        requests=counts.n,
        over_limit=counts.low,
        evidence_breach=units.format_number(min(plain.log_breach, counts.log_bets)),
        evidence_within=units.format_number(said.log_within),
        enough=n >= needed and not plain.may_be_breach,
    )


def _counts(o: Objective, live: LiveCounts, p0: float, serves: bool) -> _Counts:
    n, low, high = over_limit(o, live.total)
    merged = [over_limit(o, block) for block in live.merged(max(REQUESTS_PER_BLOCK, math.ceil(1 / p0)))]
    factor = max(clumping([(block[side], block[0]) for block in merged]) for side in (1, 2))
    if serves:
        return _Counts(n, low, high, factor, math.inf)
    complete = [over_limit(o, block) for block in live.complete]
    bets = log_bets([block[1] for block in complete], [block[0] for block in complete], p0)
    return _Counts(n, low, high, factor, float(bets[-1]) if complete else 0.0)


def over_limit(o: Objective, block: Block) -> tuple[int, int, int]:
    """Requests, and the least and most of them that are over the limit."""
    limit = live_tail(o)
    if limit is None:
        errors = min(block.errors, block.attempts)
        return block.attempts, errors, errors
    low, high = block.slow.get(limit, (0, block.requests))
    return block.requests, min(low, block.requests), min(high, block.requests)


def _share(counts: _Counts) -> str:
    low, high = (units.format_percent(part / counts.n) for part in (counts.low, counts.high))
    return low if low == high else f"{low} to {high}"


def _neighbours(o: Objective, live: LiveCounts) -> str:
    limit = live_tail(o)
    around = live.brackets.get(limit) if limit is not None else None
    below = units.format_duration(around.below) if around and around.below is not None else "none below"
    above = units.format_duration(around.above) if around and around.above is not None else "none above"
    return f"its neighbours are {below} and {above}"
