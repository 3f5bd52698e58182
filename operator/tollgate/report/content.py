"""What a page is made of: one or two measurements, and what was decided of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.document import StageSamples
from tollgate.api.load import Load
from tollgate.api.transport import read_bins
from tollgate.api.verdict import ObjectiveResult
from tollgate.measure.samples import latencies

_POINTS = 160  # of a curve: more than a screen shows
_LONGEST = 30  # natural logarithm, of microseconds

Point = tuple[float, float]


@dataclass(frozen=True)
class Measured:
    """A measurement, with its requests where they are known, by the label of their stage."""

    result: BenchmarkResult
    samples: Mapping[str, StageSamples] = field(default_factory=dict)

    @property
    def stages(self) -> list[StageResult]:
        """Those that are judged."""
        return [stage for stage in self.result.stages if not stage.warm_up]

    def stage(self, label: str) -> StageResult | None:
        """The judged stage of that label."""
        return next((stage for stage in self.stages if stage.label == label), None)

    def requests(self, stage: StageResult) -> StageSamples | None:
        """Those of a stage, where they are known."""
        return self.samples.get(stage.label)


@dataclass(frozen=True)
class Limit:
    """A latency that at most a share of the requests may exceed; a share of None is not limited."""

    seconds: float
    allowed: float | None
    text: str


@dataclass(frozen=True)
class Judged:
    """The verdict on the first of the measurements: `tone` is good, bad or open."""

    outcome: str
    tone: str
    headline: str
    budget: str
    objectives: Sequence[ObjectiveResult]
    limits: Mapping[str, str]  # of each objective, in words
    messages: Sequence[str]


@dataclass(frozen=True)
class Content:
    """The whole page."""

    title: str
    about: Sequence[tuple[str, str]]
    measured: Measured
    baseline: Measured | None = None
    judged: Judged | None = None
    limits: Sequence[Limit] = ()


def slower_than(stage: StageResult, samples: StageSamples | None) -> list[Point]:
    """(seconds, share of the requests that took longer), down to the slowest; failed ones took longer than any."""
    if samples is None:
        return _of_sketch(stage)
    took, answered = latencies(samples)
    number, ordered = len(took), np.sort(took[answered])
    failed = number - len(ordered)
    above = np.unique(np.geomspace(1, number, _POINTS).astype(int)) - 1
    chosen = [int(m) for m in above[::-1] if m >= failed]
    points = [(float(ordered[number - 1 - m]), m / number) for m in chosen]
    if failed:
        points.append((float(took.max()), failed / number))
    return points


def _of_sketch(stage: StageResult) -> list[Point]:
    growth, above = float(stage.sketch.growth), stage.requests
    if growth <= 1 or not stage.sketch.bins or not stage.requests:
        return _of_quantiles(stage)
    furthest = int(_LONGEST / math.log(growth))  # of what is untrusted
    points = []
    for index, count in read_bins(stage.sketch):
        above -= count
        points.append((1e-6 * growth ** min(index, furthest), max(above, 0) / stage.requests))
    return points


def _of_quantiles(stage: StageResult) -> list[Point]:
    known = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01, "p999": 0.001}
    return [
        (float(units.parse_duration(getattr(stage.quantiles, name))), above) for name, above in known.items()
    ]


def lateness(samples: StageSamples, stretches: int = 60) -> list[tuple[float, float, float]]:
    """(seconds into the stage, median, longest) of how late requests were sent, in stretches of as many requests."""
    pairs = [
        (due, sent) for due, sent in zip(samples.scheduled, samples.sent, strict=True) if sent is not None
    ]
    if not pairs:
        return []
    due, sent = np.asarray(pairs, dtype=float).T / 1e6
    late = np.maximum(sent - due, 0)
    parts = np.array_split(np.arange(len(due)), min(stretches, len(due)))
    return [(float(due[p].mean()), float(np.median(late[p])), float(late[p].max())) for p in parts]


def by_rate(stages: Sequence[StageResult]) -> list[StageResult]:
    """Those at a steady rate, in the order of their rates, if there are several; else none."""
    steady = [stage for stage in stages if stage.load in (None, Load.SEARCH)]
    rates = {units.parse_rate(stage.requested_rate) for stage in steady}
    if len(rates) < 2:
        return []
    return sorted(steady, key=lambda stage: units.parse_rate(stage.requested_rate))


def undominated(points: Sequence[Point]) -> list[Point]:
    """Of (seconds, accuracy) those to which no other is both as fast and as accurate, and better in one; by time."""
    found: list[Point] = []
    for seconds, accuracy in sorted(set(points), key=lambda point: (point[0], -point[1])):
        if not found or accuracy > found[-1][1]:
            found.append((seconds, accuracy))
    return found
