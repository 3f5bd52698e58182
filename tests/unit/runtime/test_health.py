"""The health port, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tollgate.runtime.health import Health
from tollgate.runtime.metrics import Instruments


class World:
    """A health server on a free port with two checks set by hand."""

    def __init__(self) -> None:
        self.stuck = ""
        self.waiting = ""
        self.health = Health(
            alive=[lambda: self.stuck, lambda: ""],
            ready=[lambda: self.waiting],
            expose=Instruments().expose,
            host="127.0.0.1",
            port=0,
        )
        self.url = ""

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await response.text()


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.url = f"http://127.0.0.1:{await world.health.start()}"
    yield world
    await world.health.close()


async def test_healthy(world: World) -> None:
    assert await world.get("/healthz") == (200, "ok\n")
    assert await world.get("/readyz") == (200, "ok\n")


async def test_the_reason_is_said(world: World) -> None:
    world.stuck = "keys are due, but none was worked for 200 s"
    assert await world.get("/healthz") == (503, "keys are due, but none was worked for 200 s\n")
    assert await world.get("/readyz") == (200, "ok\n")


async def test_not_ready_is_not_unhealthy(world: World) -> None:
    world.waiting = "the watches have not begun"
    assert (await world.get("/readyz"))[0] == 503
    assert (await world.get("/healthz"))[0] == 200


async def test_metrics(world: World) -> None:
    status, text = await world.get("/metrics")
    assert status == 200
    assert "tollgate_queue_depth 0.0" in text


async def test_a_port_that_is_taken_is_an_error(world: World) -> None:
    port = int(world.url.rsplit(":", 1)[1])
    second = Health(alive=[], ready=[], expose=bytes, host="127.0.0.1", port=port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.close()
