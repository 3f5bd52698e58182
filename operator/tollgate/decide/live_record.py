"""A look at live traffic as its record keeps it, and back: what is read back is judged as it was.

Long lists are cut where only their first items, or that there are any, make a difference to a verdict: the names of
pods, and the text of the queries. Counts are never cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tollgate.api.arms import ArmBlocks, ArmsEvidence
from tollgate.api.evidence import (
    LONGEST_QUERY,
    MOST_PODS,
    MOST_QUERIES,
    Counted,
    Edges,
    EvidenceStart,
    LiveEvidence,
    PodPrice,
    PodRequests,
    TimedCounts,
)
from tollgate.api.verdict import ObjectiveResult
from tollgate.decide.beside import ArmBlock, Arms, Beside
from tollgate.decide.look import Look
from tollgate.measure.cost import CostUnknown, PodCost
from tollgate.measure.counts import Block, LiveCounts
from tollgate.measure.histogram import Bracket

_COLUMNS = ("block", "requests", "attempts", "errors", "latencySumSeconds", "podSeconds")
_SLOW = "slowerThan:"
_NOT_COUNTED = "-"
_LONGEST_NAME = 253


def live_evidence(look: Look, scrape_seconds: int, standing: Iterable[ObjectiveResult]) -> LiveEvidence:
    """A look for a record; `standing` are the earlier results that can make a difference."""
    return LiveEvidence(
        since=look.since,
        until=look.until,
        queries=[_cut(query) for query in look.queries[:MOST_QUERIES]],
        unavailable=look.unavailable[:1024],
        scrape_seconds=scrape_seconds,
        cost=write_price(look.cost),
        reference_rate=_exact(look.reference_rate),
        beside=_write_beside(look.beside) if look.beside else None,
        standing=list(standing),
        starts=None
        if look.starts is None
        else [EvidenceStart(name=name, start=repr(start)) for name, start in look.starts.items()],
        timed=[TimedCounts(dimension=d, **_written(counts)) for d, counts in look.timed.items()],
        **(_written(look.counts) if look.counts is not None else {}),
    )


def read_look(evidence: LiveEvidence) -> Look:
    """The look that a record was made from. ValueError where its blocks do not fit its columns."""
    return Look(
        since=evidence.since,
        until=evidence.until,
        counts=None if evidence.unavailable else _read(evidence, evidence),
        unavailable=evidence.unavailable,
        queries=tuple(evidence.queries),
        cost=read_price(evidence.cost),
        reference_rate=_number(evidence.reference_rate),
        standing=tuple(evidence.standing),
        starts=None if evidence.starts is None else {one.name: float(one.start) for one in evidence.starts},
        beside=_read_beside(evidence.beside) if evidence.beside else None,
        timed={counted.dimension: _read(counted, evidence) for counted in evidence.timed},
    )


def write_price(cost: PodCost | CostUnknown | None) -> PodPrice | None:
    """What a pod costs, for a record."""
    match cost:
        case PodCost(per_hour, currency):
            return PodPrice(per_hour=str(per_hour), currency=currency)
        case CostUnknown(reason):
            return PodPrice(unknown=reason[:1024])
        case None:
            return None


def read_price(price: PodPrice | None) -> PodCost | CostUnknown | None:
    """What a pod cost, from a record."""
    if price is None:
        return None
    return (
        CostUnknown(price.unknown)
        if price.per_hour is None
        else PodCost(Decimal(price.per_hour), price.currency)
    )


def _write_beside(beside: Beside) -> ArmsEvidence:
    objectives = []
    for name, arms in beside.arms.items():
        reason, message = arms.failure or (None, "")
        rows = [" ".join(map(str, block)) for block in arms.blocks]
        objectives.append(
            ArmBlocks(name=name, limit=arms.limit, blocks=rows, reason=reason, message=message[:1024])
        )
    return ArmsEvidence(
        pods=beside.pods,
        since=beside.since,
        before=list(beside.before),
        kept=beside.kept,
        objectives=objectives,
    )


def _read_beside(evidence: ArmsEvidence) -> Beside:
    arms = {
        one.name: Arms(
            one.limit,
            tuple(ArmBlock(*map(int, row.split(" "))) for row in one.blocks),
            (one.reason, one.message) if one.reason else None,
        )
        for one in evidence.objectives
    }
    return Beside(evidence.pods, evidence.since, tuple(evidence.before), evidence.kept, arms)


def _written(counts: LiveCounts) -> dict[str, Any]:
    limits = sorted({limit for block in counts.blocks.values() for limit in block.slow})
    return {
        "columns": [*_COLUMNS, *(f"{_SLOW}{limit}" for limit in limits)],
        "blocks": [_row(number, block, limits) for number, block in sorted(counts.blocks.items())],
        "block_seconds": _exact(counts.block_seconds),
        "edges": [
            Edges(limit=str(limit), below=_exact(around.below), above=_exact(around.above))
            for limit, around in sorted(counts.brackets.items())
        ],
        "sums_seen": counts.sums_seen,
        "errors_asked": counts.errors_asked,
        "errors_seen": counts.errors_seen,
        "pods": [
            PodRequests(name=name[:_LONGEST_NAME], requests=requests)
            for name, requests in sorted(counts.pods.items())[:MOST_PODS]
        ],
        "counted_of": counts.counted_of,
        "requests_missing": counts.requests_missing,
        "scraped": _first(counts.scraped),
        "silent": _first(counts.silent),
        "garbled": _first(counts.garbled),
    }


def _read(evidence: Counted, of: LiveEvidence) -> LiveCounts:
    limits = [Decimal(name.removeprefix(_SLOW)) for name in evidence.columns[len(_COLUMNS) :]]
    return LiveCounts(
        since=of.since.timestamp(),
        until=of.until.timestamp(),
        blocks=dict(_block(row, limits) for row in evidence.blocks),
        block_seconds=_number(evidence.block_seconds) or 0.0,
        brackets={
            Decimal(around.limit): Bracket(_number(around.below), _number(around.above))
            for around in evidence.edges
        },
        sums_seen=evidence.sums_seen,
        errors_asked=evidence.errors_asked,
        errors_seen=evidence.errors_seen,
        pods={pod.name: pod.requests for pod in evidence.pods},
        requests_missing=evidence.requests_missing,
        scraped=tuple(evidence.scraped),
        silent=tuple(evidence.silent),
        garbled=tuple(evidence.garbled),
        counted_of=evidence.counted_of,
    )


def _row(number: int, block: Block, limits: list[Decimal]) -> str:
    slow = (
        "/".join(map(str, block.slow[limit])) if limit in block.slow else _NOT_COUNTED for limit in limits
    )
    exact = (repr(float(value)) for value in (block.latency_sum, block.pod_seconds))
    return " ".join((*map(str, (number, block.requests, block.attempts, block.errors)), *exact, *slow))


def _block(row: str, limits: list[Decimal]) -> tuple[int, Block]:
    try:
        number, requests, attempts, errors, latency_sum, pod_seconds, *slow = row.split(" ")
        block = Block(
            requests=int(requests),
            latency_sum=float(latency_sum),
            slow={
                limit: (int(low), int(high))
                for limit, pair in zip(limits, slow, strict=True)
                if pair != _NOT_COUNTED
                for low, high in [pair.split("/")]
            },
            attempts=int(attempts),
            errors=int(errors),
            pod_seconds=float(pod_seconds),
        )
        return int(number), block
    except ValueError:
        raise ValueError(f"the block {row!r} does not fit its columns") from None


def _first(names: tuple[str, ...]) -> list[str]:
    return [name[:_LONGEST_NAME] for name in names[:MOST_PODS]]


def _exact(value: float | None) -> str | None:
    """The shortest decimal that is this very float."""
    return None if value is None else repr(float(value))


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _cut(query: str) -> str:
    return query if len(query) <= LONGEST_QUERY else query[: LONGEST_QUERY - 1] + "…"
