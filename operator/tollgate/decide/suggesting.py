"""Limits from a measurement: what it would certify, with room to spare. A place to start, for people to change."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.dimension import SHAPES, Dimension
from tollgate.api.objective import Objective
from tollgate.decide.estimates import Alpha, Estimate, Loaded
from tollgate.decide.limits import show
from tollgate.decide.loads import certifies
from tollgate.decide.pooling import runs_added
from tollgate.decide.stage_estimates import estimate

_DIGITS = 2

_ASKED: tuple[dict[str, Any], ...] = (
    {"name": "tail", "dimension": "Latency", "statistic": "P99", "max": "1s"},
    {"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "1s"},
    {"name": "first-token", "dimension": "TimeToFirstToken", "statistic": "P95", "max": "1s"},
    {"name": "per-token", "dimension": "TimePerOutputToken", "statistic": "P95", "max": "1s"},
    {"name": "errors", "dimension": "ErrorRate", "max": "1%"},
    {"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "1XXX"},
    {"name": "cost-of-tokens", "dimension": "Cost", "per": "1MTokens", "max": "1XXX"},
    {"name": "energy", "dimension": "Energy", "per": "Request", "max": "1J", "measured": True},
    {"name": "memory", "dimension": "Memory", "max": "1Gi"},
    {"name": "gpu-memory", "dimension": "GPUMemory", "max": "1Gi"},
    {"name": "kv-cache", "dimension": "KVCache", "max": "50%"},
    {"name": "accuracy", "dimension": "Quality", "metric": "Accuracy", "min": "0.5"},
)
"""What a measurement is asked for; the limits here stand for their units only."""


def suggest(result: BenchmarkResult, pods: Loaded, *, headroom: float, confidence: float) -> list[Objective]:
    """An objective for all that was measured in every steady stage, each looser by `headroom` (0.2: a fifth).

    The room is added to the bound at this confidence on the bad side, so the measurement itself is within the limits;
    they are rounded away from it. Of a share, such as errors or an accuracy, it is the bad part that grows.
    """
    stages = runs_added([stage for stage in result.declared if not stage.warm_up])
    alpha = 1 - confidence
    return [o for o in (_suggested(asked, stages, pods, headroom, alpha) for asked in _asked(pods)) if o]


def _asked(pods: Loaded) -> Iterator[Objective]:
    currency = getattr(pods.cost, "currency", "")
    for fields in _ASKED:
        if fields["dimension"] != Dimension.COST:
            yield Objective.model_validate(fields)
        elif currency:
            yield Objective.model_validate(fields | {"max": f"1{currency}"})


def _suggested(
    o: Objective, stages: Sequence[StageResult], pods: Loaded, headroom: float, alpha: float
) -> Objective | None:
    fit = [stage for stage in stages if certifies(o, stage.name, stage.load) and not stage.client_limited]
    seen = [estimate(o, stage, pods, Alpha(alpha, alpha)) for stage in fit]
    known = [one for one in seen if isinstance(one, Estimate)]
    if not known or len(known) < len(seen):
        return None
    bound = "max" if o.max is not None else "min"
    worst = max(one.high for one in known) if o.max is not None else min(one.low for one in known)
    if not math.isfinite(worst) or worst <= 0:
        return None
    value = worst * (1 + headroom) if o.max is not None else 1 - (1 - worst) * (1 + headroom)
    limit = show(o, _away(value, up=o.max is not None))
    if not SHAPES[o.dimension].accepts(limit):
        return None
    return o.model_copy(update={bound: limit})


def _away(value: float, *, up: bool) -> float:
    """Two significant digits, no nearer to what was measured; of a share near 1 those of what lacks to it."""
    if not up:
        return 1 - _away(1 - value, up=True)
    unit = 10.0 ** (math.floor(math.log10(value)) - _DIGITS + 1)
    return math.ceil(value / unit - 1e-9) * unit
