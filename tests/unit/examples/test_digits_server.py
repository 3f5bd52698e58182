"""The real server with a real model behind a real socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from calibrate import HERE, is_ready
from client import Client, Mix, Options, Record
from handwriting import Floats, Split
from inputs import live_traffic
from model import Answer, Cascade, Settings
from prometheus_client.parser import text_string_to_metric_families
from server import Server

from tests.unit.examples.waiting import eventually

Http = TestClient[Any, Any]

SETTINGS = Settings(model_version="v7", ensemble_size=1, augmentations=4, online_memory=True)
BOARD = [0, 16] * 32  # like no digit: always goes to stage 2


@pytest.fixture
async def server() -> Server:
    server = Server(SETTINGS)
    await server.train()
    return server


@pytest.fixture
async def http(server: Server) -> AsyncIterator[Http]:
    async with TestClient(TestServer(server.app())) as client:
        yield client


@pytest.fixture
def digit(split: Split) -> list[int]:
    """An image that the model was trained on: stage 1 is sure of it."""
    return [int(pixel) for pixel in split.train.images[0]]


async def metric(http: Http, name: str, **labels: str) -> float:
    async with http.get("/metrics") as response:
        families = text_string_to_metric_families(await response.text())
    found = [s.value for f in families for s in f.samples if s.name == name and s.labels == labels]
    assert len(found) == 1, name
    return found[0]


async def post(http: Http, path: str, body: object) -> tuple[int, Any]:
    async with http.post(path, json=body) as response:
        return response.status, await response.json()


async def get(http: Http, path: str) -> tuple[int, Any]:
    async with http.get(path) as response:
        return response.status, await response.json()


async def test_predict_says_digit_confidence_stage_and_version(
    http: Http, digit: list[int], split: Split
) -> None:
    status, body = await post(http, "/predict", {"image": digit})
    assert status == 200
    assert body == {
        "prediction": int(split.train.labels[0]),
        "confidence": pytest.approx(body["confidence"]),
        "exit_stage": 1,
        "version": "v7",
    }
    assert (await post(http, "/predict", {"image": BOARD}))[1]["exit_stage"] == 2


@pytest.mark.parametrize("path", ["/v2/models/digits/infer", "/v2/models/digits/versions/v7/infer"])
async def test_infer_answers_as_predict_does(http: Http, digit: list[int], path: str) -> None:
    tensor = {"name": "input", "shape": [2, 64], "datatype": "FP32", "data": [*digit, *BOARD]}
    status, body = await post(http, path, {"id": "42", "inputs": [tensor]})
    assert status == 200
    assert (body["model_name"], body["model_version"], body["id"]) == ("digits", "v7", "42")
    outputs = {output["name"]: output["data"] for output in body["outputs"]}
    for index, image in enumerate((digit, BOARD)):
        _, single = await post(http, "/predict", {"image": image})
        assert outputs["label"][index] == single["prediction"]
        assert outputs["exit_stage"][index] == single["exit_stage"]


async def test_health_and_metadata(http: Http) -> None:
    assert await get(http, "/v2/health/live") == (200, {"live": True})
    assert await get(http, "/v2/health/ready") == (200, {"ready": True})
    assert await get(http, "/v2/models/digits/ready") == (200, {"name": "digits", "ready": True})
    assert (await get(http, "/v2"))[1].keys() == {"name", "version", "extensions"}
    assert (await get(http, "/v2/models/digits"))[1]["versions"] == ["v7"]


async def test_an_untrained_server_lives_but_is_not_ready(digit: list[int]) -> None:
    async with TestClient(TestServer(Server(SETTINGS).app())) as http:
        assert (await get(http, "/v2/health/live"))[0] == 200
        assert await get(http, "/v2/health/ready") == (400, {"ready": False})
        status, body = await post(http, "/predict", {"image": digit})
        assert status == 503
        assert "still being trained" in body["error"]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/predict", "{", "must be JSON"),
        ("/predict", "[]", "must be a JSON object"),
        ("/predict", "{}", "must be a list of numbers"),
        ("/predict", json.dumps({"image": [1] * 63}), "need 64 numbers, not 63"),
        ("/v2/models/digits/infer", "{}", "inputs must hold one tensor"),
    ],
)
async def test_bad_input_is_the_callers_error(http: Http, path: str, body: str, message: str) -> None:
    async with http.post(path, data=body) as response:
        assert response.status == 400
        assert message in (await response.json())["error"]
    assert await metric(http, "digits_client_errors_total") == 1
    assert await metric(http, "digits_errors_total") == 0
    assert await metric(http, "digits_request_duration_seconds_count") == 0


async def test_an_unknown_model_is_said_in_json(http: Http) -> None:
    status, body = await get(http, "/v2/models/letters")
    assert status == 404
    assert "/v2/models/letters" in body["error"]


async def test_a_failing_model_is_the_servers_error(
    http: Http, digit: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Cascade, image: object) -> None:
        raise FloatingPointError

    monkeypatch.setattr(Cascade, "first", fail)
    status, body = await post(http, "/predict", {"image": digit})
    assert (status, "the model failed" in body["error"]) == (500, True)
    assert await metric(http, "digits_errors_total") == 1
    assert await metric(http, "digits_requests_total") == 1
    assert await metric(http, "digits_request_duration_seconds_count") == 1


async def test_requests_and_exits_are_counted(http: Http, digit: list[int]) -> None:
    for image in (digit, digit, BOARD):
        await post(http, "/predict", {"image": image})
    assert await metric(http, "digits_requests_total") == 3
    assert await metric(http, "digits_exits_total", stage="1") == 2
    assert await metric(http, "digits_exits_total", stage="2") == 1
    assert await metric(http, "digits_exit_stage_sum") == 4
    assert await metric(http, "digits_exit_stage_count") == 3
    assert await metric(http, "digits_request_duration_seconds_bucket", le="+Inf") == 3
    assert await metric(http, "process_cpu_seconds_total") > 0


@pytest.mark.parametrize("limit", ["0.08", "0.25"])
async def test_the_budgets_limits_are_bucket_bounds(http: Http, limit: str) -> None:
    assert await metric(http, "digits_request_duration_seconds_bucket", le=limit) == 0


async def test_a_caller_who_gave_up_is_counted_and_costs_no_more(digit: list[int]) -> None:
    server = Server(Settings(ensemble_size=1, augmentations=4000))
    await server.train()
    async with TestClient(TestServer(server.app())) as http:  # which cancels as `serve` does
        with pytest.raises(TimeoutError):
            await http.post("/predict", json={"image": BOARD}, timeout=aiohttp.ClientTimeout(total=0.05))

        async def counted() -> bool:
            return await metric(http, "digits_requests_total") == 1

        await eventually(counted)
        assert await metric(http, "digits_request_duration_seconds_count") == 1
        assert await metric(http, "digits_exits_total", stage="2") == 0


class Gate:
    """Stands before stage 2: keeps its first batch until it is opened, and notes how many images each batch has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        self._opened = threading.Event()
        second = Cascade.second

        def gated(model: Cascade, images: Floats) -> list[Answer]:
            self.sizes.append(len(images))
            assert self._opened.wait(20)
            return second(model, images)

        monkeypatch.setattr(Cascade, "second", gated)

    def open(self) -> None:
        self._opened.set()

    async def queue(self, http: Http, server: Server, count: int) -> list[asyncio.Task[tuple[int, Any]]]:
        """One request that is being computed, and `count` that wait behind it."""
        first = asyncio.create_task(post(http, "/predict", {"image": BOARD}))
        await eventually(lambda: self.sizes == [1])
        rest = [asyncio.create_task(post(http, "/predict", {"image": BOARD})) for _ in range(count)]
        await eventually(lambda: server.batcher.waiting == count)
        return [first, *rest]


