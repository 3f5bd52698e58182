"""How long the evidence of many objectives takes at once, against one objective at a time.

    python bench/evidence.py [--objectives 10000] [--repeats 7]

Both sides of each objective are found, `Breach` and `Within`. Counts are those of live traffic: 100 to 100,000 requests
at the usual limits, and a few of up to 1e12. Each repeat runs both ways, one right after the other, on the same counts;
the table holds the median over the repeats with the worst one in brackets, in CPU time of one core, which other work on
the machine disturbs least, and the ratio is the median of the ratios of the pairs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tollgate.decide.evidence import log_breach, log_evidence, log_within

Cases = list[NDArray[np.float64]]


def cases(objectives: int, seed: int) -> Cases:
    """Arrays of requests, slow requests, limits and levels."""
    rng = np.random.default_rng(seed)
    p0 = rng.choice([0.05, 0.01, 0.001], objectives)
    requests = np.floor(np.exp(rng.uniform(np.log(100), np.log(100_000), objectives)))
    requests[:: max(1, objectives // 100)] = 1e12
    slow = np.minimum(requests, np.round(requests * p0 * np.exp(rng.normal(0, 0.5, objectives))))
    return [requests, slow, p0, rng.choice([0.05, 0.01], objectives)]


def at_once(counts: Cases) -> None:
    """All objectives in one call."""
    log_evidence(*counts)


def one_by_one(counts: Cases) -> None:
    """A call for each side of each objective."""
    for one in zip(*(column.tolist() for column in counts), strict=True):
        log_breach(*one)
        log_within(*one)


def _seconds(way: Callable[[Cases], None], counts: Cases) -> float:
    begin = time.process_time()
    way(counts)
    return time.process_time() - begin


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objectives", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    for way in (at_once, one_by_one):
        way(cases(100, 0))
    pairs = []
    for repeat in range(options.repeats):
        counts = cases(options.objectives, repeat)
        pairs.append((_seconds(at_once, counts), _seconds(one_by_one, counts)))
    print(
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; median (worst) of {options.repeats} repeats"
    )
    for name, column in zip(("at once", "one by one"), zip(*pairs, strict=True), strict=True):
        print(f"{name:12}{statistics.median(column) * 1e3:10.1f} ms ({max(column) * 1e3:.1f})")
    ratio = statistics.median(slow / fast for fast, slow in pairs)
    print(f"{'ratio':12}{ratio:10.1f}   for {options.objectives:,} objectives, both sides")


if __name__ == "__main__":
    main()
