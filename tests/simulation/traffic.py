"""Simulated requests of many releases at once (seeded): when slow ones come, and what each scrape would count."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.simulation.rules import NEVER, Boundary, Counts


def slow_arrivals(p: float, *, runs: int, requests: int, seed: int) -> Counts:
    """At which request of each run its first, second, ... slow one comes, each slow with chance p.

    (runs, k) with k large enough that all slow ones among so many requests are there.
    """
    expected = p * requests
    k = math.ceil(expected + 10 * math.sqrt(expected) + 20)
    arrivals = np.random.default_rng(seed).geometric(p, size=(runs, k)).cumsum(axis=1)
    assert arrivals[:, -1].min() > requests
    return arrivals


def first_breach(arrivals: Counts, boundary: Boundary, requests: int) -> Counts:
    """The request at which each run is first called a Breach, looked at after every one; NEVER after `requests`.

    Only a slow request can add to the evidence of a Breach, so no other look matters.
    """
    k = arrivals.shape[1]
    spoken = (arrivals <= boundary.breach[1 : k + 1]) & (arrivals <= requests)
    return np.where(spoken.any(axis=1), arrivals[np.arange(len(arrivals)), spoken.argmax(axis=1)], NEVER)


def first_within(arrivals: Counts, boundary: Boundary, requests: int) -> Counts:
    """The request at which each run is first called Within, looked at after every one; NEVER after `requests`."""
    needed = boundary.within[: arrivals.shape[1]]
    spoken = (needed < arrivals) & (needed <= requests)
    return np.where(spoken.any(axis=1), needed[spoken.argmax(axis=1)], NEVER)


@dataclass(frozen=True)
class Scrapes:
    """Cumulative counts at each scrape, (runs, looks) each."""

    requests: Counts
    slow: Counts

    def between(self, every: int = 1) -> tuple[Counts, Counts]:
        """Requests and slow ones in windows of so many scrapes."""
        ends = slice(every - 1, None, every)
        return np.diff(self.requests[:, ends], axis=1, prepend=0), np.diff(
            self.slow[:, ends], axis=1, prepend=0
        )


def steady(p: float, *, per_scrape: int, runs: int, looks: int, seed: int) -> Scrapes:
    """So many requests at each scrape, each slow with chance p."""
    slow = np.random.default_rng(seed).binomial(per_scrape, p, size=(runs, looks)).cumsum(axis=1)
    return Scrapes(np.broadcast_to(per_scrape * np.arange(1, looks + 1), (runs, looks)), slow)


def poisson(p: float, *, per_scrape: float, runs: int, looks: int, seed: int) -> Scrapes:
    """Requests that come by chance, so many per scrape on average, each slow with chance p."""
    rng = np.random.default_rng(seed)
    slow = rng.poisson(per_scrape * p, size=(runs, looks)).cumsum(axis=1)
    return Scrapes(slow + rng.poisson(per_scrape * (1 - p), size=(runs, looks)).cumsum(axis=1), slow)


def first_look(spoken: NDArray[np.bool_]) -> Counts:
    """The look, from 1 on, at which each run first spoke; NEVER where it did not. `spoken` is (runs, looks)."""
    return np.where(spoken.any(axis=1), spoken.argmax(axis=1) + 1, NEVER)
