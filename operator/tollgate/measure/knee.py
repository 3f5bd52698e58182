"""The knee of a server: the rate up to which more load brings more answers than it costs latency. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tollgate.api import units
from tollgate.api.benchmark import StageResult


def knee(stages: Sequence[StageResult]) -> StageResult | None:
    """The stage of the greatest power, if one at a higher and one at a lower rate showed less.

    Power is throughput by response time (L. Kleinrock, 1979), and its maximum the knee of R. Jain, The Art of Computer
    Systems Performance Analysis, 1991, section 3.3. There is no threshold to choose, and a latency that does not grow
    has no knee.
    """
    told = sorted((stage for stage in stages if _tells(stage)), key=_rate)
    best = max(told, key=_power, default=None)
    return best if best and _rate(told[0]) < _rate(best) < _rate(told[-1]) else None


def _tells(stage: StageResult) -> bool:
    return not stage.client_limited and stage.requests > stage.errors and units.parse_duration(stage.mean) > 0


def _rate(stage: StageResult) -> Decimal:
    return units.parse_rate(stage.requested_rate)


def _power(stage: StageResult) -> Decimal:
    return units.parse_rate(stage.answered_rate) / units.parse_duration(stage.mean)
