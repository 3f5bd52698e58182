"""Who sees that a server stood still: p99 of one latency law, by several ways to measure, side by side.

    python bench/stalls.py [--rate 500] [--seconds 10] [--repeats 3] [--peers fortio vegeta]

The server answers after 2 ms or 10 ms and stands still for 100 ms of every 2 s, so 5 % of what is due meets a stall.
The truth is known twice: from the law, for requests at the times of the schedule; and, for our own runs, from the
moments at which the server noted that it wrote each answer. Each way meets the same law, one right after the other in
each repeat; the table holds the median over the repeats, and the worst error of them.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Sequence

import numpy as np
import ours
import peers
from reference import Law, Reference, serving

from tollgate.bench.audit import nearest_rank
from tollgate.bench.records import StageRun

_CONNECTIONS = 8  # of those that wait for an answer before they send again
_CLOSE = 0.001, 0.02  # seconds, or of the truth

Rows = dict[str, list[tuple[float, float]]]  # way to measure -> p99 and truth of each repeat


def served(server: Reference, run: StageRun, start: float) -> float:
    """The p99 of answers as the server wrote them, from when they were due."""
    written = server.written()
    at = np.array([written[number] for number in run.schedule.items.tolist()])
    return nearest_rank(at - start - run.schedule.due, 990)


def repeat(server: Reference, law: Law, options: argparse.Namespace, rows: Rows) -> None:
    """Measure once in every way."""
    truth = nearest_rank(law.latencies(options.rate), 990)
    load = ours.Load(server.target, options.rate, options.seconds)
    cores = {max(os.sched_getaffinity(0))}

    def note(way: str, p99: float, against: float) -> None:
        rows.setdefault(way, []).append((p99, against))
        ours.rest()

    run, start = load.run_from()
    seen = served(server, run, start)
    note("tollgate, from the schedule", nearest_rank(ours.from_schedule(run), 990), seen)
    rows.setdefault("  the server itself, against the law", []).append((seen, truth))
    run, start = load.run_from(_CONNECTIONS)
    seen = served(server, run, start)
    note(f"{_CONNECTIONS} connections, from the schedule", nearest_rank(ours.from_schedule(run), 990), seen)
    note(f"{_CONNECTIONS} connections, from when it was sent", nearest_rank(ours.from_sent(run), 990), seen)
    url = f"http://{server.target}/"
    if "fortio" in options.peers:
        peer = peers.fortio(url, options.rate, options.seconds, _CONNECTIONS, cores)
        note(f"fortio, {_CONNECTIONS} connections", peer.p99, truth)
    if "vegeta" in options.peers:
        note("vegeta, open loop", peers.vegeta(url, options.rate, options.seconds, cores).p99, truth)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=10, help="whole periods of 2 s")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", nargs="*", default=list(peers.PACKAGES), choices=list(peers.PACKAGES))
    options = parser.parse_args(arguments)
    for name in options.peers:
        peers.build(name)
    law, rows = Law(), Rows()
    cores = sorted(os.sched_getaffinity(0))
    with serving(law, {cores[0]}) as server:
        os.sched_setaffinity(0, {cores[-1]})
        for _ in range(options.repeats):
            repeat(server, law, options, rows)
    print(
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; {options.rate} requests/s for "
        f"{options.seconds} s; median of {options.repeats} repeats"
    )
    print(f"{'p99':38}{'measured':>12}{'truth':>12}{'ratio':>8}{'worst error':>22}")
    for way, pairs in rows.items():
        p99, truth = (statistics.median(column) for column in zip(*pairs, strict=True))
        error, relative = max((abs(one - other), abs(one / other - 1)) for one, other in pairs)
        close = error <= _CLOSE[0] or relative <= _CLOSE[1]
        print(
            f"{way:38}{p99 * 1e3:9.2f} ms{truth * 1e3:9.2f} ms{p99 / truth:8.3f}"
            f"{f'{error * 1e3:.2f} ms, {relative:.1%}':>22}  {'close' if close else 'OFF'}"
        )
    print(f"close: within {_CLOSE[1]:.0%} or {_CLOSE[0] * 1e3:.0f} ms of the truth in every repeat")


if __name__ == "__main__":
    main()
