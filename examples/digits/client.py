"""A steady stream of users: sends digits at a fixed rate, whether or not earlier ones were answered.

Each request has a connection of its own, so that a Service spreads them over all pods, and a pod that has left the
Service gets no more. Latency runs from the moment a request was due, not from when it was sent. Every answer becomes
a line of JSON in the log. What is sent can be changed while it runs: the control file is read again each second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import aiohttp

from handwriting import load
from inputs import Sample, Traffic, live_traffic

FEEDBACK_BATCH = 64  # labelled images in one POST
IDLE_SECONDS = 0.5  # how often a stream with rate 0 looks whether it has a rate again


@dataclass(frozen=True)
class Mix:
    """What is sent: requests/s, the share of them that is hard, and batches of labelled images/s."""

    rate: float = 40.0
    hard_share: float = 0.1
    feedback_rate: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.rate <= 1000 and 0 <= self.hard_share <= 1 and 0 <= self.feedback_rate <= 100):
            raise ValueError("rate must be within 0..1000, hard_share 0..1, feedback_rate 0..100")

    def updated(self, text: str) -> Mix:
        """This mix with the fields that a control file's JSON object names. Raises ValueError."""
        changes = json.loads(text)
        if not isinstance(changes, dict):
            raise ValueError("the control file must hold a JSON object")
        known = {field.name for field in fields(self)}
        if unknown := set(changes) - known:
            raise ValueError(f"{', '.join(sorted(unknown))}: not one of {', '.join(sorted(known))}")
        if not all(type(value) in (int, float) for value in changes.values()):
            raise ValueError("each value in the control file must be a number")
        return replace(self, **changes)


@dataclass(frozen=True)
class Record:
    """What became of one request. status 0: no answer at all, and error says why."""

    scheduled: float  # Unix time, seconds
    latency_ms: float  # from the scheduled time
    status: int
    version: str | None
    exit_stage: int | None
    correct: bool | None
    hard: bool
    error: str | None = None


@dataclass(frozen=True)
class Options:
    """How to send."""

    url: str
    mix: Mix = Mix()
    control: Path | None = None
    seconds: float | None = None  # None: until stopped
    poisson: bool = False  # random gaps (Poisson arrivals) instead of equal ones
    timeout_seconds: float = 10.0
    seed: int = 1


