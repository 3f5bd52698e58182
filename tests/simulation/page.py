"""The tables of docs/statistics.md, computed; `UPDATE_GOLDEN=1 pytest tests/simulation/test_page.py` writes them.

A table of the page stands between `<!-- table: NAME -->` and `<!-- end -->`. Most are exact; those of means, clumps and
comparisons are simulated with fixed seeds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from tests.simulation import arms as alike
from tests.simulation import exact
from tests.simulation.arms import beside
from tests.simulation.clumps import bursts, guarded, overloads, scrapes_until_breach, straddling, unguarded
from tests.simulation.means import correlated, sequence_intervals, skewed
from tests.simulation.rules import boundary
from tests.simulation.test_comparisons import compared, objectives, worse
from tests.simulation.traffic import Scrapes
from tests.unit.decide.objectives import objective
from tollgate.decide.bets import blocks_until_breach
from tollgate.decide.crossing import requests_until_breach, requests_until_within, slow_for_breach
from tollgate.decide.evidence import requests_to_detect
from tollgate.decide.levels import FIRST_LOOKS, spent
from tollgate.decide.two_arm import arms_evidence
from tollgate.measure.binomial import requests_needed

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
QUANTILES = {"p95": 0.05, "p99": 0.01, "p99.9": 0.001}
P99, DEFAULT = 0.01, 0.01
RATES = (0.1, 0.2, 1.0, 10.0, 100.0, 1000.0)
SCRAPE = 15
"""Requests per second, and seconds between scrapes."""

Row = Sequence[str]
_TABLE = re.compile(r"(<!-- table: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def tables_of(page: str) -> dict[str, str]:
    """What stands in the page, by name."""
    return {name: body for _, name, body, _ in _TABLE.findall(page)}


def filled(page: str, tables: dict[str, str]) -> str:
    """The page with these tables in place of its own."""
    return _TABLE.sub(lambda found: found[1] + tables[found[2]] + found[4], page)


def markdown(header: Row, rows: Iterable[Row]) -> str:
    """A table, numbers to the right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def percent(chance: float) -> str:
    """Two digits: `63 %`, `3.2 %`, `0.62 %`; what is less than 0.01 % is said so."""
    if chance < 1e-4:
        return "< 0.01 %"
    value = 100 * chance
    return f"{value:.{0 if value >= 9.95 else 1 if value >= 0.995 else 2}f} %"


def share(happened: NDArray[np.bool_]) -> str:
    """The same of simulated runs, where none is not never."""
    return percent(float(happened.mean())) if happened.any() else "none"


def wait(seconds: float) -> str:
    """Two digits of a time: `67 s`, `12 min`, `3.1 h`."""
    for unit, size, until in (("s", 1, 100), ("min", 60, 100), ("h", 3600, 72)):
        if seconds < until * size:
            return f"{max(1.0, float(f'{seconds / size:.2g}')):g} {unit}"
    return f"{seconds / 86400:.2g} days"


def about(requests: float | None) -> str:
    """Two digits of a number of requests, as a plan needs no more."""
    return "never" if requests is None else f"{float(f'{requests:.2g}'):,.0f}"


def examples() -> str:
    """What counts say about p99."""
    rows = []
    for n in (100, 300, 1000, 3000, 10_000):
        row = [f"{n:,}"]
        for alpha in (0.05, 0.01):
            most = int(boundary(P99, alpha, 20_000).most_within(np.array([n]))[0])
            row += [
                f"{slow_for_breach(n, P99, alpha):,} or more",
                f"{most:,} or fewer" if most >= 0 else "never",
            ]
        rows.append(row)
    return markdown(
        ["requests", "0.95: `Breach`", "0.95: `Within`", "0.99: `Breach`", "0.99: `Within`"], rows
    )


def fewest() -> str:
    """The fewest requests that ever speak."""
    rows = []
    for name, p0 in QUANTILES.items():
        for alpha in (0.05, 0.01):
            breach = next(n for n in range(1, 100) if slow_for_breach(n, p0, alpha) is not None)
            rows.append([name, f"{1 - alpha:g}", f"{_half(p0, alpha, 0.0):,}", f"{breach}"])
    return markdown(
        ["limit on", "confidence", "`Within` with no slow request", "`Breach` when all are slow"], rows
    )


