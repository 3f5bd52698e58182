"""The periodic look at every budget, on virtual time, with a fake pager."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from tollgate.errors import Unavailable
from tollgate.ports import BUDGET, Kind, Object
from tollgate.reconcile.key import Key
from tollgate.runtime.feed import Feed
from tollgate.runtime.resync import Resync

A, B, C = (Key("budget", "vision", name) for name in "abc")


def budget(name: str, version: str) -> Object:
    return {"metadata": {"namespace": "vision", "name": name, "resourceVersion": version}}


class FakePager:
    """Gives the pages set, and fails as often as told."""

    def __init__(self, *pages: Sequence[Object]) -> None:
        self._pages = pages
        self.failures = 0
        self.lists = 0

    async def pages(self, kind: Kind, namespace: str) -> AsyncIterator[Sequence[Object]]:
        assert (kind, namespace) == (BUDGET, "")
        self.lists += 1
        if self.lists <= self.failures:
            raise Unavailable("list EfficiencyBudget: down")
        for page in self._pages:
            yield page


def test_all_are_looked_at_within_the_period_and_the_missed_at_once(run_virtual: Any) -> None:
    async def main() -> list[tuple[Key, float]]:
        enqueued: list[tuple[Key, float]] = []
        feed = Feed(
            lambda key, after: enqueued.append((key, after)), monotonic=asyncio.get_running_loop().time
        )
        feed.observe(BUDGET, None, budget("a", "1"))
        feed.observe(BUDGET, None, budget("c", "1"))
        enqueued.clear()
        await asyncio.sleep(1)
        spread = iter([0.25, 0.75])
        resync = Resync(
            FakePager([budget("a", "1")], [budget("b", "2")]),
            feed,
            lambda key, after: enqueued.append((key, after)),
            seconds=600,
            spread=lambda: next(spread),
        )
        await resync.once()
        return [entry for entry in enqueued if entry[0].controller == "budget"]

    assert run_virtual(main()) == [(C, 0.0), (B, 0.0), (A, 150.0), (B, 450.0)]


def test_a_failure_waits_for_the_next_time(run_virtual: Any) -> None:
    async def main() -> tuple[int, list[Key]]:
        enqueued: list[Key] = []
        feed = Feed(lambda key, _after: enqueued.append(key), monotonic=asyncio.get_running_loop().time)
        pager = FakePager([budget("a", "1")])
        pager.failures = 2
        task = asyncio.create_task(
            Resync(pager, feed, lambda key, _after: enqueued.append(key), seconds=600).run()
        )
        await asyncio.sleep(1900)
        task.cancel()
        return pager.lists, enqueued

    lists, enqueued = run_virtual(main())
    assert lists == 3
    assert A in enqueued
