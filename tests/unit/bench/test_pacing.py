"""The alarm rings once, after its time. How soon after it, bench/load_generator.py measures."""

from __future__ import annotations

import asyncio
import os

import pytest

from tollgate.bench.pacing import Alarm, now


async def rings(times: list[float], until: float) -> list[float]:
    """When an alarm that is set to each of the times, one after the other, rang; seconds from now."""
    start, rang, queue = now(), [], list(times)
    done = asyncio.Event()

    def ring() -> None:
        rang.append(now() - start)
        if queue:
            alarm.set(start + queue.pop(0))
        else:
            done.set()

    alarm = Alarm(ring)
    try:
        alarm.set(start + queue.pop(0))
        await asyncio.wait_for(done.wait(), until)
    finally:
        alarm.close()
    return rang


async def test_it_is_never_early() -> None:
    times = [0.01 + i / 2000 for i in range(200)]
    assert all(rang >= due for rang, due in zip(await rings(times, 30), times, strict=True))


async def test_a_time_that_has_passed_rings_at_once() -> None:
    assert (await rings([-5.0], 5))[0] < 1


async def test_a_later_set_replaces_the_earlier_one() -> None:
    rang = asyncio.Event()
    alarm = Alarm(rang.set)
    due = now() + 0.05
    alarm.set(now() + 0.01)
    alarm.set(due)
    await asyncio.wait_for(rang.wait(), 10)
    assert now() >= due
    alarm.close()


async def test_it_gives_its_descriptor_back() -> None:
    before = len(os.listdir("/proc/self/fd"))
    alarm = Alarm(lambda: pytest.fail("it was never set"))
    assert len(os.listdir("/proc/self/fd")) == before + 1
    alarm.close()
    assert len(os.listdir("/proc/self/fd")) == before
