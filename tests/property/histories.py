"""Pods with a known past: what they served, which scrapes Prometheus missed, when they restarted; and the truth.

The truth is kept apart from all counting: `served` is everything since the first scrape, `seen` is that of it which a
scrape has seen. What a process served after its last scrape is in the first only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from hypothesis import strategies as st

from tests.unit.measure.scrapes import Pod

INTERVAL = 10.0
LATENCIES = (0.05, 0.1, 0.2, 0.25, 0.28, 0.5, 3.0)
LIMITS = (Decimal("0.1"), Decimal("0.25"), Decimal("0.3"))
BEFORE = 1_000
"""Requests of each latency served before the first scrape, more than any history serves: a restart shows."""


@dataclass(frozen=True)
class Truth:
    """What was really served."""

    latencies: tuple[float, ...] = ()
    errors: int = 0

    def slow(self, limit: Decimal) -> int:
        return sum(latency > float(limit) for latency in self.latencies)


@dataclass(frozen=True)
class Step:
    """What happens between two scrapes, and whether the second succeeds; a restart comes before the requests."""

    latencies: tuple[float, ...]
    errors: int
    scraped: bool = True
    restart: bool = False
    schema: int = 3


@dataclass
class History:
    """A pod that was scraped each interval from 0 on, and the truth at each of these instants."""

    pod: Pod
    served: list[Truth] = field(default_factory=lambda: [Truth()])
    seen: list[Truth] = field(default_factory=lambda: [Truth()])

    @property
    def end(self) -> float:
        return (len(self.served) - 1) * INTERVAL


steps = st.builds(
    Step,
    latencies=st.lists(st.sampled_from(LATENCIES), max_size=20).map(tuple),
    errors=st.integers(0, 9),
    scraped=st.sampled_from((True, True, True, False)),
    schema=st.integers(-1, 5),
)
steady = st.lists(steps, min_size=1, max_size=12)
"""No restart."""


def _restarting(step: Step, restart: bool = True) -> Step:
    return replace(step, restart=restart)


restarted = st.builds(
    lambda before, at, after: [*before, _restarting(at), *after],
    st.lists(steps, max_size=6),
    steps,
    st.lists(steps, max_size=6),
)
"""One restart, and a counter that fell shows it."""

restless = st.lists(st.builds(_restarting, steps, st.booleans()), min_size=1, max_size=12)
"""Restarts at any time, some of which no counter shows."""

anything = st.one_of(steady, restarted, restless)


def history(past: Sequence[Step], name: str = "a", before: int = BEFORE) -> History:
    """The pod of this past."""
    pod = Pod(name)
    pod.serve(LATENCIES * before, errors=before)
    pod.scrape(0.0)
    found = History(pod)
    fresh = Truth()  # what this process served since its last scrape
    for index, step in enumerate(past, start=1):
        if step.restart:
            pod.restart()
            fresh = Truth()
        pod.serve(step.latencies, errors=step.errors)
        pod.schema = step.schema
        new = Truth(step.latencies, step.errors)
        found.served.append(_added(found.served[-1], new))
        fresh = _added(fresh, new)
        seen = found.seen[-1]
        if step.scraped:
            pod.scrape(index * INTERVAL)
            seen, fresh = _added(seen, fresh), Truth()
        else:
            pod.miss(index * INTERVAL)
        found.seen.append(seen)
    return found


def _added(one: Truth, other: Truth) -> Truth:
    return Truth(one.latencies + other.latencies, one.errors + other.errors)