class Client:
    """Sends requests and feedback by the clock until stopped."""

    def __init__(self, options: Options, traffic: Traffic, record: Callable[[Record], None]) -> None:
        self._options = options
        self._traffic = traffic
        self._record = record
        self._mix = options.mix
        self._rng = random.Random(options.seed)
        self._feedback_rng = random.Random(options.seed + 1)
        self._stop = asyncio.Event()
        self._epoch = 0.0  # Unix time at the zero of the loop's clock

    def stop(self) -> None:
        """Send no more; `run` returns once the last answers are in."""
        self._stop.set()

    async def run(self) -> None:
        """Send until stopped or until the time is over, then wait for what is under way."""
        self._epoch = time.time() - asyncio.get_running_loop().time()
        timeout = aiohttp.ClientTimeout(total=self._options.timeout_seconds)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with (
            aiohttp.ClientSession(self._options.url, timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._follow_control())
            group.create_task(
                self._stream(group, session, self._give_feedback, lambda mix: mix.feedback_rate)
            )
            await self._stream(group, session, self._ask, lambda mix: mix.rate)
            self.stop()

    async def _stream(
        self,
        group: asyncio.TaskGroup,
        session: aiohttp.ClientSession,
        send: Callable[[aiohttp.ClientSession, float], Any],
        rate: Callable[[Mix], float],
    ) -> None:
        """Start `send` whenever one is due, at a rate that may change under way."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        end = due + self._options.seconds if self._options.seconds is not None else float("inf")
        while due < end and not await self._stopped_by(due):
            if rate(self._mix) > 0:
                group.create_task(send(session, due))
            due += self._gap(rate(self._mix))

    def _gap(self, rate: float) -> float:
        if rate == 0:
            return IDLE_SECONDS
        return self._rng.expovariate(rate) if self._options.poisson else 1 / rate

    async def _stopped_by(self, when: float) -> bool:
        """Wait until `when` on the loop's clock, or until stopped; whether it was stopped."""
        try:
            async with asyncio.timeout_at(when):
                return await self._stop.wait()
        except TimeoutError:
            return False

    async def _follow_control(self) -> None:
        if self._options.control is None:
            return
        complaint = ""
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._mix = self._options.mix.updated(self._options.control.read_text())
                problem = ""
            except (OSError, ValueError) as error:
                problem = f"{self._options.control}: {error}; the mix stays as it was"
            if problem and problem != complaint:
                print(problem, file=sys.stderr, flush=True)
            complaint = problem
            if await self._stopped_by(loop.time() + 1):
                return

    async def _ask(self, session: aiohttp.ClientSession, due: float) -> None:
        sample = self._traffic.draw(self._rng, self._mix.hard_share)
        status, body, error = await _post(session, "/predict", {"image": sample.image})
        latency = asyncio.get_running_loop().time() - due
        self._record(_record(sample, status, body, error, latency, self._epoch + due))

    async def _give_feedback(self, session: aiohttp.ClientSession, due: float) -> None:
        """Labels for a batch of traffic, as people give them some time after the answers."""
        share = self._mix.hard_share
        batch = [self._traffic.draw(self._feedback_rng, share) for _ in range(FEEDBACK_BATCH)]
        images, labels = [sample.image for sample in batch], [sample.label for sample in batch]
        await _post(session, "/feedback", {"images": images, "labels": labels})


async def _post(session: aiohttp.ClientSession, path: str, body: object) -> tuple[int, Any, str | None]:
    """Status, answer and error: status 0 where no answer came."""
    try:
        async with session.post(path, json=body) as response:
            return response.status, await response.json(), None
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        return 0, None, type(error).__name__


def _record(
    sample: Sample, status: int, body: Any, error: str | None, latency: float, scheduled: float
) -> Record:
    answered = status == 200 and isinstance(body, dict)
    return Record(
        scheduled=round(scheduled, 4),
        latency_ms=round(latency * 1e3, 2),
        status=status,
        version=body.get("version") if answered else None,
        exit_stage=body.get("exit_stage") if answered else None,
        correct=body.get("prediction") == sample.label if answered else None,
        hard=sample.hard,
        error=error,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of at least one value."""
    ordered = sorted(values)
    return ordered[max(-int(-share * len(ordered) // 1) - 1, 0)]


class Summary:
    """Latencies by version, for the one line that is printed at the end."""

    def __init__(self) -> None:
        self._latencies: dict[str, list[float]] = defaultdict(list)
        self._failed = 0

    def add(self, record: Record) -> None:
        """Count a record."""
        if record.status == 200:
            self._latencies[record.version or "?"].append(record.latency_ms)
        else:
            self._failed += 1

    def __str__(self) -> str:
        lines = [
            f"{version}: {len(values)} answers, mean {sum(values) / len(values):.1f} ms, "
            f"p99 {percentile(values, 0.99):.1f} ms"
            for version, values in sorted(self._latencies.items())
        ]
        return "\n".join([*lines, f"failed: {self._failed}"])


async def _send(client: Client) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, client.stop)
    await client.run()


def main() -> None:
    """Read the command line and send until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", required=True, help="such as http://10.96.0.20:80")
    parser.add_argument("--rate", type=float, default=Mix.rate, help="requests/s")
    parser.add_argument("--hard-share", type=float, default=Mix.hard_share, help="0..1")
    parser.add_argument("--feedback-rate", type=float, default=0.0, help="batches of labels/s")
    parser.add_argument(
        "--control",
        type=Path,
        help="JSON file with rate, hard_share or feedback_rate, which go before the options",
    )
    parser.add_argument("--seconds", type=float, help="stop after so long (default: at SIGTERM)")
    parser.add_argument("--poisson", action="store_true", help="random instead of equal gaps")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds")
    parser.add_argument("--log", type=Path, help="JSON-lines file to append to")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    try:
        mix = Mix(given.rate, given.hard_share, given.feedback_rate)
    except ValueError as error:
        parser.error(str(error))
    options = Options(given.url, mix, given.control, given.seconds, given.poisson, given.timeout, given.seed)
    summary = Summary()
    with open(given.log or os.devnull, "a", buffering=1) as log:

        def record(one: Record) -> None:
            summary.add(one)
            log.write(json.dumps(asdict(one)) + "\n")

        asyncio.run(_send(Client(options, live_traffic(load()), record)))
    print(summary)


if __name__ == "__main__":
    main()
