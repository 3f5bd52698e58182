"""Logs as JSON lines on stderr, each naming the object it is about.

It must not be imported for anything but setting up and naming: modules log with the standard library.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from tollgate.reconcile.key import Key

_about: ContextVar[Key | None] = ContextVar("about", default=None)

# Libraries that narrate every request or event; what matters of it, this package logs itself.
_CHATTY = ("kopf", "aiohttp", "asyncio", "urllib3", "kubernetes", "prometheus_api_client")


@contextlib.contextmanager
def about(key: Key) -> Iterator[None]:
    """Everything logged inside names this key."""
    token = _about.set(key)
    try:
        yield
    finally:
        _about.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts, level, logger, message; controller, namespace, name and reason where known."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (key := _about.get()) is not None:
            line |= {"controller": key.controller, "namespace": key.namespace, "name": key.name}
        if reason := getattr(record, "reason", ""):
            line["reason"] = reason
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: str, stream: TextIO = sys.stderr) -> None:
    """Log at `level` (debug, info, warning, error) to the stream; libraries only from warnings on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
