"""The work queue, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tollgate.errors import Conflict, Denied, Unavailable
from tollgate.reconcile.key import Key
from tollgate.runtime.queue import Backoff, WorkQueue

A, B, C = (Key("budget", "vision", name) for name in "abc")


class Recorder:
    """Fake work and gauges: remembers what was worked when."""

    def __init__(self, work: Callable[[Key], Awaitable[float | None]] | None = None) -> None:
        self._work = work
        self.runs: list[tuple[str, float]] = []
        self.results: list[tuple[str, str]] = []
        self.waits: list[float] = []
        self.depths: list[int] = []

    async def __call__(self, key: Key) -> float | None:
        self.runs.append((key.name, asyncio.get_running_loop().time() - 1000.0))
        return await self._work(key) if self._work else None

    def reconciled(self, key: Key, result: str, seconds: float, waited: float) -> None:
        self.results.append((key.name, result))
        self.waits.append(waited)

    def depth(self, due: int) -> None:
        self.depths.append(due)


def queue(recorder: Recorder, **options: object) -> WorkQueue:
    return WorkQueue(recorder, recorder, jitter=lambda: 0.0, **options)  # type: ignore[arg-type]


async def run_for(seconds: float, work: WorkQueue) -> None:
    """Run the queue so long, then cancel it."""
    task = asyncio.create_task(work.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def test_a_key_is_held_once_at_its_earliest_time(run_virtual) -> None:
    async def main() -> list[tuple[str, float]]:
        recorder = Recorder()
        work = queue(recorder)
        work.enqueue(A, 10)
        work.enqueue(A, 5)
        work.enqueue(A, 20)
        work.enqueue(B, 1)
        await run_for(100, work)
        return recorder.runs

    assert run_virtual(main()) == [("b", 1.0), ("a", 5.0)]


def test_a_key_is_worked_by_one_at_a_time_and_again_when_enqueued_meanwhile(run_virtual) -> None:
    async def main() -> tuple[list[tuple[str, float]], int]:
        under_way = most = 0

        async def slow(_key: Key) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(3)
            under_way -= 1

        recorder = Recorder(slow)
        work = queue(recorder, workers=4)
        work.enqueue(A)
        asyncio.get_running_loop().call_later(1, work.enqueue, A)
        asyncio.get_running_loop().call_later(2, work.enqueue, A)
        await run_for(100, work)
        return recorder.runs, most

    assert run_virtual(main()) == ([("a", 0.0), ("a", 3.0)], 1)


def test_a_key_that_is_enqueued_for_later_while_it_is_worked_runs_once_then(run_virtual) -> None:
    async def main() -> list[tuple[str, float]]:
        async def slow(key: Key) -> None:
            await asyncio.sleep(3)

        recorder = Recorder(slow)
        work = queue(recorder)
        work.enqueue(A)
        asyncio.get_running_loop().call_later(1, work.enqueue, A, 4)
        await run_for(20, work)
        return recorder.runs

    assert run_virtual(main()) == [("a", 0.0), ("a", 5.0)]


def test_the_returned_seconds_are_when_it_looks_again_unless_an_event_comes_first(run_virtual) -> None:
    async def main() -> list[tuple[str, float]]:
        answers = iter([60.0, 60.0, None])

        async def periodic(_key: Key) -> float | None:
            return next(answers)

        recorder = Recorder(periodic)
        work = queue(recorder)
        work.enqueue(A)
        asyncio.get_running_loop().call_later(10, work.enqueue, A)
        await run_for(1000, work)
        return recorder.runs

    assert run_virtual(main()) == [("a", 0.0), ("a", 10.0), ("a", 70.0)]


def test_no_more_workers_than_allowed_and_the_rest_waits_in_order(run_virtual) -> None:
    async def main() -> Recorder:
        async def slow(_key: Key) -> None:
            await asyncio.sleep(2)

        recorder = Recorder(slow)
        work = queue(recorder, workers=2)
        for key in (A, B, C):
            work.enqueue(key)
        await run_for(100, work)
        return recorder

    recorder = run_virtual(main())
    assert recorder.runs == [("a", 0.0), ("b", 0.0), ("c", 2.0)]
    assert max(recorder.depths) == 1
    assert recorder.depths[-1] == 0


def test_failures_back_off_doubling_and_success_forgets_them(run_virtual) -> None:
    async def main() -> Recorder:
        outcomes = iter([OSError(), OSError(), OSError(), None, OSError(), None])

        async def flaky(_key: Key) -> None:
            if outcome := next(outcomes):
                raise outcome

        recorder = Recorder(flaky)
        work = queue(recorder, backoff=Backoff(first=1, longest=3))
        work.enqueue(A)
        asyncio.get_running_loop().call_later(50, work.enqueue, A)
        await run_for(100, work)
        return recorder

    recorder = run_virtual(main())
    assert [at for _, at in recorder.runs] == [0, 1, 3, 6, 50, 51]
    assert [result for _, result in recorder.results] == ["bug", "bug", "bug", "ok", "bug", "ok"]


@pytest.mark.parametrize(
    ("error", "failures", "jitter", "seconds"),
    [
        (Denied("no"), 1, 0.0, 1.0),
        (Denied("no"), 3, 0.0, 4.0),
        (Denied("no"), 3, 1.0, 2.0),
        (Denied("no"), 1000, 0.0, 300.0),
        (Conflict("changed"), 1, 0.0, 0.2),
        (Unavailable("busy", retry_after=17.0), 1, 0.0, 17.0),
        (Unavailable("busy", retry_after=17.0), 7, 0.0, 64.0),
        (Unavailable("down"), 1, 0.0, 1.0),
    ],
)
def test_backoff(error: Exception, failures: int, jitter: float, seconds: float) -> None:
    assert Backoff().seconds(failures, error, jitter) == pytest.approx(seconds)


def test_work_that_hangs_is_given_up_and_tried_again(run_virtual) -> None:
    async def main() -> Recorder:
        async def hanging(_key: Key) -> None:
            await asyncio.Event().wait()

        recorder = Recorder(hanging)
        work = queue(recorder, work_seconds=30)
        work.enqueue(A)
        await run_for(50, work)
        return recorder

    recorder = run_virtual(main())
    assert recorder.runs == [("a", 0.0), ("a", 31.0)]
    assert recorder.results[0] == ("a", "timeouterror")


def test_cancelled_work_stays_and_the_next_run_takes_it_up(run_virtual) -> None:
    async def main() -> Recorder:
        async def slow(_key: Key) -> None:
            await asyncio.sleep(10)

        recorder = Recorder(slow)
        work = queue(recorder, workers=1)
        work.enqueue(A)
        work.enqueue(B)
        await run_for(5, work)
        await asyncio.sleep(5)
        await run_for(100, work)
        return recorder

    recorder = run_virtual(main())
    assert recorder.runs == [("a", 0.0), ("b", 10.0), ("a", 20.0)]
    assert recorder.results == [("a", "cancelled"), ("b", "ok"), ("a", "ok")]


def test_stop_finishes_what_is_under_way_and_begins_nothing(run_virtual) -> None:
    async def main() -> Recorder:
        async def slow(_key: Key) -> None:
            await asyncio.sleep(10)

        recorder = Recorder(slow)
        work = queue(recorder, workers=1)
        work.enqueue(A)
        work.enqueue(B)
        asyncio.get_running_loop().call_later(1, work.stop)
        await work.run()
        return recorder

    assert run_virtual(main()).results == [("a", "ok")]


def test_stuck_says_which_key_hangs(run_virtual) -> None:
    async def main() -> tuple[str, str]:
        async def deaf(_key: Key) -> None:
            while True:
                try:
                    await asyncio.sleep(1000)
                    return
                except asyncio.CancelledError:
                    pass

        work = queue(Recorder(deaf), work_seconds=30)
        work.enqueue(A)
        task = asyncio.create_task(work.run())
        await asyncio.sleep(50)
        early = work.stuck(60)
        await asyncio.sleep(50)
        late = work.stuck(60)
        work.stop()
        await task
        return early, late

    early, late = run_virtual(main())
    assert early == ""
    assert "budget vision/a" in late


def test_stuck_says_that_due_keys_wait(run_virtual) -> None:
    async def main() -> list[str]:
        async def slow(_key: Key) -> None:
            await asyncio.sleep(100)

        work = queue(Recorder(slow), workers=1)
        said = [work.stuck(60)]
        work.enqueue(A)
        work.enqueue(B)
        task = asyncio.create_task(work.run())
        for _ in range(3):
            await asyncio.sleep(45)
            said.append(work.stuck(60))
        work.stop()
        await task
        said.append(work.stuck(60))
        return said

    idle, at_45, at_90, at_135, stopped = run_virtual(main())
    assert (idle, at_45, stopped) == ("", "", "")
    assert "90 s" in at_90
    assert at_135 == ""  # the first was done at 100


def test_keys_far_in_the_future_do_not_pile_up(run_virtual) -> None:
    async def main() -> int:
        async def rarely(_key: Key) -> float:
            return 1e6

        recorder = Recorder(rarely)
        work = queue(recorder)
        task = asyncio.create_task(work.run())
        for _ in range(5000):
            work.enqueue(A)
            await asyncio.sleep(1)
        task.cancel()
        assert len(recorder.runs) == 5000
        return len(work._later)

    assert run_virtual(main()) < 1100
