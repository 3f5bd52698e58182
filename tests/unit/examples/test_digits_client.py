from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from client import Client, Mix, Options, Record, Summary, percentile
from handwriting import Split
from inputs import Traffic, live_traffic

from tests.unit.examples.waiting import eventually


class Target:
    """A stand-in for the model server: counts connections and feedback, and answers at once or never."""

    def __init__(self) -> None:
        self.connections: set[Any] = set()
        self.labels: list[int] = []
        self.hang = False

    async def predict(self, request: web.Request) -> web.Response:
        self.connections.add(request.transport)
        if self.hang:
            await asyncio.Event().wait()
        return web.json_response({"prediction": 3, "exit_stage": 2, "version": "v9", "confidence": 1.0})

    async def feedback(self, request: web.Request) -> web.Response:
        self.labels += (await request.json())["labels"]
        return web.json_response({})


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
async def url(target: Target) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/predict", target.predict)
    app.router.add_post("/feedback", target.feedback)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture(scope="module")
def traffic(split: Split) -> Traffic:
    return live_traffic(split)


async def drive(options: Options, traffic: Traffic) -> list[Record]:
    records: list[Record] = []
    await Client(options, traffic, records.append).run()
    return records


async def test_requests_are_evenly_spaced_each_on_its_own_connection(
    url: str, target: Target, traffic: Traffic
) -> None:
    records = await drive(Options(url, Mix(rate=50, hard_share=0.5), seconds=0.49), traffic)
    assert len(records) == 25
    assert len(target.connections) == 25
    due = sorted(record.scheduled for record in records)
    assert [later - earlier for earlier, later in pairwise(due)] == pytest.approx([0.02] * 24, abs=0.0002)
    assert {(record.status, record.version, record.exit_stage) for record in records} == {(200, "v9", 2)}
    assert {record.hard for record in records} == {True, False}
    assert {record.correct for record in records} == {True, False}


async def test_a_hanging_server_does_not_slow_the_schedule(
    url: str, target: Target, traffic: Traffic
) -> None:
    target.hang = True
    records = await drive(Options(url, Mix(rate=50), seconds=0.29, timeout_seconds=0.2), traffic)
    assert len(records) == 15
    assert {(record.status, record.error, record.version) for record in records} == {
        (0, "TimeoutError", None)
    }
    assert all(record.latency_ms >= 199 for record in records)


async def test_an_absent_server_is_recorded(traffic: Traffic) -> None:
    records = await drive(Options("http://127.0.0.1:9", Mix(rate=50), seconds=0.09), traffic)
    assert [(record.status, record.error) for record in records] == [(0, "ClientConnectorError")] * 5


async def test_the_control_file_changes_the_mix_under_way(
    url: str, target: Target, traffic: Traffic, tmp_path: Path
) -> None:
    control = tmp_path / "mix.json"
    control.write_text('{"rate": 0, "feedback_rate": 50}')
    records: list[Record] = []
    client = Client(Options(url, Mix(rate=50, hard_share=0), control), traffic, records.append)
    load = asyncio.create_task(client.run())
    await eventually(lambda: len(target.labels) >= 128)
    sent = len(records)
    assert sent <= 1
    control.write_text('{"rate": 100, "hard_share": 1}')
    await eventually(lambda: len(records) >= 20)
    client.stop()
    await load
    assert all(record.hard for record in records[sent:])
    assert len(target.labels) % 64 == 0


async def test_a_bad_control_file_changes_nothing(
    url: str, traffic: Traffic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = tmp_path / "mix.json"
    control.write_text('{"ratio": 3}')
    records = await drive(Options(url, Mix(rate=50), control, seconds=0.09), traffic)
    assert len(records) == 5
    assert (
        "ratio: not one of feedback_rate, hard_share, rate; the mix stays as it was"
        in capsys.readouterr().err
    )


async def test_poisson_gaps_differ_and_have_the_right_mean(url: str, traffic: Traffic) -> None:
    records = await drive(Options(url, Mix(rate=200), seconds=1, poisson=True, seed=3), traffic)
    due = sorted(record.scheduled for record in records)
    assert 160 < len(records) < 240
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert max(gaps) > 4 * sorted(gaps)[len(gaps) // 2]


@pytest.mark.parametrize(
    ("text", "mix"),
    [
        ("{}", Mix()),
        ('{"rate": 9}', Mix(rate=9)),
        ('{"hard_share": 1, "feedback_rate": 2.5}', Mix(40, 1, 2.5)),
    ],
)
def test_a_control_file_names_what_it_changes(text: str, mix: Mix) -> None:
    assert Mix().updated(text) == mix


@pytest.mark.parametrize(
    "text", ["", "[]", '{"rates": 1}', '{"rate": "9"}', '{"rate": -1}', '{"hard_share": 2}']
)
def test_a_senseless_control_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Mix().updated(text)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentiles_are_nearest_rank(share: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_the_summary_has_a_line_for_each_version() -> None:
    summary = Summary()
    for version, status, latency in (("v1", 200, 10.0), ("v1", 200, 30.0), ("v2", 200, 5.0), (None, 0, 9.0)):
        summary.add(Record(0.0, latency, status, version, 1, True, False))
    assert str(summary).splitlines() == [
        "v1: 2 answers, mean 20.0 ms, p99 30.0 ms",
        "v2: 1 answers, mean 5.0 ms, p99 5.0 ms",
        "failed: 1",
    ]
