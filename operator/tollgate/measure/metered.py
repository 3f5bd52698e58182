"""The samples of a meter within a stretch of time, of every pod that was loaded, and what they add up to. Pure.

A pod without samples, with too few, or with a meter that stands at 0 makes the reading unknown for all: what the rest
of the pods used would pass for what all of them did.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

from tollgate.measure import reading
from tollgate.measure.counters import Row, counter_grown, increments, resets
from tollgate.measure.sharing import GPU, SLICE, VIRTUAL, Shares, UnknownError
from tollgate.measure.targets import Processes, Target, targets
from tollgate.ports import Samples

_FEWEST = 2
_WHOLE = 1 - 1e-9
_CONTAINER = "container"
_ZONE = "zone"
_APART = frozenset({"package", "dram"})
"""Kepler's zones that have nothing in common. Of the others, package holds core and uncore, and psys holds all."""


@dataclass(frozen=True)
class _Meter:
    """What scrapes found at one meter of a pod, and the labels that it had."""

    pod: str
    labels: Mapping[str, str]
    rows: tuple[Row[float], ...]

    @property
    def covered(self) -> float:
        """Seconds from the first to the last scrape."""
        return self.rows[-1][0] - self.rows[0][0]

    @property
    def grown(self) -> float:
        """By how much a counter grew meanwhile."""
        return math.fsum(grown for _, _, grown in self.stretches)

    @property
    def stretches(self) -> list[tuple[float, float, float]]:
        """Begin and end of each stretch between scrapes, and by how much a counter grew in it."""
        span = self.rows[0][0], self.rows[-1][0]
        found = increments(self.rows, counter_grown, span=span, reach=0.0)
        return [(more.start, more.end, more.value) for more in found]


