"""A stage for two arms in turn: the schedule cut into turns, who begins in each, and the records joined again. Pure.

Each turn is met by both arms, one right after the other, at the same pace and with the same inputs. So what a machine
does in the meantime hits both alike. Who goes first is drawn for every other turn, and is the other arm in the turn
after it: neither has the better place, a steady drift falls out, and nothing that comes at regular times keeps step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tollgate.api.paired import FEWEST_REQUESTS, FEWEST_TURNS
from tollgate.bench.records import StageRun
from tollgate.bench.schedule import Schedule

_SECONDS = 5.0  # of a turn: long against the queue of a server, short against what drifts
_FEW, _MANY = 10, 20
_LEAST = FEWEST_REQUESTS // FEWEST_TURNS  # requests in a turn


@dataclass(frozen=True)
class Turn:
    """A stretch of a schedule, as a schedule of its own, and who meets it first."""

    schedule: Schedule
    candidate_first: bool


def turns(schedule: Schedule, seed: int) -> list[Turn]:
    """A schedule in an even number of turns of as many requests, give or take one; it must have enough of them."""
    wanted = min(max(_FEW, round(schedule.span / _SECONDS)), _MANY, len(schedule) // _LEAST)
    number = wanted // 2 * 2
    heads = np.random.default_rng(seed).random(number // 2) < 0.5
    first = np.stack([heads, ~heads], axis=1).ravel().tolist()
    bounds = [i * len(schedule) // number for i in range(number + 1)]
    return [
        Turn(_cut(schedule, begin, end), candidate_first)
        for (begin, end), candidate_first in zip(pairwise(bounds), first, strict=True)
    ]


def _cut(schedule: Schedule, begin: int, end: int) -> Schedule:
    """The requests from `begin` up to `end`, each due as long after the one before it as it was."""
    start = float(schedule.due[begin - 1]) if begin else 0.0
    due = schedule.due[begin:end] - start
    return Schedule(due, schedule.items[begin:end], float(due[-1]))


def joined(runs: Sequence[StageRun]) -> tuple[StageRun, NDArray[np.int64]]:
    """The turns of one arm as a single record, and the turn of each request."""
    starts = np.concatenate([[0.0], np.cumsum([run.schedule.span for run in runs])])
    begun = list(zip(runs, starts[:-1].tolist(), strict=True))
    schedule = Schedule(
        np.concatenate([run.schedule.due + start for run, start in begun]),
        np.concatenate([run.schedule.items for run in runs]),
        float(starts[-1]),
    )
    whole = StageRun(schedule, runs[0].timeout, np.concatenate([run.scored for run in runs]))
    whole.correct[:] = np.concatenate([run.correct for run in runs])
    whole.outcome[:] = np.concatenate([run.outcome for run in runs])
    whole.sent[:] = np.concatenate([run.sent + start for run, start in begun])
    whole.ended[:] = np.concatenate([run.ended + start for run, start in begun])
    for run in runs:
        whole.held += run.held
        whole.starved += run.starved
        whole.lags += run.lags
        whole.throttled += run.throttled
        whole.cpu = max(whole.cpu, run.cpu)
        whole.in_flight = max(whole.in_flight, run.in_flight)
        whole.workers = run.workers
        whole.lost += run.lost
    return whole, np.repeat(np.arange(len(runs)), [len(run.schedule) for run in runs])
