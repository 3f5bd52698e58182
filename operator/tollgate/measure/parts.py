"""The parts that several pods measured, as one result: what a single pod would have handed back. Pure.

Counts and sums are added, bins are joined: nothing is averaged, and of percentiles of pods only the worst is kept, as
the whole cannot have a worse one. A quantile is the upper edge of its bin, so at most the bin's growth above what it
is. A pod without a part leaves a gap in every stage, and each stage says so: nothing may be told from it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tollgate.api import units
from tollgate.api.benchmark import (
    BenchmarkResult,
    Block,
    ClientVitals,
    OverLimit,
    QuantileBounds,
    Quantiles,
    QuantileSpread,
    StageResult,
)
from tollgate.api.part_transport import coarser, join, longer
from tollgate.api.parts import BenchmarkPart, PartBlock, StagePart
from tollgate.api.quality import added
from tollgate.api.quantities import summed
from tollgate.api.server_side import SteadyWindow
from tollgate.api.sketch import Sketch, bin_of_rank, pairs
from tollgate.api.transport import merge_pairs, write_bins
from tollgate.measure.ranks import PER_MILLE, counts_around, nearest

_SKETCH_SIZE, _SKETCH_GROWTH = 2048, 1.04  # characters of `Sketch.bins`, and how fine it is at most


def merge_parts(parts: Mapping[int, BenchmarkPart], lost: Mapping[int, str], workers: int) -> BenchmarkResult:
    """The result of pods that each had so many workers; `lost` says of the others why they left none.

    ValueError when the parts are not of one measurement, or when there is none.
    """
    if not parts:
        raise ValueError(f"no pod left a result: pod {_said(lost)}")
    first = next(iter(parts.values()))
    for number, part in parts.items():
        if part.pod != number:
            raise ValueError(f"the part of pod {number} calls itself that of pod {part.pod}")
        if _frame(part) != _frame(first):
            raise ValueError("the pods did not measure the same: their profiles, datasets or stages differ")
    gap = _Gap(len(parts) + len(lost), lost, workers)
    numbers = sorted(parts)
    return BenchmarkResult(
        dataset=first.dataset,
        profile=first.profile,
        pods=first.pods,
        repetition=first.repetition,
        stages=[
            _stage({number: parts[number].stages[place] for number in numbers}, gap)
            for place in range(len(first.stages))
        ],
    )


@dataclass(frozen=True)
class _Gap:
    """Of so many pods, the ones that left nothing, each of so many workers."""

    pods: int
    lost: Mapping[int, str]
    workers: int

    @property
    def reason(self) -> str:
        return (
            f"{len(self.lost)} of {self.pods} pods left no result: pod {_said(self.lost)}"
            if self.lost
            else ""
        )


def _said(lost: Mapping[int, str]) -> str:
    return "; pod ".join(f"{number}: {lost[number]}" for number in sorted(lost))


def _frame(part: BenchmarkPart) -> object:
    """What must be the same in all parts."""
    stages = [
        (s.name, s.warm_up, s.repeat, s.load, s.requested_rate, s.span, [over.limit for over in s.over_limit])
        for s in part.stages
    ]
    return part.dataset, part.profile, part.pods, part.repetition, stages


def _stage(of_pod: Mapping[int, StagePart], gap: _Gap) -> StageResult:
    shares = _alike(list(of_pod.values()))
    first = shares[0]
    requests, errors = sum(s.requests for s in shares), sum(s.errors for s in shares)
    blocks = [join([share.blocks[i] for share in shares]) for i in range(len(first.blocks))]
    seen = _Distribution(blocks, float(first.growth), max(s.slowest for s in shares))
    answered, micros = sum(block.answered for block in blocks), sum(block.sum for block in blocks)
    limited = [
        f"pod {number}: {share.client_limited}" for number, share in of_pod.items() if share.client_limited
    ]
    last_sent, ended = max(s.last_sent for s in shares), max(s.ended for s in shares)
    answers = max(s.last_answer for s in shares) - min(s.first_due for s in shares)
    return StageResult(
        name=first.name,
        warm_up=first.warm_up,
        repeat=first.repeat,
        load=first.load,
        requested_rate=first.requested_rate,
        achieved_rate=_rate(sum(s.sent for s in shares), max(first.span, last_sent)),
        answered_rate=_rate(answered, answers),
        seconds=_duration(max(first.span, ended)),
        requests=requests,
        errors=errors,
        error_kinds=_added([s.error_kinds for s in shares]),
        error_examples=dict(ChainMap(*(s.error_examples for s in shares))),
        over_limit=[
            OverLimit(
                limit=over.limit,
                requests=sum(share.over_limit[i].requests for share in shares),
                correct=summed([share.over_limit[i].correct for share in shares if share.scored]),
            )
            for i, over in enumerate(first.over_limit)
        ],
        scored=sum(s.scored for s in shares),
        correct=sum(s.correct for s in shares),
        quality=added([s.quality for s in shares]),
        accepted=summed([s.accepted for s in shares if s.errors < s.requests]),
        mean=_duration(micros / answered if answered else seen.slowest),
        blocks=[Block(requests=b.answered, mean=_duration(b.sum / b.answered)) for b in blocks if b.answered],
        quantiles=seen.quantiles(),
        spread=seen.spread(),
        sketch=seen.sketch(),
        schedule_delay_p99=_worst([s.schedule_delay_p99 for s in shares]),
        client_limited="; ".join([*filter(None, [gap.reason]), *limited])[:1024],
        workers_lost=sum(s.workers_lost for s in shares) + len(gap.lost) * gap.workers,
        client=ClientVitals(
            workers=gap.pods * gap.workers,
            cpu=max((s.cpu for s in shares), key=float),
            lag_p99=_worst([s.lag_p99 for s in shares]),
            in_flight=sum(s.in_flight for s in shares),
            throttled=_worst([s.throttled for s in shares]),
        ),
        steady=_steady([s.steady for s in shares]),
    )


def _steady(windows: Sequence[SteadyWindow | None]) -> SteadyWindow | None:
    """When all shares were steady; None where they never were together."""
    there = [window for window in windows if window is not None]
    since = max((window.since for window in there), default=None)
    until = min((window.until for window in there), default=None)
    if len(there) < len(windows) or since is None or until is None or since >= until:
        return None
    return SteadyWindow(since=since, until=until)


def _alike(shares: Sequence[StagePart]) -> list[StagePart]:
    """The shares as coarse as the coarsest of them."""
    widest, fewest = max(float(s.growth) for s in shares), min(len(s.blocks) for s in shares)

    def until(
        stage: StagePart, done: Callable[[StagePart], bool], step: Callable[[StagePart], StagePart]
    ) -> StagePart:
        while not done(stage):
            stage = step(stage)
        return stage

    alike = [until(s, lambda s: float(s.growth) >= widest, coarser) for s in shares]
    alike = [until(s, lambda s: len(s.blocks) <= fewest, longer) for s in alike]
    if len({(s.growth, len(s.blocks)) for s in alike}) > 1:
        raise ValueError(f"the distributions of stage {shares[0].name} are not of one kind")
    return alike


class _Distribution:
    """All requests of a stage, by block and by bin."""

    def __init__(self, blocks: Sequence[PartBlock], growth: float, slowest: int) -> None:
        self.slowest = slowest
        self._growth = growth
        self._blocks = [dict(pairs(block.bins)) for block in blocks]
        self._all = join(list(blocks)).bins
        self._bins = pairs(self._all)
        self._requests = sum(count for _, count in self._bins)

    def quantiles(self) -> Quantiles:
        texts = {name: self._text(self._bin_of(nearest(p, self._requests))) for name, p in PER_MILLE.items()}
        return Quantiles(**texts, max=_duration(self.slowest))

    def spread(self) -> QuantileSpread | None:
        """The order statistics around each quantile, as `bench.spread` finds them among raw latencies."""
        if len(self._blocks) < 2:
            return None
        low, high = {}, {}
        for name, per_mille in PER_MILLE.items():
            index = self._bin_of(nearest(per_mille, self._requests))
            above = np.array([sum(n for i, n in block.items() if i > index) for block in self._blocks])
            most, fewest = counts_around(int(above.sum()), len(above) * float(above.var(ddof=1)))
            n = self._requests
            if most is not None and most < n:
                low[name] = self._text(self._bin_of(n - most) - 1)
            if fewest is not None:
                high[name] = self._text(self._bin_of(n - fewest))
        return QuantileSpread(
            blocks=len(self._blocks), low=QuantileBounds(**low), high=QuantileBounds(**high)
        )

    def sketch(self) -> Sketch:
        """As coarse and short as one of a single pod, as it is stored and added up."""
        growth, bins = self._growth, self._all
        while len(bins) > _SKETCH_SIZE or growth < _SKETCH_GROWTH:
            growth, bins = growth**2, write_bins(merge_pairs(dict(pairs(bins))))
        return Sketch(growth=f"{growth:.6f}", bins=bins)

    def _bin_of(self, rank: int) -> int:
        return bin_of_rank(self._bins, rank)

    def _text(self, index: int) -> str:
        """The upper edge of a bin, or the slowest request where that is less."""
        return _duration(min(self._growth**index, self.slowest))


def _added(kinds: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {kind: sum(of.get(kind, 0) for of in kinds) for kind in sorted(set().union(*kinds))}


def _worst(durations: Sequence[str]) -> str:
    return max(durations, key=units.parse_duration)


def _duration(micros: float) -> str:
    return units.format_duration(micros / 1e6)


def _rate(number: int, micros: int) -> str:
    return units.format_rate(number / max(micros / 1e6, 1e-9)) if number else "0req/s"
