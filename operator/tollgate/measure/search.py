"""The highest rate at which an objective is certified: what to probe next, and what the probes say. Pure.

The rate doubles from the lowest until it is not certified, and then what lies between is halved. Each probe is a test
on a number of requests that was fixed beforehand, at an equal share of the probability with which the search may be
wrong. So whatever the rates turn out to be, the chance that any is certified wrongly is at most that (Bonferroni), and
nothing is assumed of how a server behaves from rate to rate. A probe in which latency grew all the time is not
certified, whatever its counts: it ended before its queue was long.

The load generator asks for the next rate after each probe. The operator goes the same way over the probes of a result,
and believes no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tollgate.api import units
from tollgate.api.benchmark import OF_THE_SERVER, StageResult
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.api.search import RateSearch, SearchEnd, SearchResult
from tollgate.measure.binomial import chance_of_at_least, chance_of_at_most, requests_needed
from tollgate.measure.knee import knee

_FINE = Decimal("0.02")
"""Two rates that are closer, relative to the lower one, are not worth a probe between them."""

_DIGITS = 3
"""Of a rate between two others."""


@dataclass(frozen=True)
class _Tried:
    """A probe: whether it was certified, and whether the load generator, and not the server, was its limit."""

    rate: str
    certified: bool
    limited: bool

    @property
    def value(self) -> Decimal:
        return units.parse_rate(self.rate)


@dataclass(frozen=True)
class _Bracket:
    """The highest rate that was certified, and the lowest of those above at which the server was tried and was not."""

    certified: str = ""
    refused: str = ""


def too_few(search: RateSearch) -> str:
    """Why no probe can be certified, whatever it measures, and what to do; "" when it can."""
    needed = requests_needed(search.objective.allowed, search.level)
    if needed is not None and search.sends >= needed:
        return ""
    least = "no number of them does" if needed is None else f"set its requests to {needed:,} or more"
    return (
        f"the search sends {search.sends:,} requests in each probe, too few to certify {search.objective} in any of "
        f"{search.probes} at confidence {search.confidence} even if all goes well: {least}"
    )


def check_search(profile: BenchmarkProfileSpec) -> None:
    """ValueError for a search in which nothing can be certified."""
    if profile.search and (why := too_few(profile.search)):
        raise ValueError(why)


def next_rate(search: RateSearch, probes: Sequence[StageResult]) -> str | None:
    """The rate of the probe that comes after these; None when the search has ended."""
    step = _step(search, [_tried(search, probe) for probe in probes])
    return None if isinstance(step, SearchEnd) else step


def concluded(search: RateSearch, probes: Sequence[StageResult]) -> SearchResult:
    """What the search found. ValueError when it would have gone another way, or on."""
    tried = [_tried(search, probe) for probe in probes]
    for number, probe in enumerate(tried):
        wanted = _step(search, tried[:number])
        if wanted != probe.rate:
            raise ValueError(f"probe {number + 1} of the search is at {probe.rate}, which does not follow")
    end = _step(search, tried)
    if not isinstance(end, SearchEnd):
        raise ValueError(f"the search ended after {len(tried)} probes, before it came to {end}")
    found, bend = _bracket(tried), knee(probes)
    return SearchResult(
        objective=str(search.objective),
        certified=found.certified,
        not_certified=found.refused,
        ended=end,
        knee=bend.requested_rate if bend else "",
        message=_sentence(search, found, end, bend, probes[-1])[:1024],
    )


def _tried(search: RateSearch, probe: StageResult) -> _Tried:
    p0, limit = search.objective.allowed, units.parse_duration(search.objective.max)
    over = next((o.requests for o in probe.over_limit if units.parse_duration(o.limit) == limit), None)
    if not probe.client_limited:
        enough = probe.requests == search.sends and over is not None and not probe.growth
        certified = enough and chance_of_at_most(over or 0, probe.requests, p0) <= search.level
        return _Tried(probe.requested_rate, certified, limited=False)
    failed = sum(probe.error_kinds.get(kind, 0) for kind in OF_THE_SERVER)
    refuted = not probe.workers_lost and chance_of_at_least(failed, probe.requests, p0) <= search.level
    return _Tried(probe.requested_rate, certified=False, limited=not refuted)


def _bracket(tried: Sequence[_Tried]) -> _Bracket:
    certified = max((t for t in tried if t.certified), key=lambda t: t.value, default=None)
    refused = [t for t in tried if not t.certified and not t.limited]
    lowest = min(refused, key=lambda t: t.value, default=None)
    return _Bracket(certified.rate if certified else "", lowest.rate if lowest else "")


def _step(search: RateSearch, tried: Sequence[_Tried]) -> str | SearchEnd:
    """The rate that comes next, or why there is none."""
    if not tried:
        return search.lowest
    found = _bracket(tried)
    if tried[-1].limited:
        return SearchEnd.CLIENT_LIMITED
    if not found.certified:
        return SearchEnd.LOWEST_NOT_CERTIFIED
    low, highest = units.parse_rate(found.certified), units.parse_rate(search.highest)
    if low == highest:
        return SearchEnd.HIGHEST_CERTIFIED
    if len(tried) >= search.probes:
        return SearchEnd.PROBES_USED
    if not found.refused:
        return units.format_rate(2 * low, 9) if 2 * low < highest else search.highest
    high = units.parse_rate(found.refused)
    middle = units.format_rate((low + high) / 2, _DIGITS)
    inside = low < units.parse_rate(middle) < high
    return middle if high - low > _FINE * low and inside else SearchEnd.NARROWED


def _sentence(
    search: RateSearch, found: _Bracket, end: SearchEnd, bend: StageResult | None, last: StageResult
) -> str:
    match end:
        case SearchEnd.LOWEST_NOT_CERTIFIED:
            over = next((o.requests for o in last.over_limit), 0)
            grew = f"; {last.growth}" if last.growth else ""
            return (
                f"{search.objective} is not certified at {search.lowest} ({over:,} of {last.requests:,} over{grew}): "
                "lower the lowest rate, or raise requests if so few should be allowed"
            )
        case SearchEnd.CLIENT_LIMITED:
            why = (
                f"at {last.requested_rate} the load generator was the limit, not the server "
                f"({last.client_limited[:200]}): raise workers"
            )
        case SearchEnd.HIGHEST_CERTIFIED:
            why = "that is the highest rate of the search: raise it to find the limit"
        case SearchEnd.PROBES_USED:
            why = (
                "all probes were used: search again between the two for more"
                if found.refused
                else ("all probes were used: raise the lowest rate or probes")
            )
        case SearchEnd.NARROWED:
            why = "closer is not worth a probe"
    yes = (
        f"certified up to {found.certified} at confidence {search.confidence}"
        if found.certified
        else "not certified"
    )
    no = f" and not at {found.refused}" if found.refused else ""
    where = f"knee at {bend.requested_rate}" if bend else "no knee was seen"
    return f"{search.objective} is {yes}{no}; {why}; {where}"