def typical() -> str:
    """Requests to a verdict on p99 by the true rate."""
    rows = []
    for slow in (0.10, 0.05, 0.03, 0.02, 0.015, 0.005, 0.002, 0.0):
        verdict, until = (
            ("Breach", requests_until_breach) if slow > P99 else ("Within", requests_until_within)
        )
        row = [f"{100 * slow:g} %", f"`{verdict}`"]
        for alpha in (0.05, 0.01):
            half, most = until(P99, alpha, slow, (0.5, 0.95)) or (None, None)
            row += [about(half), about(most)]
        rows.append(row)
    header = ["truly slow", "verdict", "0.95: half", "0.95: 19 of 20", "0.99: half", "0.99: 19 of 20"]
    return markdown(header, rows)


def ever_wrong() -> str:
    """How often a release that is exactly at its limit is ever called either way, looking after every request."""
    rows = []
    for name, p0 in QUANTILES.items():
        requests = round(100 / p0)
        for alpha in (0.05, 0.01):
            rule = boundary(p0, alpha, requests)
            breach = exact.after_every_request(p0, rule, requests, "breach").breach[-1]
            within = exact.after_every_request(p0, rule, requests, "within").within[-1]
            looks = np.arange(1, requests + 1)
            peeking = exact.walk(p0, looks, binom.isf(alpha, looks, p0).astype(int) + 1, None).breach[-1]
            rows.append(
                [name, f"{1 - alpha:g}", f"{requests:,}", percent(breach), percent(within), percent(peeking)]
            )
    header = [
        "limit on",
        "confidence",
        "looks",
        "ever `Breach`",
        "ever `Within`",
        "ever, by a test for one look",
    ]
    return markdown(header, rows)


def point_tests() -> str:
    """Healthy releases aborted in ten looks at windows of fixed size."""
    rows = []
    for window in (20, 60, 100, 1000):
        failing = exact.point_test_window(0.005, P99, window)
        looks = window * np.arange(1, 11)
        ours = [
            exact.walk(0.005, looks, boundary(P99, alpha, 10_000).least_breach(looks), None).breach[-1]
            for alpha in (0.05, 0.01)
        ]
        theirs = [exact.point_test_aborts(failing, 10, tolerated) for tolerated in (0, 3)]
        rows.append([f"{window:,}", *map(percent, (*theirs, *ours))])
    header = [
        "requests a window",
        "point test",
        "3 bad windows tolerated",
        "Tollgate (0.95)",
        "Tollgate (0.99)",
    ]
    return markdown(header, rows)


def waiting() -> str:
    """How long verdicts on p99 take by the rate of requests, at the default confidence."""
    rows = []
    for rate in RATES:
        breach = [
            SCRAPE * scrapes_until_breach(slow, rate * SCRAPE, P99, DEFAULT, (0.5,))[0]
            for slow in (0.10, 0.03, 0.02)
        ]
        within = [
            SCRAPE * math.ceil(_until(requests_until_within, P99, slow) / rate / SCRAPE)
            for slow in (0.002, 0.005)
        ]
        rows.append([f"{rate:,g}/s", *map(wait, (*breach, *within))])
    header = [
        "to the canary",
        "`Breach`, 10 % slow",
        "3 % slow",
        "2 % slow",
        "`Within`, 0.2 % slow",
        "0.5 % slow",
    ]
    return markdown(header, rows)


def quantiles() -> str:
    """How long a canary step with `NoBreach` takes, by the limit: until severe regressions would have shown."""
    limits = {"p90": 0.1, **QUANTILES}
    rows = [
        [f"{rate:,g}/s", *(wait(requests_to_detect(p0, DEFAULT) / rate) for p0 in limits.values())]
        for rate in RATES
    ]
    return markdown(["to the canary", *limits], rows)


