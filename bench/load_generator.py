"""How well the load generator holds its schedule, against a local server that does nothing.

    python bench/load_generator.py [--seconds 5] [--repeats 5] [--rates 100 500 1000]

The server runs in a process of its own and answers each request at once, so what is measured is the client, the
kernel and whatever else this machine does. To tell them apart, each stage is paired with a second in which
nothing but a timer runs at the same rate: what that is late by, the machine is to blame for. Each repeat runs
every rate once, in turn, and the table holds the median over the repeats with the worst one in brackets.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple, cast

import numpy as np
import uvloop

from tollgate.api import units
from tollgate.api.load import LoadStage
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.bench.audit import nearest_rank
from tollgate.bench.client import Client
from tollgate.bench.dataset import parse_dataset
from tollgate.bench.pacing import Alarm, now
from tollgate.bench.requests import Requests
from tollgate.bench.schedule import plan_stage
from tollgate.bench.stage import Stage
from tollgate.bench.summary import summarize

_BODY = b'{"prediction":1}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)
_DATASET = b'{"items":[{"input":[0.5],"expected":1}]}'


class Row(NamedTuple):
    """One stage: what the client did with it."""

    rate_error: float  # of requests sent per second against the schedule
    delay_p99: float  # seconds
    timer_p99: float  # seconds that a timer alone was late, right after the stage
    latency_p50: float  # seconds, from the scheduled time
    latency_p99: float
    cpu: float  # of one core
    errors: int
    limited: bool


class _Answer(asyncio.Protocol):
    """Answers whatever arrives: the client sends one small request per write."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"]}"):
            self._transport.write(_ANSWER)


def _serve(port: Connection) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(_Answer, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(forever())


async def measure(stage: LoadStage, target: str, seed: int) -> Row:
    """Run one stage against the target."""
    profile = BenchmarkProfileSpec.model_validate(
        {
            "protocol": "JSON",
            "path": "/",
            "port": 1,
            "dataset": {"configMap": {"name": "none"}},
            "stages": [stage.dump()],
        }
    )
    requests = Requests(profile, parse_dataset(_DATASET))
    client = Client([target], requests.access)
    schedule = plan_stage(stage, requests.groups, seed, 0)
    before, start = time.process_time(), time.perf_counter()
    try:
        run = await Stage(schedule, requests, client, profile.timeout_seconds).run()
    finally:
        await client.close()
    cpu = (time.process_time() - before) / (time.perf_counter() - start)
    result = summarize(stage, run, ["50ms"])
    sent_rate = len(schedule) / max(schedule.span, float(np.max(run.sent)))
    return Row(
        abs(1 - sent_rate / (len(schedule) / schedule.span)),
        float(units.parse_duration(result.schedule_delay_p99)),
        await _timer_p99(float(units.parse_rate(stage.rate))),
        float(units.parse_duration(result.quantiles.p50)),
        float(units.parse_duration(result.quantiles.p99)),
        cpu,
        result.errors,
        bool(result.client_limited),
    )


async def _timer_p99(rate: float) -> float:
    """How late an alarm that does nothing rings, in seconds, at the 99th percentile of a second."""
    start, late, done = now(), list[float](), asyncio.Event()

    def ring() -> None:
        late.append(now() - start - (len(late) + 1) / rate)
        if len(late) < rate:
            alarm.set(start + (len(late) + 1) / rate)
        else:
            done.set()

    alarm = Alarm(ring)
    alarm.set(start + 1 / rate)
    await done.wait()
    alarm.close()
    return nearest_rank(late, 990)


def _table(rows: dict[tuple[str, int], list[Row]]) -> None:
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; median (worst) of the repeats")
    print(
        f"{'arrival':9}{'req/s':>6}{'rate error':>18}{'delay p99':>20}{'timer alone':>20}"
        f"{'latency p50, p99':>20}{'CPU':>5}  limited"
    )
    for (arrival, rate), repeats in rows.items():
        middle = [statistics.median(column) for column in zip(*repeats, strict=True)]
        worst = [max(column) for column in zip(*repeats, strict=True)]
        row = Row._make(middle)
        print(
            f"{arrival:9}{rate:6}{f'{row.rate_error:.3%} ({worst[0]:.3%})':>18}"
            f"{f'{row.delay_p99 * 1e3:.2f} ms ({worst[1] * 1e3:.2f})':>20}"
            f"{f'{row.timer_p99 * 1e3:.2f} ms ({worst[2] * 1e3:.2f})':>20}"
            f"{f'{row.latency_p50 * 1e3:.2f}, {row.latency_p99 * 1e3:.2f} ms':>20}{row.cpu:5.0%}"
            f"  {sum(r.limited for r in repeats)} of {len(repeats)}, {sum(r.errors for r in repeats)} errors"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rates", type=int, nargs="+", default=[100, 500, 1000])
    options = parser.parse_args(arguments)
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    target = f"127.0.0.1:{ours.recv()}"
    rows: dict[tuple[str, int], list[Row]] = {}
    for repeat in range(options.repeats):
        for arrival in ("Constant", "Poisson"):
            for rate in options.rates:
                stage = LoadStage.model_validate(
                    {
                        "name": "s",
                        "arrival": arrival,
                        "rate": f"{rate}req/s",
                        "durationSeconds": options.seconds,
                    }
                )
                rows.setdefault((arrival, rate), []).append(uvloop.run(measure(stage, target, repeat)))
    server.terminate()
    _table(rows)


if __name__ == "__main__":
    main()
