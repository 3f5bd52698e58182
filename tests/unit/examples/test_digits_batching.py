"""The queue before stage 2, without a model: what is computed says what it was given."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import numpy as np
import pytest
from batching import Batcher
from handwriting import PIXELS, Floats
from model import Answer


class Work:
    """Answers an image that is full of 7s with 7, and keeps every batch until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Semaphore(0)
        self.failure: BaseException | None = None

    def __call__(self, images: Floats) -> list[Answer]:
        assert images.shape[1:] == (PIXELS,)
        numbers = [int(image[0]) for image in images]
        self.batches.append(numbers)
        self.begun.release()
        assert self.let_go.acquire(timeout=20)
        if self.failure is not None:
            raise self.failure
        return [Answer(number, 1.0, 2) for number in numbers]


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.let_go.release(100)  # a test that failed must not hang in its pool


@pytest.fixture
def pool(work: Work) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(1)
    yield pool
    work.let_go.release(100)
    pool.shutdown()


def queue(batcher: Batcher, work: Work, count: int, busy: int = 1) -> list[Future[Answer]]:
    """Images 0, 1, ...: the first `busy` of them are being computed, `count` more wait."""
    answers = []
    for number in range(busy):
        answers.append(submit(batcher, number))
        assert work.begun.acquire(timeout=20)
    answers += [submit(batcher, number) for number in range(busy, busy + count)]
    assert batcher.waiting == count
    return answers


def submit(batcher: Batcher, number: int) -> Future[Answer]:
    return batcher.submit(np.full(PIXELS, number, np.float32))


def digits(answers: list[Future[Answer]]) -> list[int]:
    return [answer.result(timeout=20).digit for answer in answers]


@pytest.mark.parametrize(
    ("size", "batches"),
    [
        (1, [[0], [1], [2], [3], [4], [5]]),
        (2, [[0], [1, 2], [3, 4], [5]]),
        (8, [[0], [1, 2, 3, 4, 5]]),
    ],
)
def test_a_free_worker_takes_what_waits_in_its_order(
    pool: ThreadPoolExecutor, work: Work, size: int, batches: list[list[int]]
) -> None:
    batcher = Batcher(pool, work, size)
    answers = queue(batcher, work, 5)
    work.let_go.release(10)
    assert digits(answers) == [0, 1, 2, 3, 4, 5]
    assert work.batches == batches


def test_an_image_does_not_wait_for_company(pool: ThreadPoolExecutor, work: Work) -> None:
    batcher = Batcher(pool, work, 8)
    work.let_go.release(3)
    for number in range(3):
        assert digits([submit(batcher, number)]) == [number]
    assert work.batches == [[0], [1], [2]]


def test_as_many_batches_are_computed_at_a_time_as_there_are_workers(work: Work) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = queue(Batcher(pool, work, 4), work, 4, busy=2)
        assert work.batches == [[0], [1]]
        work.let_go.release()
        assert work.begun.acquire(timeout=20)  # one worker goes on, the other is still busy
        assert work.batches == [[0], [1], [2, 3, 4, 5]]
        work.let_go.release(2)
        assert digits(answers) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("size", "batches"), [(1, [[0], [2], [4]]), (2, [[0], [2, 4]])])
def test_an_image_whose_caller_has_gone_is_not_computed_and_takes_nobodys_place(
    pool: ThreadPoolExecutor, work: Work, size: int, batches: list[list[int]]
) -> None:
    batcher = Batcher(pool, work, size)
    answers = queue(batcher, work, 4)
    assert answers[1].cancel()
    assert answers[3].cancel()
    work.let_go.release(10)
    assert digits([answers[0], answers[2], answers[4]]) == [0, 2, 4]
    assert work.batches == batches


def test_what_is_being_computed_cannot_be_cancelled(pool: ThreadPoolExecutor, work: Work) -> None:
    (answer,) = queue(Batcher(pool, work, 8), work, 0)
    assert not answer.cancel()
    work.let_go.release()
    assert digits([answer]) == [0]


def test_all_of_a_batch_learn_of_its_failure_and_the_next_is_computed(
    pool: ThreadPoolExecutor, work: Work
) -> None:
    batcher = Batcher(pool, work, 2)
    answers = queue(batcher, work, 3)
    work.let_go.release()
    assert work.begun.acquire(timeout=20)  # [1, 2] has begun
    work.failure = FloatingPointError("too hard")
    work.let_go.release()
    for answer in answers[1:3]:
        with pytest.raises(FloatingPointError, match="too hard"):
            answer.result(timeout=20)
    assert work.begun.acquire(timeout=20)
    work.failure = None
    work.let_go.release()
    assert digits([answers[0], answers[3]]) == [0, 3]


def test_too_few_answers_are_a_failure_and_not_a_wait() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="shorter"):
        submit(Batcher(pool, lambda images: [], 8), 0).result(timeout=20)


def test_a_closed_pool_leaves_nobody_waiting(pool: ThreadPoolExecutor, work: Work) -> None:
    batcher = Batcher(pool, work, 8)
    answers = queue(batcher, work, 2)
    pool.shutdown(wait=False, cancel_futures=True)
    batcher.close()
    for answer in answers[1:]:
        with pytest.raises(CancelledError):
            answer.result(timeout=20)
    work.let_go.release()
    assert digits(answers[:1]) == [0]
    assert work.batches == [[0]]