def confidences() -> str:
    """What confidence costs, in requests, for p99."""
    rows = []
    for confidence in (0.8, 0.9, 0.95, 0.99, 0.999, 0.9999):
        alpha = 1 - confidence
        needed = [requests_to_detect(P99, alpha), _half(P99, alpha, 0.0), _half(P99, alpha, 0.005)]
        rows.append([f"{confidence:g}", *map(about, needed), f"{requests_needed(P99, spent(alpha, 1)):,}"])
    header = ["confidence", "severe regression caught", "`Within`, none slow", "`Within`, 0.5 % slow"]
    return markdown([*header, "benchmark `Within`, none slow"], rows)


def shared() -> str:
    """What several live objectives cost: a Breach of any acts, so they share what may go wrong."""
    rows = [
        [
            f"{n}",
            f"{DEFAULT / n:.3g}",
            *(f"{requests_to_detect(p0, DEFAULT / n):,}" for p0 in QUANTILES.values()),
        ]
        for n in (1, 2, 4, 8)
    ]
    return markdown(["live objectives", "each may be wrong with", *QUANTILES], rows)


def certificates() -> str:
    """The benchmark's certificate, at its first look."""
    alpha = FIRST_LOOKS.levels(DEFAULT, 1).within
    rows = [
        [name, *(f"{requests_needed(p0, alpha, slow):,}" for slow in (0, 1, 10))]
        for name, p0 in {"p90": 0.1, **QUANTILES}.items()
    ]
    return markdown(["limit on", "none slow", "1 slow", "10 slow"], rows)


def means() -> str:
    """How often the interval of a live mean is ever wrong."""
    cases = {
        "skewed: p99 is 2.8 times the mean": skewed(0.5, runs=2_000, blocks=200),
        "skewed: p99 is 6.2 times the mean": skewed(1.0, runs=2_000, blocks=200),
        "skewed: p99 is 11 times the mean": skewed(1.5, runs=2_000, blocks=200),
        "blocks swing by 10 %, each on its own": correlated(0.0, runs=2_000, blocks=200),
        "the same, correlated by 0.2": correlated(0.2, runs=2_000, blocks=200),
        "the same, correlated by 0.5": correlated(0.5, runs=2_000, blocks=200),
    }
    rows = []
    for name, seen in cases.items():
        row = [name]
        for alpha in (0.05, 0.01):
            found = sequence_intervals(seen, alpha)
            row += [share(found.ever_above(1.0)), share(found.ever_below(1.0))]
        rows.append(row)
    return markdown(
        ["latencies", "0.95: `Breach`", "0.95: `Within`", "0.99: `Breach`", "0.99: `Within`"], rows
    )


def clumps() -> str:
    """Wrong verdicts on p99 where slow requests come in clumps, at the limit."""
    runs, looks = 1_000, 200
    cases: dict[str, Scrapes] = {
        "one by one": bursts(P99, 1, runs=runs, looks=looks, seed=46),
        "two at a time": bursts(P99, 2, runs=runs, looks=looks, seed=46),
        "five at a time": bursts(P99, 5, runs=runs, looks=looks, seed=46),
        "20 at a time": bursts(P99, 20, runs=runs, looks=looks, seed=46),
        "20 at a time, cut in two by a scrape": straddling(P99, 20, runs=runs, looks=looks, seed=46),
        "half of a scrape, now and then": overloads(P99, 0.5, 1, runs=runs, looks=looks, seed=46),
        "a tenth of three scrapes, now and then": overloads(P99, 0.1, 3, runs=runs, looks=looks, seed=46),
    }
    rows = []
    for name, seen in cases.items():
        rule = boundary(P99, DEFAULT, 10 * int(seen.requests[0, -1]))
        plain, found = unguarded(seen, rule), guarded(seen, rule, P99, DEFAULT)
        rows.append(
            [name, *map(share, (plain.breach > 0, found.breach > 0, plain.within > 0, found.within > 0))]
        )
    header = ["slow requests come", "`Breach`, by requests alone", "`Breach`"]
    return markdown([*header, "`Within`, by requests alone", "`Within`"], rows)


