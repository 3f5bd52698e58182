"""Calls the webhooks of the operator's configuration. Who writes a budget names one and never says where it is.

No redirect is followed, as it could lead anywhere; nothing of the answer is read but its status; and a message never
holds a URL, which may have a secret in its path.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tollgate.errors import WebhookError
from tollgate.ports import Object


@dataclass(frozen=True)
class Webhook:
    """Where a webhook is, in how many seconds it has to answer, and the file with its bearer token ("": none)."""

    url: str
    timeout_seconds: float = 10.0
    bearer_token_file: str = ""


class HTTPWebhooks:
    """`ports.Webhooks`. `write_seconds` as in `adapters.cluster`: who leads no more calls nobody."""

    def __init__(
        self, webhooks: Mapping[str, Webhook], *, write_seconds: Callable[[], float] = lambda: math.inf
    ) -> None:
        self._webhooks = webhooks
        self._write_seconds = write_seconds

    @property
    def names(self) -> Collection[str]:
        """See ports.Webhooks."""
        return self._webhooks.keys()

    async def call(self, name: str, body: Object) -> None:
        """See ports.Webhooks."""
        webhook = self._webhooks.get(name)
        if webhook is None:
            raise WebhookError(f"webhook {name} is not in the operator's configuration")
        seconds = min(webhook.timeout_seconds, self._write_seconds())
        if seconds <= 0:
            raise WebhookError(f"webhook {name}: not the leader, so nothing was called")
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            headers = await self._headers(webhook)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(webhook.url, json=body, headers=headers, allow_redirects=False) as response,
            ):
                status = response.status
        except TimeoutError:
            raise WebhookError(f"webhook {name} did not answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise WebhookError(f"webhook {name} could not be called: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise WebhookError(f"webhook {name} answered with HTTP {status}")

    @staticmethod
    async def _headers(webhook: Webhook) -> dict[str, str]:
        if not webhook.bearer_token_file:
            return {}
        text = await asyncio.to_thread(Path(webhook.bearer_token_file).read_text, "utf-8")
        return {"Authorization": f"Bearer {text.strip()}"}
