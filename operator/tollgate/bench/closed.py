"""A closed loop: a request is sent when another one is done, so that so many are with the server at any time.

Nothing is due beforehand, so latency runs from when a request was sent. What a server that stands still would have done
to requests that were not sent meanwhile is not in the record, which is why no latency of a closed loop is certified.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tollgate.bench.client import Client
from tollgate.bench.pacing import now
from tollgate.bench.records import StageRun
from tollgate.bench.requests import Requests
from tollgate.bench.schedule import Schedule
from tollgate.bench.stage import Stage
from tollgate.bench.told import Told


def stage_of(schedule: Schedule, requests: Requests, client: Client, timeout: float) -> Stage:
    """What runs a schedule, open or closed."""
    return (ClosedStage if schedule.loop else Stage)(schedule, requests, client, timeout)


class ClosedStage(Stage):
    """A stage in progress whose schedule is a closed loop."""

    async def run(self, start: float | None = None) -> StageRun:
        """As of any stage; the record is of what was sent, due when it was."""
        return _as_sent(await super().run(start), np.array(self._due[: self._launched]))

    @property
    def _of_so_many(self) -> str:
        loop = self._record.schedule.loop
        return super()._of_so_many if loop and loop.until == math.inf else ""

    def _launch_due(self) -> None:
        loop = self._record.schedule.loop
        assert loop is not None  # it is what makes the stage a closed one
        elapsed = now() - self._start
        if elapsed >= loop.until:
            self._all_launched.set()
        elif not loop.in_step or self._launched == self._finished:
            while self._launched < len(self._due) and self._launched - self._finished < loop.width:
                self._due[self._launched] = elapsed
                self._launch()
        if self._launched == len(self._due):
            self._all_launched.set()

    def _one_is_done(self) -> None:
        self._launch_due()


def _as_sent(run: StageRun, begun: NDArray[np.float64]) -> StageRun:
    """The record of the requests that were begun, due when they were sent; one never sent, when it was begun."""
    schedule, launched = run.schedule, len(begun)
    due = np.where(np.isnan(run.sent[:launched]), begun, run.sent[:launched])
    span = float(np.max(run.ended[:launched], initial=0.0))
    made = replace(schedule, due=due, items=schedule.items[:launched], span=span)
    sent = replace(run, schedule=made, scored=run.scored[:launched])
    for name in ("correct", "outcome", "sent", "ended"):
        getattr(sent, name)[:] = getattr(run, name)[:launched]
    sent.told = Told.joined([run.told], np.arange(launched)) if run.told else None
    return sent