def scrapes() -> str:
    """Scrapes until a Breach, however many requests there are."""
    times = (1.5, 2, 3, 5, 10, 30, 100)
    return markdown(
        ["slow, times what is allowed", *(f"{factor:g}" for factor in times)],
        [
            [f"scrapes, {1 - alpha:g}", *(str(blocks_until_breach(factor, alpha)) for factor in times)]
            for alpha in (0.05, 0.01)
        ],
    )


def arms() -> str:
    """Requests to a canary until it is called worse than the stable version beside it, margin 0, half of the time."""
    rows = []
    for ratio in (2.0, 3.0, 10.0):
        row = [f"{ratio:g} times as often"]
        for slow in (0.01, 0.001):
            for part in (0.1, 0.5):
                per_scrape = 0.5 / (part * slow * ratio)
                seen = beside(
                    ratio,
                    slow=slow,
                    waves=0.0,
                    share=part,
                    per_scrape=per_scrape,
                    runs=300,
                    looks=400,
                    seed=53,
                )
                spoken = arms_evidence([seen], 0.0, DEFAULT).breach >= -np.log(DEFAULT)
                requests = np.asarray(seen.canary_requests)[np.arange(300), spoken.argmax(axis=1)]
                row.append(about(float(np.median(np.where(spoken.any(axis=1), requests, np.inf)))))
        rows.append(row)
    header = [
        "canary slow",
        "1 % of stable, share 10 %",
        "share 50 %",
        "0.1 % of stable, share 10 %",
        "share 50 %",
    ]
    return markdown(header, rows)


def stalls() -> str:
    """Canaries that are no worse, called worse where slow requests come in clumps, of one arm or the other."""
    tail = objective("Latency", name="tail", statistic="P99", max="250ms", maxRegression="5%")
    sizes = {"one by one": 1, "two at a time": 2, "five at a time": 5, "20 at a time": 20}
    rows = []
    for name, size in sizes.items():
        row = [name]
        for part in (0.5, 0.1):
            seen = alike.stalls(size, slow=0.01, share=part, per_scrape=200, runs=200, looks=200, seed=54)
            row.append(share(alike.uncorrected(seen, tail, DEFAULT).any(axis=1)))
            row.append(share(alike.first_worse(seen, tail, DEFAULT) > 0))
        rows.append(row)
    header = [
        "slow requests come",
        "share 50 %, uncorrected",
        "corrected",
        "share 10 %, uncorrected",
        "corrected",
    ]
    return markdown(header, rows)


def comparisons() -> str:
    """How often a benchmark of 1,200 requests calls a slower candidate worse."""
    rows = []
    for slower in (1.0, 1.05, 1.1, 1.2, 1.4):
        verdicts = compared(objectives("5%"), 0.99, slower=slower, runs=300)
        called = [worse(verdicts, name) for name in ("mean", "tail")]
        rows.append([f"{100 * (slower - 1):.0f} %", *map(share, called)])
    return markdown(["slower by", "mean is Worse", "p99 is Worse"], rows)


def _half(p0: float, alpha: float, slow: float) -> int:
    """Requests after which Within has been said half of the time; exactly where none is slow."""
    needed = requests_until_within(p0, alpha, slow, (0.5,))
    assert needed is not None
    return needed[0]


def _until(law: Callable[..., tuple[int, ...] | None], p0: float, slow: float) -> int:
    """Requests to a verdict, half of the time, at the default confidence."""
    needed = law(p0, DEFAULT, slow, (0.5,))
    assert needed is not None
    return needed[0]


TABLES: dict[str, Callable[[], str]] = {
    "examples": examples,
    "fewest": fewest,
    "typical": typical,
    "ever-wrong": ever_wrong,
    "point-tests": point_tests,
    "waiting": waiting,
    "quantiles": quantiles,
    "confidences": confidences,
    "shared": shared,
    "certificates": certificates,
    "means": means,
    "clumps": clumps,
    "scrapes": scrapes,
    "comparisons": comparisons,
    "arms": arms,
    "stalls": stalls,
}
