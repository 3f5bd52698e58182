"""How many requests a second one process holds on one core, and whether it says so when it does not.

    python bench/highest_rate.py [--seconds 5] [--repeats 3] [--start 500] [--workers 1] [--peers fortio]

First 1,000 requests/s, several times. Then the highest rate that is held: doubled until it is not, then bisected. Held
means the same for everyone as far as they tell: 99.5 % of the rate and no errors, at the first or the second try. Ours
must also be on time (99th percentile of the schedule delay at most 2 ms) and not call itself the limit; a peer does not
tell how late it sends. Client and server have a core each, and the server answers at once. At last: twice as much,
which must be refused.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Sequence

import ours
import peers
from reference import NO_STALLS, serving

_PRECISION = 0.05  # of the rate at which the bisection ends
_RATE_ERROR, _DELAY = 0.005, 0.002
_CONNECTIONS = 64  # of fortio: what it needs at its highest rates, and more costs it

Holds = Callable[[int], bool]


def highest(once: Holds, start: int) -> int:
    """The highest rate that is held, to the precision; 0 if not even an eighth of the first one is."""

    def holds(rate: int) -> bool:
        return once(rate) or once(rate)

    low, high = 0, start
    while holds(high):
        low, high = high, 2 * high
    while high - low > _PRECISION * high and high > start // 8:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _told(what: str, rate: int, row: ours.Row, held: bool) -> None:
    print(
        f"  {what} {rate:6} req/s: rate error {row.rate_error:.3%}, delay p99 {row.delay_p99 * 1e3:.2f} ms, "
        f"latency p50 {row.p50 * 1e3:.2f} p99 {row.p99 * 1e3:.2f} ms, CPU {row.cpu:.0%}, {row.errors} errors, "
        f"{'held' if held else 'not held'}{': ' + row.limited if row.limited else ''}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="processes of ours, each with a core")
    parser.add_argument("--start", type=int, default=500)
    parser.add_argument("--peers", nargs="*", default=list(peers.PACKAGES), choices=list(peers.PACKAGES))
    options = parser.parse_args(arguments)
    for name in options.peers:
        peers.build(name)
    cores = sorted(os.sched_getaffinity(0))
    mine = set(cores[-options.workers :])
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}")
    with serving(NO_STALLS, {cores[0]}) as server:
        os.sched_setaffinity(0, mine)
        url = f"http://{server.target}/"

        def measure(rate: int) -> ours.Row:
            ours.rest()
            return ours.Row(ours.Load(server.target, rate, options.seconds, options.workers).run())

        def held(rate: int) -> bool:
            row = measure(rate)
            good = (
                row.rate_error <= _RATE_ERROR
                and row.delay_p99 <= _DELAY
                and not row.limited
                and not row.errors
            )
            _told("tollgate", rate, row, good)
            return good

        def peer(name: str, rate: int) -> bool:
            ours.rest()
            seen = (
                peers.fortio(url, rate, options.seconds, _CONNECTIONS, mine)
                if name == "fortio"
                else peers.vegeta(url, rate, options.seconds, mine)
            )
            good = seen.rate >= rate * (1 - _RATE_ERROR) and not seen.errors
            print(
                f"  {name} {rate:6} req/s: {seen.rate:.0f} sent, p50 {seen.p50 * 1e3:.2f} p99 {seen.p99 * 1e3:.2f} ms, "
                f"CPU {seen.cpu:.0%}, {seen.errors} errors, {'held' if good else 'not held'}",
                flush=True,
            )
            return good

        print(f"1,000 requests/s from {options.workers} process(es), a core each")
        rows = [measure(1000) for _ in range(options.repeats)]
        for row in rows:
            _told(
                "tollgate",
                1000,
                row,
                row.rate_error <= _RATE_ERROR and row.delay_p99 <= _DELAY and not row.limited,
            )
        print(
            f"median (worst): rate error {statistics.median(r.rate_error for r in rows):.3%} "
            f"({max(r.rate_error for r in rows):.3%}), "
            f"delay p99 {statistics.median(r.delay_p99 for r in rows) * 1e3:.2f} ms "
            f"({max(r.delay_p99 for r in rows) * 1e3:.2f})"
        )
        print("highest rate held")
        found = {"tollgate": highest(held, options.start)}
        for name in options.peers:
            found[name] = highest(lambda rate, name=name: peer(name, rate), options.start)  # type: ignore[misc]
        for name, rate in found.items():
            print(f"{name:10}{rate:8} req/s   {rate / max(found['tollgate'], 1):6.2f} of tollgate's")
        print("beyond it")
        beyond = 2 * max(found["tollgate"], options.start)
        row = measure(beyond)
        _told("tollgate", beyond, row, held=False)
        print(f"refused: {'yes' if row.limited else 'NO'}")


if __name__ == "__main__":
    main()
