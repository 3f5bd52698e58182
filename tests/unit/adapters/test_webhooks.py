"""Webhooks against a real HTTP server: what is sent, what counts as taken, and what a message never says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tollgate.adapters.webhooks import HTTPWebhooks, Webhook
from tollgate.errors import WebhookError

BODY = {"action": "Degrade", "step": "shed"}
SECRET = "not-for-logs"


class Receiver:
    """Answers with `status`, and remembers what came."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.seen: list[tuple[str | None, Any]] = []
        self.stuck = False

    async def take(self, request: web.Request) -> web.Response:
        self.seen.append((request.headers.get("Authorization"), await request.json()))
        if self.stuck:
            await asyncio.Event().wait()
        return web.Response(status=self.status, headers=self.headers)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def url(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post(f"/{SECRET}", receiver.take)
    async with TestServer(app) as server:
        yield str(server.make_url(f"/{SECRET}"))


async def test_a_call_is_a_post_with_the_token_of_the_file(
    receiver: Receiver, url: str, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("abc\n")
    hooks = HTTPWebhooks({"shed-load": Webhook(url, bearer_token_file=str(token)), "plain": Webhook(url)})
    assert set(hooks.names) == {"shed-load", "plain"}
    await hooks.call("shed-load", BODY)
    await hooks.call("plain", BODY)
    assert receiver.seen == [("Bearer abc", BODY), (None, BODY)]


@pytest.mark.parametrize("status", [302, 400, 503])
async def test_anything_but_2xx_is_not_taken(receiver: Receiver, url: str, status: int) -> None:
    receiver.status, receiver.headers = status, {"Location": url}
    with pytest.raises(WebhookError, match=f"^webhook shed-load answered with HTTP {status}$"):
        await HTTPWebhooks({"shed-load": Webhook(url)}).call("shed-load", BODY)
    assert len(receiver.seen) == 1, "no redirect is followed"


async def test_no_answer_is_waited_for_longer_than_allowed(receiver: Receiver, url: str) -> None:
    receiver.stuck = True
    hooks = HTTPWebhooks({"shed-load": Webhook(url, timeout_seconds=0.2)})
    with pytest.raises(WebhookError, match=r"^webhook shed-load did not answer within 0.2 s$"):
        await hooks.call("shed-load", BODY)


async def test_messages_never_hold_the_url(url: str, tmp_path: Path) -> None:
    gone = url.replace(url.split(":")[2].split("/")[0], "1")
    missing = str(tmp_path / "missing")
    hooks = HTTPWebhooks({"gone": Webhook(gone), "tokenless": Webhook(url, bearer_token_file=missing)})
    for name in hooks.names:
        with pytest.raises(WebhookError) as caught:
            await hooks.call(name, BODY)
        assert SECRET not in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)


async def test_who_does_not_lead_calls_nobody(receiver: Receiver, url: str) -> None:
    hooks = HTTPWebhooks({"shed-load": Webhook(url)}, write_seconds=lambda: 0.0)
    with pytest.raises(WebhookError, match="not the leader"):
        await hooks.call("shed-load", BODY)
    assert not receiver.seen


async def test_unknown_names_are_said() -> None:
    with pytest.raises(WebhookError, match="webhook nope is not in the operator's configuration"):
        await HTTPWebhooks({}).call("nope", BODY)