class Metered:
    """The meters of each pod between two instants (Unix seconds), each scraped often enough; else UnknownError."""

    def __init__(
        self,
        name: str,
        samples: Sequence[Samples],
        *,
        span: tuple[float, float],
        interval: int,
        pods: Sequence[str],
        pod_label: str,
        zone_chosen: bool = False,
    ) -> None:
        """`name` is that of the series, `interval` its scrape interval in seconds.

        `zone_chosen` says that the profile has a matcher of the zone.
        """
        self._name = name
        self.attribution = ""
        self._seconds = span[1] - span[0]
        found = targets(
            {reading.COUNTER: samples},
            Processes(samples, pod_label),
            pod_label,
            read=reading.counter,
            zero=math.nan,  # a meter that appears while others are there need not have begun then
        )
        self._meters = _meters(found, span, pods)
        self._check_scrapes(interval, pods)
        self._check_sums()
        self._check_zones(zone_chosen)

    @property
    def scrapes(self) -> int:
        """The fewest of a meter."""
        return min(len(meter.rows) for meter in self._meters)

    @property
    def covered(self) -> float:
        """Seconds from the first to the last scrape, where it is least."""
        return min(meter.covered for meter in self._meters)

    @property
    def restarts(self) -> int:
        """How often a counter began anew."""
        return sum(len(resets(meter.rows, counter_grown)) for meter in self._meters)

    def peak(self) -> float:
        """The greatest of a pod. Several meters of one pod may have peaked at once, so their peaks are added."""
        return max(self._by_pod(lambda meter: max(value for _, value in meter.rows)).values())

    def mean(self) -> float:
        """Over time, and over all meters."""
        sums = self._by_pod(lambda meter: math.fsum(value for _, value in meter.rows) / len(meter.rows))
        return math.fsum(sums.values()) / len(self._meters)

    def total(self) -> float:
        """By how much the counters of all pods grew together, at the rate that was seen in what is covered."""
        return math.fsum(self._by_pod(lambda meter: meter.grown / meter.covered * self._seconds).values())

    def growth_error(self) -> tuple[float, int]:
        """Standard error of `total`, relative, and from how many stretches between scrapes it is known.

        Each meter's rate is a ratio of growth and time, whose error comes from how the stretches differ; those of the
        meters add up, as nothing is known of how far they rise and fall together. 0 stretches: it is not known.
        """
        return self._error(
            [[(g, end - begin) for begin, end, g in meter.stretches] for meter in self._meters]
        )

    def mean_error(self) -> tuple[float, int]:
        """The same of `mean`, of which each scrape is one value."""
        return self._error([[(value, 1.0) for _, value in meter.rows] for meter in self._meters])

    def _error(self, meters: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, int]:
        fewest = min(map(len, meters))
        if fewest < _FEWEST:
            return 0.0, 0
        rates, errors = zip(*(_rate(stretches) for stretches in meters), strict=True)
        return math.fsum(errors) / math.fsum(rates), fewest

    def check_gpus(self, *, of_slices: bool, else_: str = "") -> None:
        """UnknownError where a GPU is shared, as the meter is then of all who share it.

        `of_slices` says that it tells the slices of a partitioned GPU apart; `else_` what can be done.
        """
        users: dict[tuple[str, str], set[str]] = defaultdict(set)
        for meter in self._meters:
            slice_, virtual = (meter.labels.get(label, "") for label in (SLICE, VIRTUAL))
            if slice_ and not of_slices:
                raise UnknownError(
                    f"pod {meter.pod} has a slice of a GPU ({SLICE}), and {self._name} is of all of the GPU{else_}"
                )
            if virtual:
                raise UnknownError(
                    f"pod {meter.pod} has a part of a shared GPU ({VIRTUAL}), and {self._name} is of all of it{else_}"
                )
            users[meter.labels.get(GPU, meter.pod), slice_].add(meter.pod)
        for (gpu, _), pods in users.items():
            if len(pods) > 1:
                raise UnknownError(
                    f"pods {_some(sorted(pods))} share {gpu}, and {self._name} is of all of it{else_}"
                )

    def divided(self, shares: Shares) -> Metered:
        """The same, of each meter the share that its pod has of the GPU; `attribution` says what was divided."""
        found = copy(self)
        parts: dict[str, float] = defaultdict(float)
        meters = []
        for meter in self._meters:
            share = shares.of(meter.labels)
            parts[meter.labels[GPU]] += share
            meters.append(replace(meter, rows=tuple((at, value * share) for at, value in meter.rows)))
        found._meters = tuple(meters)
        shared = {gpu: part for gpu, part in parts.items() if part < _WHOLE}
        found.attribution = _some([f"{part:.4g} of {gpu}" for gpu, part in sorted(shared.items())])
        return found

    def _by_pod(self, value_of: Callable[[_Meter], float]) -> dict[str, float]:
        sums: dict[str, float] = defaultdict(float)
        for meter in self._meters:
            sums[meter.pod] += value_of(meter)
        for pod, value in sums.items():
            if value <= 0:
                raise UnknownError(f"{self._name} of pod {pod} stood still or at 0: it is not metered there")
        return sums

    def _check_scrapes(self, interval: int, pods: Sequence[str]) -> None:
        there = {meter.pod for meter in self._meters}
        missing = [pod for pod in pods if pod not in there]
        if missing:
            raise UnknownError(
                f"Prometheus has no {self._name} of pod {_some(missing)} in the steady part: is it scraped, and do the "
                "matchers and labels of the MetricProfile fit?"
            )
        needed = max(_FEWEST, math.ceil(self._seconds // interval / 2))
        for meter in self._meters:
            if len(meter.rows) < needed:
                raise UnknownError(
                    f"of the {needed} scrapes of pod {meter.pod} that are needed in the {self._seconds:.1f} s of the "
                    f"steady part there are {len(meter.rows)}: make the stage longer, or scrape more often than every "
                    f"{interval} s"
                )

    def _check_zones(self, chosen: bool) -> None:
        """Kepler exports the energy of each zone of the processor under one name, and zones overlap."""
        zones: dict[str, set[str]] = defaultdict(set)
        for meter in self._meters:
            zones[meter.pod].add(meter.labels.get(_ZONE, ""))
        for pod, found in zones.items():
            if len(found) > 1 and not (chosen and found <= _APART):
                named = ", ".join(sorted(found - {""}))
                raise UnknownError(
                    f"{self._name} of pod {pod} is there for the zones {named}, which overlap: add a matcher of one, "
                    f'such as {_ZONE} = "package"'
                )

    def _check_sums(self) -> None:
        """cAdvisor exports the sum of a pod's containers under the same name, without a container."""
        named: dict[str, set[bool]] = defaultdict(set)
        for meter in self._meters:
            named[meter.pod].add(bool(meter.labels.get(_CONTAINER)))
        twice = next((pod for pod, kinds in named.items() if len(kinds) > 1), None)
        if twice is not None:
            raise UnknownError(
                f"{self._name} of pod {twice} is there for its containers and for their sum: add the matcher "
                f'{_CONTAINER} != ""'
            )


def _meters(
    found: Sequence[Target[float]], span: tuple[float, float], pods: Sequence[str]
) -> tuple[_Meter, ...]:
    """Of the pods, within the span. A series that begins when another one of its container has ended goes on with it:

    what cAdvisor calls a container changes as it restarts.
    """
    meters: dict[tuple[str, str], list[_Meter]] = defaultdict(list)
    for one in sorted(found, key=lambda one: one.seen):
        rows = tuple((at, value) for at, value in one.rows if span[0] <= at <= span[1] and value >= 0)
        if not rows or one.pod not in pods:
            continue
        alike = meters[one.pod, one.labels.get(_CONTAINER, "")]
        ended = next((i for i, meter in enumerate(alike) if meter.rows[-1][0] < rows[0][0]), None)
        if ended is None:
            alike.append(_Meter(one.pod, one.labels, rows))
        else:
            alike[ended] = replace(alike[ended], rows=alike[ended].rows + rows)
    return tuple(meter for alike in meters.values() for meter in alike)


def _rate(stretches: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Of (amount, time): all amounts over all time, and its standard error."""
    k, time = len(stretches), math.fsum(t for _, t in stretches)
    rate = math.fsum(amount for amount, _ in stretches) / time
    squares = math.fsum((amount - rate * t) ** 2 for amount, t in stretches)
    return rate, math.sqrt(squares / (k - 1) / k) / (time / k)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
