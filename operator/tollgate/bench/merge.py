"""One schedule dealt out to several workers, and their records put together again: what one would have left. Pure.

Request i goes to worker i mod n, so that each has the whole stage at an n-th of its rate, and no two send at once.
Every request keeps its place and all clocks started together, so the merged record is exact. Of a closed loop each
worker keeps its part of the places with the server filled; what was sent, and when, is seen from the records. A
worker without a record leaves a gap, and `lost` says so: what is there is a smaller stage, and must not pass for the
one that was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tollgate.bench.records import StageRun
from tollgate.bench.schedule import Schedule
from tollgate.bench.told import Told


def deal(schedule: Schedule, number: int, workers: int) -> Schedule:
    """The share of worker `number`, from 0, of so many: it stands for the same stretch of time."""
    first, step = schedule.first + schedule.step * number, schedule.step * workers
    loop = schedule.loop
    if loop is not None:
        loop = replace(loop, width=len(range(number, loop.width, workers)))
    due, items = schedule.due[number::workers], schedule.items[number::workers]
    return replace(schedule, due=due, items=items, first=first, step=step, loop=loop)


def merge(schedule: Schedule, shares: Sequence[StageRun | str]) -> StageRun:
    """The records of all shares of a schedule, in the order of `deal`; a str is why there is none. One must be."""
    runs = {number: share for number, share in enumerate(shares) if isinstance(share, StageRun)}
    places = np.concatenate([number + len(shares) * np.arange(len(run.sent)) for number, run in runs.items()])
    order = np.argsort(places)
    due, items = (
        np.concatenate([getattr(run.schedule, name) for run in runs.values()])[order]
        for name in ("due", "items")
    )
    first = next(iter(runs.values()))
    span = schedule.span if schedule.loop is None else max(run.schedule.span for run in runs.values())
    whole = StageRun(
        replace(schedule, due=due, items=items, span=span),
        first.timeout,
        np.concatenate([run.scored for run in runs.values()])[order],
    )
    for name in ("correct", "outcome", "sent", "ended"):
        getattr(whole, name)[:] = np.concatenate([getattr(run, name) for run in runs.values()])[order]
    whole.began = first.began
    told = [run.told for run in runs.values() if run.told is not None]
    whole.told = Told.joined(told, order) if told else None
    for run in runs.values():
        whole.examples = run.examples | whole.examples
        whole.held += run.held
        whole.starved += run.starved
        whole.lags += run.lags
        whole.cpu = max(whole.cpu, run.cpu)
        whole.in_flight += run.in_flight
        whole.throttled = max(whole.throttled, run.throttled)  # of the container that they share
    whole.workers = len(shares)
    whole.lost = [f"{number + 1} ({why})" for number, why in enumerate(shares) if isinstance(why, str)]
    return whole