async def test_a_slow_image_does_not_hold_up_an_easy_one_and_its_wait_is_measured(
    monkeypatch: pytest.MonkeyPatch, server: Server, http: Http, digit: list[int]
) -> None:
    slow = await (gate := Gate(monkeypatch)).queue(http, server, 2)
    since = time.perf_counter()
    while (waited := time.perf_counter() - since) < 0.3:
        assert (await post(http, "/predict", {"image": digit}))[0] == 200
    assert not any(task.done() for task in slow)
    easy = await metric(http, "digits_request_duration_seconds_sum")
    gate.open()
    await asyncio.gather(*slow)
    assert await metric(http, "digits_request_duration_seconds_sum") - easy > 3 * waited


@pytest.mark.parametrize(("size", "batches"), [(1, [1, 1, 1, 1, 1, 1]), (3, [1, 3, 2]), (8, [1, 5])])
async def test_what_waits_is_computed_together_up_to_the_limit(
    monkeypatch: pytest.MonkeyPatch, size: int, batches: list[int]
) -> None:
    server = Server(replace(SETTINGS, max_batch_size=size))
    await server.train()
    gate = Gate(monkeypatch)
    async with TestClient(TestServer(server.app())) as http:
        requests = await gate.queue(http, server, 5)
        gate.open()
        answers = await asyncio.gather(*requests)
        assert gate.sizes == batches
        assert answers == [answers[0]] * 6
        assert answers[0][0] == 200
        assert await metric(http, "digits_exits_total", stage="2") == 6


