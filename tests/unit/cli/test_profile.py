"""`tollgate profile test`, with a Prometheus that holds what a server exported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.expositions import NAMESPACE, SERVERS, SHIPPED, Recorded
from tests.unit.cli.running import Terminal
from tollgate.cli import profile as command
from tollgate.errors import MetricsError
from tollgate.ports import Samples

VLLM = SHIPPED / "vllm.yaml"
ASKED = ("--prometheus", "http://prometheus:9090", "--namespace", NAMESPACE, "--selector", "digits-.*")


class Held(Recorded):
    """In the place of PrometheusMetrics: vLLM, idle for some scrapes, then with requests, and restarted just now."""

    def __init__(self, url: str) -> None:
        super().__init__()
        assert url == "http://prometheus:9090"
        server = next(one for one in SERVERS if one.name == "vllm")
        scrapes = [*[server.scrapes[0]] * 10, *server.scrapes[1:]]
        began = datetime.now(UTC).timestamp() - 30 * len(scrapes)
        for number, text in enumerate(scrapes, 1):
            self.scrape(text, server.place, began + 30 * number)

    def close(self) -> None:
        """Nothing is open."""


class Down(Held):
    async def samples(self, query: str, at: datetime) -> Sequence[Samples]:  # type: ignore[override]
        raise MetricsError("Prometheus cannot be reached: connection refused")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PrometheusMetrics", Held)


def test_it_says_what_each_dimension_reads(terminal: Terminal, held: None) -> None:
    ran = terminal.run("profile", "test", "-f", VLLM, *ASKED)
    assert ran.code == 0, ran
    lines = dict(line.split("  ", 1) for line in ran.out.splitlines())
    assert lines["Latency Mean"].strip() == "850ms in 120 requests"
    assert lines["KVCache"].strip() == "50%"


def test_json_has_what_the_table_has(terminal: Terminal, held: None) -> None:
    ran = terminal.run("profile", "test", "-f", VLLM, *ASKED, "-o", "json")
    found = {one["dimension"]: one for one in json.loads(ran.out)}
    assert found["ErrorRate"] == {
        "dimension": "ErrorRate",
        "value": "3.226%: 4 of 124 requests",
        "note": "",
        "missing": False,
    }


def test_series_that_are_not_there_end_it_with_2(terminal: Terminal, held: None) -> None:
    ran = terminal.run("profile", "test", "-f", SHIPPED / "tgi.yaml", *ASKED)
    assert ran.code == 2
    assert "SeriesMissing: Prometheus scrapes these pods, but they have no series as in latency" in ran.out


def test_without_prometheus_there_is_a_sentence(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PrometheusMetrics", Down)
    ran = terminal.run("profile", "test", "-f", VLLM, *ASKED)
    assert (ran.code, ran.out) == (69, "")
    assert ran.err == "tollgate profile test: Prometheus cannot be reached: connection refused\n"


def test_bad_input_is_a_sentence(terminal: Terminal, tmp_path: Path) -> None:
    assert "is no regular expression" in terminal.refuses(
        "profile", "test", "-f", VLLM, *ASKED[:-1], "digits-(.*"
    )
    assert "is no address" in terminal.refuses(
        "profile", "test", "-f", VLLM, "--prometheus", "prometheus:9090", *ASKED[2:]
    )
    wrong = tmp_path / "profile.yaml"
    wrong.write_text(VLLM.read_text().replace("latency:", "latencies:"))
    assert "spec.latency is missing" in terminal.refuses("profile", "test", "-f", wrong, *ASKED)
