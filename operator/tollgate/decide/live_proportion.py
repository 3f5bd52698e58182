"""Tails of latency and error rates of live traffic: the evidence of their counts, borne out by blocks of time."""

from __future__ import annotations

import math

from tollgate.api import units
from tollgate.api.objective import Dimension, Objective
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.decide.dispersion import dispersion
from tollgate.decide.evidence import CountVerdict, judge_counts, log_breach, requests_to_detect
from tollgate.decide.levels import Levels
from tollgate.decide.limits import allowed_fraction, count, show, tail_limit, what_is_over
from tollgate.decide.means import REQUESTS_PER_BLOCK, Pair, sequence_interval
from tollgate.measure.counts import Block, LiveCounts


def judge_proportion(o: Objective, live: LiveCounts, levels: Levels) -> ObjectiveResult:
    p0 = allowed_fraction(o)
    assert p0 is not None
    n, low, high = _counted(o, live.total)
    said = judge_counts(n, (low, high), p0, levels)
    clumps = _clumps(o, live, said.verdict, p0, levels)
    verdict, reason = said.verdict, said.reason
    if clumps:
        verdict, reason = Verdict.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS
    detectable = n >= requests_to_detect(p0, levels.breach)
    unhidden = log_breach(n, high, p0, levels.breach) < -math.log(levels.breach)
    share = units.format_percent(low / n) if low == high else f"{_percent(low, n)} to {_percent(high, n)}"
    return ObjectiveResult(
        name=o.name,
        verdict=verdict,
        reason=reason,
        message=_proportion_message(o, live, said, n, share, p0, levels, clumps),
        limit=o.limit,
        observed=share + (f" over {o.limit}" if o.dimension is Dimension.LATENCY else ""),
        requests=n,
        over_limit=low,
        evidence_breach=units.format_number(said.log_breach),
        evidence_within=units.format_number(said.log_within),
        enough=detectable and unhidden and not clumps,
    )


def _counted(o: Objective, block: Block) -> tuple[int, int, int]:
    """Requests, and the least and most of them that are over the limit."""
    limit = tail_limit(o)
    if limit is None:
        errors = min(block.errors, block.attempts)
        return block.attempts, errors, errors
    low, high = block.slow.get(limit, (0, block.requests))
    return block.requests, min(low, block.requests), min(high, block.requests)


def _clumps(o: Objective, live: LiveCounts, verdict: Verdict, p0: float, levels: Levels) -> str:
    """Why blocks of time do not bear out the verdict of the counts; empty when they do or need not."""
    if verdict is Verdict.INCONCLUSIVE:
        return ""
    blocks = [_counted(o, block) for block in live.merged(max(REQUESTS_PER_BLOCK, math.ceil(1 / p0)))]
    side = 1 if verdict is Verdict.BREACH else 2
    pairs: list[Pair] = [(float(block[side]), float(block[0])) for block in blocks]
    spread = dispersion(pairs)
    if not spread.clumped:
        return ""
    interval = sequence_interval(pairs, alpha_low=levels.breach, alpha_high=levels.within)
    agreed = interval is not None and (interval.low > p0 if verdict is Verdict.BREACH else interval.high < p0)
    if agreed:
        return ""
    return f"they come in clumps (variance {spread.factor:.1f} times that of independent ones), so more is needed"


def _proportion_message(
    o: Objective,
    live: LiveCounts,
    said: CountVerdict,
    n: int,
    share: str,
    p0: float,
    levels: Levels,
    clumps: str,
) -> str:
    seen = f"{share} of {count(n)} {what_is_over(o)}, at most {units.format_percent(p0)} allowed"
    if clumps:
        return f"{seen}: {clumps}"
    if said.verdict is not Verdict.INCONCLUSIVE:
        return seen
    if said.reason is Reason.BUCKET_RESOLUTION:
        return f"{seen}: the histogram has no bucket edge at {o.limit}, add one ({_edges(o, live)})"
    needed = requests_to_detect(p0, levels.breach)
    wait = f"; a severe regression shows within {count(needed)}" if n < needed else ""
    return f"{seen}: too few requests to tell{wait}"


def _edges(o: Objective, live: LiveCounts) -> str:
    limit = tail_limit(o)
    around = live.brackets.get(limit) if limit is not None else None
    below = show(o, around.below) if around and around.below is not None else "none below"
    above = show(o, around.above) if around and around.above is not None else "none above"
    return f"its neighbours are {below} and {above}"


def _percent(part: int, whole: int) -> str:
    return units.format_percent(part / whole)
