"""When each request is due and which input it carries: decided before the stage starts, from the seed alone.

The same profile gives the same schedule for every revision, so candidate and baseline meet the same load. Where a
measurement is repeated to add to its counts, each repetition draws anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.load import Arrival, LoadStage


@dataclass(frozen=True)
class Schedule:
    """Request i is due `due[i]` seconds after the stage's start and carries input `items[i]`."""

    due: NDArray[np.float64]
    items: NDArray[np.int64]
    span: float  # seconds the arrivals stand for: len(due) / span is the schedule's own rate
    first: int = 0  # of a share, the place of its first request in the whole schedule
    step: int = 1  # and how many places further on each next one is

    def __len__(self) -> int:
        return len(self.due)


def plan_stage(stage: LoadStage, items: int, seed: int, number: int, repetition: int = 0) -> Schedule:
    """The schedule of the stage `number` of a profile, over a dataset of so many items.

    It has exactly `stage.requests` requests, as the certificate is a test on a fixed number. Constant: request
    i at i/rate. Poisson: independent exponential gaps, nothing rescaled, so the last request is due near the
    end of the stage's duration, not at it.
    """
    rate = float(units.parse_rate(stage.rate))
    arrivals, inputs = np.random.default_rng([seed, number, *([repetition] if repetition else [])]).spawn(2)
    if stage.arrival is Arrival.CONSTANT:
        due = np.arange(stage.requests) / rate
        span = stage.requests / rate
    else:
        due = np.cumsum(arrivals.exponential(1 / rate, stage.requests))
        span = float(due[-1])
    return Schedule(due, _shuffled_cycles(inputs, stage.requests, items), span)


def _shuffled_cycles(rng: np.random.Generator, requests: int, items: int) -> NDArray[np.int64]:
    """Indices of items, each cycle through the dataset in an order of its own: all are used equally often."""
    cycles = -(-requests // items)
    return rng.permuted(np.tile(np.arange(items), (cycles, 1)), axis=1).ravel()[:requests]
