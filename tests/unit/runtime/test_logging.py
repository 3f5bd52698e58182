"""Log lines: valid JSON that names the object."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tollgate.reconcile.key import Key
from tollgate.runtime.logging import about, configure


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("info", stream)
    yield stream
    root.handlers[:], root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_names_the_object_it_is_about(stream: io.StringIO) -> None:
    logger = logging.getLogger("tollgate.test")
    with about(Key("budget", "vision", "digits")):
        logger.warning("p99 is %s", "high\nand more", extra={"reason": "Breach"})
    logger.info("elsewhere")
    first, second = lines(stream)
    assert first["message"] == "p99 is high\nand more"
    assert (first["level"], first["logger"], first["reason"]) == ("warning", "tollgate.test", "Breach")
    assert (first["controller"], first["namespace"], first["name"]) == ("budget", "vision", "digits")
    assert first["ts"].endswith("+00:00")
    assert "namespace" not in second


def test_an_exception_stays_on_one_line(stream: io.StringIO) -> None:
    try:
        raise ValueError("a bug")
    except ValueError:
        logging.getLogger("tollgate.test").exception("failed")
    [line] = lines(stream)
    assert "ValueError: a bug" in line["exception"]


def test_libraries_are_quiet_below_warnings(stream: io.StringIO) -> None:
    logging.getLogger("kopf.objects").info("Handler succeeded")
    logging.getLogger("aiohttp.access").info("GET /healthz")
    logging.getLogger("tollgate.test").debug("detail")
    logging.getLogger("kopf.objects").warning("odd")
    assert [line["message"] for line in lines(stream)] == ["odd"]
