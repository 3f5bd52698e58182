"""Batches: images that wait for a worker at the same moment are computed in one call.

Nothing ever waits for a batch to fill. A free worker takes what is there, so batches form only under load, and with
a size of 1 this is a plain queue. Must not know of HTTP, metrics or what is computed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress

import numpy as np

from handwriting import Floats
from model import Answer


class Batcher:
    """Computes images in the workers of a pool, first come, first served, up to `size` of them in one call.

    `compute` is given images, shape (n, 64), and returns an answer for each.
    """

    def __init__(self, pool: Executor, compute: Callable[[Floats], list[Answer]], size: int) -> None:
        self._pool = pool
        self._compute = compute
        self._size = size
        self._queue: deque[tuple[Floats, Future[Answer]]] = deque()

    @property
    def waiting(self) -> int:
        """How many images no worker has taken yet, those included whose caller has gone."""
        return len(self._queue)

    def submit(self, image: Floats) -> Future[Answer]:
        """The answer to come for one image, shape (64,). Cancel it, and an image that still waits costs nothing."""
        answer: Future[Answer] = Future()
        self._queue.append((image, answer))
        # A turn for each image, though a batch leaves some turns without work: a worker then needs nobody to wake
        # it between two batches, and no image can be left behind.
        self._pool.submit(self._turn)
        return answer

    def close(self) -> None:
        """Cancel what waits: for a pool that will give no more turns."""
        with suppress(IndexError):  # empty; to ask first would be a race with a worker
            while True:
                self._queue.popleft()[1].cancel()

    def _turn(self) -> None:
        taken = self._take()
        if not taken:
            return
        try:
            answers = self._compute(np.stack([image for image, _ in taken]))
            answered = list(zip(taken, answers, strict=True))
        except BaseException as error:  # as the pool itself does: a caller must never be left waiting
            for _, future in taken:
                future.set_exception(error)
        else:
            for (_, future), answer in answered:
                future.set_result(answer)

    def _take(self) -> list[tuple[Floats, Future[Answer]]]:
        """Up to `size` images from the front of the queue, without those whose caller has gone."""
        taken: list[tuple[Floats, Future[Answer]]] = []
        while len(taken) < self._size:
            try:
                image, future = self._queue.popleft()
            except IndexError:  # as in `close`
                break
            if future.set_running_or_notify_cancel():
                taken.append((image, future))
        return taken
