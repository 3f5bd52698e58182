"""Answers whether this process does its work: /healthz, /readyz and /metrics on one port.

Healthy means that what is due gets done and that the watch can be trusted, not that the process exists. A process
that waits for the lease is healthy. A dependency that is down makes nobody unhealthy: a restart would not help.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

logger = logging.getLogger(__name__)

Check = Callable[[], str]  # "" when all is well, else the reason


class Health:
    """The HTTP server."""

    def __init__(
        self,
        *,
        alive: Sequence[Check],
        ready: Sequence[Check],
        expose: Callable[[], bytes],
        host: str | None = None,
        port: int = 8080,
    ) -> None:
        app = web.Application()
        app.router.add_get("/healthz", _answer_by(alive, logging.ERROR))
        app.router.add_get("/readyz", _answer_by(ready, logging.DEBUG))
        app.router.add_get("/metrics", _answer_with(expose))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        self._host = host  # None: every address of the pod
        self._port = port

    async def start(self) -> int:
        """Begin to answer; the port. OSError when it is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop answering."""
        await self._runner.cleanup()


def _answer_by(checks: Sequence[Check], level: int) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        reasons = [reason for check in checks if (reason := check())]
        if reasons:
            logger.log(level, "%s: %s", request.path, "; ".join(reasons))
            return web.Response(status=503, text="".join(f"{reason}\n" for reason in reasons))
        return web.Response(text="ok\n")

    return answer


def _answer_with(expose: Callable[[], bytes]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=expose(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return answer
