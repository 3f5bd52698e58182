"""Raw series to the processes that were scraped: one `Target` a process and label set.

Two things would silently falsify counts and are settled here. A process scraped by two jobs would count double: of
such twins one is taken. A labelled series appears with its first event: if its process was scraped before and had no
such series, nothing was counted then, and the first events count.

A scrape gives all that it reads one timestamp, so series that share timestamps were read together, whatever their
labels say: a label such as `endpoint` may be the scraper's or the server's own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tollgate.measure.counters import Row
from tollgate.measure.reading import Read, Sources
from tollgate.ports import Samples

V = TypeVar("V")

_OF_THE_SCRAPER = frozenset({"job", "prometheus", "prometheus_replica"})
"""Labels that always say who scraped."""

_PERHAPS_OF_THE_SCRAPER = _OF_THE_SCRAPER | {"service", "endpoint", "replica"}
"""Labels that may say who scraped, and may belong to what was scraped."""

_NOT_OF_A_TARGET = frozenset({"__name__", "le"})

Key = frozenset[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class Process:
    """A process as one scraper sees it: when it was scraped, ascending."""

    scrapes: tuple[float, ...]

    def last_before(self, at: float) -> float | None:
        """The last scrape before that instant."""
        index = bisect_left(self.scrapes, at)
        return self.scrapes[index - 1] if index else None

    def overlaps(self, other: Process) -> bool:
        """Whether both were scraped for some time."""
        return self.scrapes[0] <= other.scrapes[-1] and other.scrapes[0] <= self.scrapes[-1]


@dataclass(frozen=True)
class Target(Generic[V]):
    """A process under one label set: what each scrape found there, and the series that it was read from.

    `seen` is the time of the last sample, readable or not.
    """

    pod: str
    process: Process
    labels: Mapping[str, str]
    rows: tuple[Row[V], ...]
    sources: Sources
    seen: float


class Processes:
    """Tells processes and their scrapers apart, by all the series that were read of them."""

    def __init__(self, series: Iterable[Samples], pod_label: str) -> None:
        self._naming = _OF_THE_SCRAPER | {"instance", "container", pod_label}
        read: dict[Key, set[frozenset[float]]] = defaultdict(set)
        for one in series:
            read[self._place(one)].add(frozenset(_times(one)))
        self._by_time = {
            (place, at): process
            for place, sets in read.items()
            for process in _processes(sets)
            for at in process.scrapes
        }

    def of(self, series: Samples) -> Process | None:
        """The process that a series was read from; None for a series without samples."""
        first = next(_times(series), None)
        return None if first is None else self._by_time[self._place(series), first]

    def _place(self, series: Samples) -> Key:
        return _key(series.labels, series.labels.keys() - self._naming)


def _processes(times: Iterable[frozenset[float]]) -> list[Process]:
    """Series that share a timestamp are of one process, and so is what shares one with any of these."""
    found: list[set[float]] = []
    for one in times:
        together = [other for other in found if not other.isdisjoint(one)]
        found = [other for other in found if other.isdisjoint(one)] + [set(one).union(*together)]
    return [Process(tuple(sorted(one))) for one in found if one]


def targets(
    columns: Mapping[str, Sequence[Samples]],
    processes: Processes,
    pod_label: str,
    *,
    read: Read[V],
    zero: V,
) -> list[Target[V]]:
    """The targets in the order of their pods and labels, twins removed; those that cannot be read have no rows.

    `columns` are series by the part they play in what is read; `zero` is what a process starts with.
    """
    groups: dict[Key, dict[str, list[Samples]]] = defaultdict(lambda: defaultdict(list))
    by_process: dict[Key, Process] = {}
    for name, series in columns.items():
        for one in series:
            process = processes.of(one)
            if process is not None:
                key = _key(one.labels, _NOT_OF_A_TARGET)
                groups[key][name].append(one)
                by_process[key] = process
    single = _without_twins(by_process)
    found = [_target(groups[key], dict(key), single[key], pod_label, read, zero) for key in single]
    return sorted(found, key=lambda target: (target.pod, sorted(target.labels.items())))


def _without_twins(by_process: Mapping[Key, Process]) -> dict[Key, Process]:
    """Of label sets that may be the same series read by several scrapers at a time, those of the busiest scraper."""
    alike: dict[Key, dict[Process, list[Key]]] = defaultdict(lambda: defaultdict(list))
    for key, process in by_process.items():
        alike[_key(dict(key), _PERHAPS_OF_THE_SCRAPER)][process].append(key)
    kept: dict[Key, Process] = {}
    for candidates in alike.values():
        chosen: list[Process] = []
        for process in sorted(candidates, key=lambda p: (-len(p.scrapes), min(map(sorted, candidates[p])))):
            if not any(process.overlaps(other) for other in chosen):
                chosen.append(process)
                kept.update(dict.fromkeys(candidates[process], process))
    return kept


def _target(
    sources: Sources, labels: Mapping[str, str], process: Process, pod_label: str, read: Read[V], zero: V
) -> Target[V]:
    rows = read(sources)
    times = sorted(at for series in sources.values() for one in series for at in _times(one))
    born_after = process.last_before(times[0])
    if rows and born_after is not None:
        rows.insert(0, (born_after, zero))
    return Target(labels.get(pod_label, ""), process, labels, tuple(rows), sources, times[-1])


def _key(labels: Mapping[str, str], without: Iterable[str]) -> Key:
    left_out = set(without)
    return frozenset((name, value) for name, value in labels.items() if name not in left_out)


def _times(series: Samples) -> Iterator[float]:
    yield from (at for at, _ in series.points)
    yield from (at for at, _ in series.histograms)
