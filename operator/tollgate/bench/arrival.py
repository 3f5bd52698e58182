"""When an answer came: noted as its bytes are read off the socket, before anything is done with them.

After a stall of the server a hundred answers come at once. A task that looks at the clock when its turn comes would add
the work on the answers before it to its own latency, which is the client's time and not the server's.
"""

from __future__ import annotations

import asyncio
import functools
from ssl import SSLContext

import aiohttp
from aiohttp.client_proto import ResponseHandler

from tollgate.bench.pacing import now


class _Noting(ResponseHandler):
    """A connection that knows when the last of its bytes came."""

    last = 0.0

    def data_received(self, data: bytes) -> None:
        self.last = now()
        super().data_received(data)


def _noting(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return _Noting(loop)


class NotingConnector(aiohttp.TCPConnector):
    """Opens connections that note when bytes come."""

    def __init__(self, *, limit: int, keepalive_timeout: float, ssl: SSLContext | bool) -> None:
        super().__init__(limit=limit, keepalive_timeout=keepalive_timeout, ssl=ssl)
        self._factory = functools.partial(_noting, loop=asyncio.get_running_loop())


def last_byte(response: aiohttp.ClientResponse) -> float:
    """When the last byte that its connection has read came, on the clock of `now`.

    Ask it before the task waits again: the connection may then be another request's.
    """
    connection = response._protocol
    assert isinstance(connection, _Noting)
    return connection.last
