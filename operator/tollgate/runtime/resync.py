"""Looks at every budget now and then, whatever the watch said: a lost event is made up for in a bounded time.

It must not hold the objects, of which there may be thousands, nor wake them all at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from tollgate.errors import ClusterError
from tollgate.ports import BUDGET, Kind, Object
from tollgate.reconcile.key import Key
from tollgate.runtime.feed import Feed
from tollgate.runtime.view import text

logger = logging.getLogger(__name__)


class Pager(Protocol):
    """The API server, a page of a list at a time."""

    def pages(self, kind: Kind, namespace: str) -> AsyncIterator[Sequence[Object]]:
        """All objects; `namespace` "" for all namespaces."""


class Resync:
    """Every `seconds`, compares the feed with a list of all budgets and spreads a look at each over that time."""

    def __init__(
        self,
        pager: Pager,
        feed: Feed,
        enqueue: Callable[[Key, float], None],
        *,
        seconds: float,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._pager = pager
        self._feed = feed
        self._enqueue = enqueue
        self._seconds = seconds
        self._spread = spread

    async def run(self) -> None:
        """For ever. A failure waits for the next time."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.once()
            except ClusterError as error:
                logger.warning("The budgets could not be compared with what the watch delivered: %s", error)

    async def once(self) -> None:
        """One comparison."""
        began = self._feed.now()
        listed: dict[Key, str] = {}
        async for page in self._pager.pages(BUDGET, ""):
            for budget in page:
                key = Key("budget", text(budget, "metadata", "namespace"), text(budget, "metadata", "name"))
                listed[key] = text(budget, "metadata", "resourceVersion")
        self._feed.compare(listed, began)
        for key in listed:
            self._enqueue(key, self._seconds * self._spread())
