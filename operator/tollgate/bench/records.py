"""What is known of each request of a stage, and of the load generator meanwhile: raw, before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from tollgate.bench.schedule import Schedule
from tollgate.bench.told import Told


class Outcome(IntEnum):
    """What became of a request. All but ANSWERED are errors; their lower-case names are the kinds in a result."""

    ANSWERED = 0
    TIMEOUT = 1
    CONNECT = 2  # no connection
    DISCONNECT = 3  # closed or reset before the answer was whole
    HTTP_4XX = 4
    HTTP_5XX = 5
    REDIRECT = 6
    GARBAGE = 7  # not HTTP, not JSON, too long, or without a prediction
    OTHER = 8
    SERVER_ERROR = 9  # a good status, and an error in the answer
    CANCELLED = 10  # a stream that the server ended before it was complete
    EMPTY = 11  # complete, and without a single token


@dataclass
class StageRun:
    """What happened in a stage. Arrays have an element per request; times are seconds since the stage's start."""

    schedule: Schedule
    timeout: float  # seconds from its due time after which a request has failed
    scored: NDArray[np.bool_]
    correct: NDArray[np.bool_] = field(init=False)
    outcome: NDArray[np.int8] = field(init=False)  # values of `Outcome`
    sent: NDArray[np.float64] = field(init=False)  # NaN: its time-out had passed before it could be sent
    ended: NDArray[np.float64] = field(init=False)  # the answer was whole, or the request had failed
    told: Told | None = None  # what answers told beyond their prediction; None where they were not asked to
    examples: dict[Outcome, str] = field(default_factory=dict)  # the first failure of each kind
    held: int = 0  # requests that had to wait, as the client's capacity was unanswered
    starved: int = 0  # requests that failed because the client had no socket or port left
    lags: list[float] = field(default_factory=list)  # seconds that each heartbeat of the event loop came late
    throttled: float = 0.0  # seconds that a CPU limit kept the load generator from running
    cpu: float = 0.0  # cores that its busiest process used, all threads together, while requests were sent
    in_flight: int = 0  # most requests that were without an answer at once: each holds a socket
    began: float = 0.0  # the stage's start on the wall clock, in Unix seconds
    workers: int = 1  # processes that sent them
    lost: list[str] = field(default_factory=list)  # of these, the ones that left no record, and why

    def __post_init__(self) -> None:
        requests = len(self.schedule)
        self.correct = np.zeros(requests, np.bool_)
        self.outcome = np.zeros(requests, np.int8)
        self.sent = np.full(requests, np.nan)
        self.ended = np.full(requests, np.nan)
