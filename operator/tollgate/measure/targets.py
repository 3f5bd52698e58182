"""Raw series to the processes that were scraped: one `Target` a process and label set, its counters as rows.

Three things would silently falsify counts and are settled here. A process scraped by two jobs would count double: of
such twins one is taken. A labelled counter appears with its first event: if its process was scraped before and had no
such series, the counter was zero then, and the first event counts. A counter may have passed its old value by the
first scrape after a restart: another counter of the process that fell shows it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tollgate.measure.counters import Row, align
from tollgate.ports import Samples

_SCRAPER_LABELS = frozenset({"job", "service", "endpoint", "prometheus", "prometheus_replica", "replica"})
"""Labels that say who scraped, and not what was scraped."""

Key = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Target:
    """Counters of one process under one label set; the columns of `rows` are in the order of `names`.

    `restarts` are the scrapes that found the process restarted by any of its counters.
    """

    pod: str
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    restarts: tuple[float, ...] = ()


class Processes:
    """When each process was scraped and when it restarted, by all the series that one scraper read of it."""

    def __init__(self, series: Iterable[Samples], pod_label: str) -> None:
        self._naming = _SCRAPER_LABELS | {"instance", "container", pod_label}
        self._scrapes: dict[Key, set[float]] = defaultdict(set)
        self._drops: dict[Key, list[tuple[Mapping[str, str], float]]] = defaultdict(list)
        for one in series:
            process = self._process(one.labels)
            self._scrapes[process].update(at for at, _ in one.points)
            self._drops[process] += [
                (one.labels, at)
                for (_, before), (at, after) in pairwise(sorted(one.points))
                if after < before < math.inf
            ]

    def _process(self, labels: Mapping[str, str]) -> Key:
        return _key(labels, labels.keys() - self._naming)

    def last_scrape_before(self, at: float, labels: Mapping[str, str]) -> float | None:
        """The last time before `at` that the process with these labels was scraped."""
        return max((t for t in self._scrapes[self._process(labels)] if t < at), default=None)

    def restarts(self, labels: Mapping[str, str]) -> tuple[float, ...]:
        """Scrapes that found the process restarted, by a counter of its that fell.

        Where a label tells two series apart (a worker's `pid`), what happens to one says nothing of the other.
        """
        drops = self._drops[self._process(labels)]
        return tuple(sorted({at for other, at in drops if _compatible(other, labels)}))


def _compatible(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[name] == other[name] for name in (one.keys() & other.keys()) - {"__name__", "le"})


def targets(
    columns: Mapping[str, Sequence[Samples]], processes: Processes, pod_label: str, *, split: str = ""
) -> list[Target]:
    """The targets that have at least one complete row, twins removed, ordered by pod.

    `columns` maps a column's name to its series. Where `split` names a label (`le`), each of its values makes a column
    of its own, called NAME/VALUE; the series of a target agree in all other labels.
    """
    groups: dict[Key, dict[str, list[Samples]]] = defaultdict(lambda: defaultdict(list))
    for name, series in columns.items():
        for one in series:
            value = one.labels.get(split) if split else None
            column = name if value is None else f"{name}/{value}"
            groups[_key(one.labels, {"__name__", split})][column].append(one)
    best: dict[Key, tuple[int, list[tuple[str, str]], Target]] = {}
    for key, group in groups.items():
        labels = dict(key)
        target = _target(group, labels, processes, pod_label)
        if target is None:
            continue
        identity = _key(labels, _SCRAPER_LABELS)
        rank = (-len(target.rows), sorted(key), target)
        if identity not in best or rank[:2] < best[identity][:2]:
            best[identity] = rank
    return [entry[2] for entry in sorted(best.values(), key=lambda entry: (entry[2].pod, entry[1]))]


def _key(labels: Mapping[str, str], without: Iterable[str]) -> Key:
    left_out = set(without)
    return frozenset((name, value) for name, value in labels.items() if name not in left_out)


def _target(
    group: Mapping[str, Sequence[Samples]], labels: Mapping[str, str], processes: Processes, pod_label: str
) -> Target | None:
    names = tuple(sorted(group))
    rows = align([[point for one in group[name] for point in one.points] for name in names])
    if not rows:
        return None
    first_seen = min(at for series in group.values() for one in series for at, _ in one.points)
    born_after = processes.last_scrape_before(first_seen, labels)
    if born_after is not None:
        rows.insert(0, (born_after, (0.0,) * len(names)))
    return Target(labels.get(pod_label, ""), names, tuple(rows), processes.restarts(labels))
