"""One POST to one pod, over aiohttp: the answer, or the kind of its failure. Never anything else.

The server is not trusted: it may hang, drip, send garbage or gigabytes. Redirects are not followed, answers are
not decompressed, and an answer is read up to a bound.
"""

from __future__ import annotations

import errno
import math
import resource
import ssl
from collections.abc import Sequence

import aiohttp
from yarl import URL

from tollgate.bench.access import Access
from tollgate.bench.arrival import NotingConnector, last_byte
from tollgate.bench.failures import FailedError, GarbageError, StarvedError
from tollgate.bench.pacing import now
from tollgate.bench.protocols.base import MAX_ANSWER, Reader
from tollgate.bench.records import Outcome

# An idle connection older than this is not used again. Servers close theirs after 2 s (gunicorn), 5 s (uvicorn,
# node) or more, and a POST that crosses with the close would be counted as the server's error.
_KEEP_ALIVE = 1.0
# Each request in flight costs a socket and some 20 KiB: so many fit into the default 256Mi with room to spare.
_MOST_IN_FLIGHT = 4096
_OTHER_FILES = 64  # descriptors that are no connections
_STARVED = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}
_READ_BUFFER = 1024 * 1024  # bytes; aiohttp's 64 KiB makes a long answer pause the connection again and again


class Client:
    """Posts to the targets in turn over kept-alive connections; `capacity` requests may be in flight at once."""

    def __init__(self, targets: Sequence[str], access: Access) -> None:
        """Needs a running event loop. Targets are host:port."""
        self.capacity = max(1, min(_MOST_IN_FLIGHT, _open_files() - _OTHER_FILES))
        self.may_quote = access.may_quote
        context = access.tls_context()
        scheme = "https" if context else "http"
        self._urls = [URL(f"{scheme}://{target}{access.path}") for target in targets]
        self._access = access
        self._session = aiohttp.ClientSession(
            connector=NotingConnector(limit=0, keepalive_timeout=_KEEP_ALIVE, ssl=context or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": "tollgate-bench",
                **access.authorized(),
                "Content-Type": "application/json",
                "Accept": access.accept,
                "Accept-Encoding": "identity",
            },
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, turn: int, body: bytes, deadline: float, reader: Reader) -> float:
        """Have a good answer read as it comes; the moment, on the clock of `now`, at which it was whole.

        Raises FailedError.
        """
        url = self._urls[turn % len(self._urls)]
        timeout = aiohttp.ClientTimeout(
            total=max(deadline - now(), 1e-3),
            sock_connect=self._access.connect_timeout,
            sock_read=self._access.idle_timeout,
            ceil_threshold=math.inf,  # aiohttp would round what is more than 5 s up to a second, to spare timers
        )
        try:
            async with self._session.post(
                url,
                data=body,
                timeout=timeout,
                allow_redirects=False,
                server_hostname=self._access.server_name,
            ) as response:
                ended = await _read(response, reader)
        except FailedError:
            raise
        except Exception as error:
            raise _failed(error) from error
        if ended > deadline:  # the event loop ran late, and saw the answer before the time-out
            raise FailedError(Outcome.TIMEOUT, "no answer in time")
        return ended


_STATUS = {3: Outcome.REDIRECT, 4: Outcome.HTTP_4XX, 5: Outcome.HTTP_5XX}


async def _read(response: aiohttp.ClientResponse, reader: Reader) -> float:
    """When the whole body had come. An error's body is read too: what is left unread costs the connection."""
    good = response.status // 100 == 2
    encoding = response.headers.get("Content-Encoding", "")
    if good and encoding.lower() not in ("", "identity"):  # nobody asked for it, and it may be a bomb
        raise GarbageError("the answer is compressed, and nobody asked for that", encoding)
    most = reader.most if good else MAX_ANSWER
    length, said = 0, b""
    while part := await response.content.readany():
        at = last_byte(response)
        length += len(part)
        if length > most:
            raise GarbageError(f"the answer is longer than {most} bytes")
        if good:
            reader.feed(part, at)
        else:
            said += part[: 1000 - len(said)]
    ended = last_byte(response)
    if not good:
        outcome = _STATUS.get(response.status // 100, Outcome.OTHER)
        raise FailedError(outcome, f"HTTP {response.status}", said.decode(errors="replace"))
    return ended


def _failed(error: Exception) -> FailedError:
    message = f"{type(error).__name__}: {error}"
    match error:
        case aiohttp.SocketTimeoutError():
            return FailedError(Outcome.TIMEOUT, "nothing of the answer came for idleTimeoutSeconds")
        case aiohttp.ConnectionTimeoutError():
            return FailedError(Outcome.TIMEOUT, "no connection in time")
        case TimeoutError():
            return FailedError(Outcome.TIMEOUT, "no answer in time")
        case OSError(errno=code) if code in _STARVED:
            return StarvedError(Outcome.OTHER, message)
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLCertVerificationError() as why):
            return FailedError(
                Outcome.CONNECT,
                f"the server's certificate is not trusted: {why.verify_message}: see tls.ca and tls.serverName",
            )
        case aiohttp.ClientConnectorError():
            return FailedError(Outcome.CONNECT, message)
        case OSError():
            return FailedError(Outcome.DISCONNECT, message)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return FailedError(Outcome.DISCONNECT, "the connection ended before the answer did", message)
        case aiohttp.ClientResponseError():
            return FailedError(Outcome.GARBAGE, "what came is no HTTP", message)
    return FailedError(Outcome.OTHER, type(error).__name__, str(error))


def _open_files() -> int:
    """Raise this process's limit of open files as far as it may, and say how far that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return _MOST_IN_FLIGHT + _OTHER_FILES if most == resource.RLIM_INFINITY else most
