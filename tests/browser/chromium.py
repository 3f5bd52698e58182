"""A headless Chromium, spoken to by its DevTools protocol over aiohttp's WebSocket: no driver, no other package."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp

FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE = 60.0  # seconds for the browser to start, on a machine that is busy
_COMPLAINTS = (
    "Runtime.exceptionThrown",
    "Log.entryAdded",
    "Runtime.consoleAPICalled",
    "Network.requestWillBeSent",
)


def find_browser() -> str | None:
    """The program of a browser of the Chromium family."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Tab:
    """A page in the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._loaded = asyncio.Event()
        self.said: list[dict[str, Any]] = []  # exceptions, the console, and whatever was asked of a network

    async def listen(self) -> None:
        """Take what the browser says, until it is gone."""
        async for message in self._socket:
            told = message.json()
            if waiting := self._waiting.pop(told.get("id", 0), None):
                waiting.set_result(told)
            elif told.get("method") == "Page.loadEventFired":
                self._loaded.set()
            elif told.get("method") in _COMPLAINTS:
                self.said.append(told)

    async def call(self, method: str, **parameters: Any) -> Any:
        """What a command of the protocol gives back."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        told = await asyncio.wait_for(self._waiting[number], _PATIENCE)
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    async def open(self, path: Path, *, width: int, dark: bool) -> None:
        """Load a file in a window of that width, in CSS pixels, in a colour scheme."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=2,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded.clear()
        self.said.clear()
        await self.call("Page.navigate", url=path.as_uri())
        await asyncio.wait_for(self._loaded.wait(), _PATIENCE)

    async def value(self, expression: str) -> Any:
        """What a JavaScript expression gives in the page; the page itself has no script."""
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def picture(self) -> bytes:
        """The whole page as a PNG."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


@contextlib.asynccontextmanager
async def browsing() -> AsyncIterator[Tab]:
    """A new tab of a browser of its own."""
    with _browser() as port:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                (page, *_) = [tab for tab in await answer.json() if tab["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                listening = asyncio.create_task(tab.listen())
                yield tab
                listening.cancel()


@contextlib.contextmanager
def _browser() -> Iterator[int]:
    """The port of a browser, which is killed in the end."""
    program = find_browser()
    assert program, "no browser: `make browser` installs one"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"HOME": folder},
        )  # fmt: skip
        try:
            yield _port(Path(folder, "DevToolsActivePort"), process)
        finally:
            process.kill()
            process.wait()


def _port(path: Path, process: subprocess.Popen[bytes]) -> int:
    """Where the browser listens: it leaves a file."""
    until = time.monotonic() + _PATIENCE
    while not (path.exists() and path.read_text()):
        assert process.poll() is None, f"the browser ended with status {process.returncode}"
        assert time.monotonic() < until, "the browser did not start"
        time.sleep(0.05)
    return int(path.read_text().splitlines()[0])
