"""One POST to one pod, over aiohttp: the answer, or the kind of its failure. Never anything else.

The server is not trusted: it may hang, drip, send garbage or gigabytes. Redirects are not followed, answers are
not decompressed, and an answer is read up to a bound.
"""

from __future__ import annotations

import errno
import math
import resource
from collections.abc import Sequence

import aiohttp
from yarl import URL

from tollgate.bench.arrival import NotingConnector, last_byte
from tollgate.bench.pacing import now
from tollgate.bench.records import Outcome

MAX_ANSWER = 4 * 1024 * 1024  # bytes

# An idle connection older than this is not used again. Servers close theirs after 2 s (gunicorn), 5 s (uvicorn,
# node) or more, and a POST that crosses with the close would be counted as the server's error.
_KEEP_ALIVE = 1.0
# Each request in flight costs a socket and some 20 KiB: so many fit into the default 256Mi with room to spare.
_MOST_IN_FLIGHT = 4096
_OTHER_FILES = 64  # descriptors that are no connections
_STARVED = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}
_READ_BUFFER = 1024 * 1024  # bytes; aiohttp's 64 KiB makes a long answer pause the connection again and again


class FailedError(Exception):
    """A request got no good answer; `outcome` says of what kind, the message what happened."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class StarvedError(FailedError):
    """The request failed for want of a socket or port here: the client's fault, not the server's."""


class Client:
    """Posts to the targets in turn over kept-alive connections; `capacity` requests may be in flight at once."""

    def __init__(self, targets: Sequence[str], path: str) -> None:
        """Needs a running event loop. Targets are host:port; the path begins with a slash."""
        self.capacity = max(1, min(_MOST_IN_FLIGHT, _open_files() - _OTHER_FILES))
        self._urls = [URL(f"http://{target}{path}") for target in targets]
        self._session = aiohttp.ClientSession(
            connector=NotingConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "tollgate-bench",
            },
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, turn: int, body: bytes, deadline: float) -> tuple[bytes, float]:
        """The answer and the moment, on the clock of `now`, at which it was whole. Raises FailedError."""
        url = self._urls[turn % len(self._urls)]
        # aiohttp would round a time-out of more than 5 s up to a whole second, to spare timers.
        timeout = aiohttp.ClientTimeout(total=max(deadline - now(), 1e-3), ceil_threshold=math.inf)
        try:
            async with self._session.post(url, data=body, timeout=timeout, allow_redirects=False) as response:
                answer = await _read(response)
                ended = last_byte(response)
        except FailedError:
            raise
        except Exception as error:
            raise _failed(error) from error
        if ended > deadline:  # the event loop ran late, and saw the answer before the time-out
            raise FailedError(Outcome.TIMEOUT, "no answer in time")
        if response.status // 100 != 2:
            raise FailedError(_STATUS.get(response.status // 100, Outcome.OTHER), f"HTTP {response.status}")
        return answer, ended


_STATUS = {3: Outcome.REDIRECT, 4: Outcome.HTTP_4XX, 5: Outcome.HTTP_5XX}


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body. An error's body is read too: what is left unread costs the connection."""
    parts = []
    length = 0
    while part := await response.content.readany():
        length += len(part)
        if length > MAX_ANSWER:
            response.close()
            raise FailedError(Outcome.GARBAGE, f"the answer is longer than {MAX_ANSWER} bytes")
        parts.append(part)
    return b"".join(parts)


def _failed(error: Exception) -> FailedError:
    message = f"{type(error).__name__}: {error}"
    match error:
        case TimeoutError():
            return FailedError(Outcome.TIMEOUT, "no answer in time")
        case OSError(errno=code) if code in _STARVED:
            return StarvedError(Outcome.OTHER, message)
        case aiohttp.ClientConnectorError():
            return FailedError(Outcome.CONNECT, message)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | OSError():
            return FailedError(Outcome.DISCONNECT, message)
        case aiohttp.ClientResponseError():  # aiohttp could not parse it as HTTP
            return FailedError(Outcome.GARBAGE, message)
    return FailedError(Outcome.OTHER, message)


def _open_files() -> int:
    """Raise this process's limit of open files as far as it may, and say how far that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return _MOST_IN_FLIGHT + _OTHER_FILES if most == resource.RLIM_INFINITY else most
