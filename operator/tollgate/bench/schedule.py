"""When each request is due and which input it carries: decided before the stage starts, from the seed alone.

The same profile gives the same schedule for every revision, so candidate and baseline meet the same load. Where a
measurement is repeated to add to its counts, each repetition draws anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.load import Arrival, LoadStage, Scenario
from tollgate.bench.inputs import choose_inputs

_MOST_REQUESTS = 1_000_000
_MOST_PER_SECOND = 5000  # requests that one place in a closed loop can be used for


@dataclass(frozen=True)
class Loop:
    """A closed loop: so many requests are with the server at any time."""

    width: int
    in_step: bool = False  # the next ones are sent when all are answered, not when one is
    until: float = math.inf  # seconds after which no more are sent


@dataclass(frozen=True)
class Schedule:
    """Request i is due `due[i]` seconds after the stage's start and carries input `items[i]`."""

    due: NDArray[np.float64]
    items: NDArray[np.int64]
    span: float  # seconds the arrivals stand for: len(due) / span is the schedule's own rate
    first: int = 0  # of a share, the place of its first request in the whole schedule
    step: int = 1  # and how many places further on each next one is
    loop: Loop | None = None  # nothing is due: what is due was sent, once it is known
    surge: float | None = None  # seconds after the start at which a surge is due at once

    def __len__(self) -> int:
        return len(self.due)

    def longest(self, timeout: float) -> float:
        """Seconds by when all is answered or has timed out."""
        if self.loop is None:
            return self.span + timeout
        return min(self.loop.until + timeout, -(-len(self) // self.loop.width) * timeout)


def plan_stage(
    stage: LoadStage,
    groups: Sequence[str],
    seed: int,
    number: int,
    repetition: int = 0,
    repeat: int = 1,
    trace: NDArray[np.float64] | None = None,
) -> Schedule:
    """The schedule of the stage `number` of a profile, over a dataset whose items are of these groups.

    It has exactly `stage.requests` requests, as the certificate is a test on a fixed number. Constant: request
    i at i/rate. Poisson: independent exponential gaps, nothing rescaled, so the last request is due near the
    end of the stage's duration, not at it. Burst: as Constant, but each so many requests are due with the first of
    them. Ramp: as soon as the rate, which grows or falls steadily, adds up to it. Trace: at the times of `trace`. A
    surge is due a third of the stage after its start. A closed loop for a duration has more requests than it can send.
    """
    arrivals, inputs = np.random.default_rng([seed, number, repetition, repeat - 1]).spawn(2)
    if stage.closed:
        loop, requests = _loop(stage)
        return Schedule(np.zeros(requests), choose_inputs(inputs, stage, requests, groups), 0.0, loop=loop)
    if stage.trace is not None:
        if trace is None:
            raise ValueError(f"stage {stage.name} replays a trace, and none was given")
        return Schedule(trace, choose_inputs(inputs, stage, len(trace), groups), float(trace[-1]))
    surge = stage.surge or 0
    requests, rate = stage.requests - surge, float(stage.mean_rate)
    places, span = np.arange(requests), requests / rate
    match stage.arrival:
        case Arrival.CONSTANT:
            due = places / rate
        case Arrival.BURST:
            assert stage.burst is not None  # a Burst has it
            due = places // stage.burst * stage.burst / rate
        case Arrival.RAMP:
            first, last = (float(units.parse_rate(text or "")) for text in (stage.rate, stage.to_rate))
            due = 2 * places / (first + np.sqrt(first**2 + 2 * (last - first) / span * places))
        case _:
            due = np.cumsum(arrivals.exponential(1 / rate, requests))
            span = float(due[-1])
    at = span / 3 if surge else None
    if at is not None:
        due = np.insert(due, np.searchsorted(due, at), np.full(surge, at))
    return Schedule(due, choose_inputs(inputs, stage, len(due), groups), span, surge=at)


def _loop(stage: LoadStage) -> tuple[Loop, int]:
    """The closed loop of a stage, and its requests."""
    in_step = stage.scenario is Scenario.MULTI_STREAM
    if stage.duration_seconds is None:
        return Loop(stage.in_flight, in_step), stage.requests
    most = min(_MOST_REQUESTS, stage.in_flight * _MOST_PER_SECOND * stage.duration_seconds)
    return Loop(stage.in_flight, in_step, stage.duration_seconds), most