@pytest.mark.parametrize("size", [1, 8])
async def test_what_waits_is_dropped_once_its_caller_has_gone(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    server = Server(replace(SETTINGS, max_batch_size=size))
    await server.train()
    gate = Gate(monkeypatch)
    async with TestClient(TestServer(server.app())) as http:
        requests = await gate.queue(http, server, 3)
        requests.pop(2).cancel()

        async def noticed() -> bool:
            return await metric(http, "digits_requests_total") == 1

        await eventually(noticed)
        gate.open()
        assert {status for status, _ in await asyncio.gather(*requests)} == {200}
        assert sum(gate.sizes) == 3
        assert await metric(http, "digits_exits_total", stage="2") == 3


async def test_a_batch_that_fails_fails_for_all_its_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(replace(SETTINGS, max_batch_size=8))
    await server.train()

    def fail(self: Cascade, images: Floats) -> list[Answer]:
        raise FloatingPointError

    monkeypatch.setattr(Cascade, "second", fail)
    gate = Gate(monkeypatch)
    async with TestClient(TestServer(server.app())) as http:
        requests = await gate.queue(http, server, 3)
        gate.open()
        for status, body in await asyncio.gather(*requests):
            assert (status, "the model failed" in body["error"]) == (500, True)
        assert gate.sizes == [1, 3]
        assert await metric(http, "digits_errors_total") == 4


async def test_feedback_is_learned(http: Http, digit: list[int]) -> None:
    rows = await metric(http, "digits_memory_rows")
    status, body = await post(http, "/feedback", {"images": [digit, BOARD], "labels": [5, 1]})
    assert (status, body) == (200, {"learned": 2, "version": "v7"})
    assert await metric(http, "digits_learned_total") == 2
    assert await metric(http, "digits_memory_rows") == rows + 2 * SETTINGS.memory_copies
    assert await metric(http, "digits_requests_total") == 0


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ([], [], "at least one image"),
        ([BOARD] * 257, [1] * 257, "at most 256"),
        ([BOARD], [], "list of 1 digits"),
        ([BOARD], [10], "within 0..9"),
        ([BOARD], ["1"], "within 0..9"),
        ([[1]], [1], "need 64 numbers"),
    ],
)
async def test_bad_feedback_is_refused(http: Http, images: object, labels: object, message: str) -> None:
    status, body = await post(http, "/feedback", {"images": images, "labels": labels})
    assert status == 400
    assert message in body["error"]


async def test_a_draining_server_serves_on_and_ends_connections(
    server: Server, http: Http, digit: list[int]
) -> None:
    server.draining = True
    assert (await get(http, "/v2/health/ready"))[0] == 400
    async with http.post("/predict", json={"image": digit}) as response:
        assert response.status == 200
        assert response.headers["Connection"] == "close"


async def test_no_request_fails_before_a_stopped_server_is_gone(split: Split) -> None:
    """The real process: SIGTERM under load; what it answers until it exits, it answers well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    env = os.environ | {"PORT": str(port), "DRAIN_SECONDS": "0.6", "ENSEMBLE_SIZE": "1", "AUGMENTATIONS": "4"}
    process = await asyncio.create_subprocess_exec(sys.executable, str(HERE / "server.py"), env=env)
    try:
        await eventually(lambda: asyncio.to_thread(is_ready, url))
        records: list[Record] = []
        client = Client(Options(url, Mix(rate=60)), live_traffic(split), records.append)
        load = asyncio.create_task(client.run())
        await eventually(lambda: len(records) >= 10)
        process.terminate()
        told = len(records)
        await eventually(lambda: len(records) >= told + 25)  # 0.4 s of the drain
        client.stop()
        await load
        assert {record.status for record in records} == {200}
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_a_server_that_cannot_start_says_why() -> None:
    env = os.environ | {"EXIT_THRESHOLD": "high"}
    ended = subprocess.run([sys.executable, str(HERE / "server.py")], env=env, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "EXIT_THRESHOLD must be a number, not 'high'" in ended.stderr
