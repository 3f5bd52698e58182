"""The plots of docs/statistics.md: `make plots`, or `python -m docs.plots.make [FOLDER]` from the repository's root.

Every line is computed by the product's own tests of evidence and by `tests.simulation`; the only dice are those of
the sample paths, and they are seeded. The same code writes the same files, byte for byte.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray
from tests.simulation import exact
from tests.simulation.clumps import scrapes_until_breach
from tests.simulation.rules import boundary

from tollgate.decide.certificate import requests_needed
from tollgate.decide.crossing import requests_until_within
from tollgate.decide.evidence import log_breach, log_within

P0, ALPHA, HEALTHY = 0.01, 0.01, 0.005
"""A limit on p99 at the default confidence, and the slow fraction of a healthy release."""

SCRAPE, WINDOW, LOOKS, HOUR = 15, 60, 10, 60
"""Seconds between scrapes, seconds of a point test's window, and windows in a short canary and in one of an hour."""

BLUE, RED, ORANGE, GREEN, PURPLE = "#0072B2", "#C43E00", "#E69F00", "#007A5A", "#A8497F"
"""Okabe and Ito's colours, which the colour-blind tell apart, some darkened for text on white."""

ORANGE_TEXT = "#8F6200"
INK, PALE = "#333333", "#8a8a8a"

mpl.rcParams.update(
    {
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        "svg.hashsalt": "tollgate",
        "svg.fonttype": "none",  # text stays text: small files that can be searched and read aloud
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": PALE,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "axes.grid": True,
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.8,
        "axes.axisbelow": True,
        "lines.linewidth": 2,
        "figure.constrained_layout.wspace": 0.06,
        "lines.solid_capstyle": "round",
    }
)

RATES = np.geomspace(0.1, 1000, 181)
SIMULATED = RATES[::5]


def false_aborts() -> Figure:
    """How many healthy releases are aborted, over the rate of requests to the canary."""
    figure, ax = plt.subplots(figsize=(7.6, 4.0), layout="constrained")
    for tolerated, colour in ((0, RED), (3, ORANGE)):
        ax.plot(RATES, [100 * _price(rate, tolerated, LOOKS) for rate in RATES], color=colour)
    rule = boundary(P0, ALPHA, int(LOOKS * WINDOW * RATES[-1]))
    ours = []
    for rate in RATES[::3]:
        looks = np.ceil(rate * SCRAPE * np.arange(1, LOOKS * WINDOW // SCRAPE + 1)).astype(int)
        ours.append(100 * exact.walk(HEALTHY, looks, rule.least_breach(looks), None).breach[-1])
    ax.plot(RATES[::3], ours, color=BLUE, linewidth=3.5)
    _rates(ax)
    ax.set_ylim(-1.5, 101)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.0f} %"))
    ax.set_title("Healthy releases that are aborted within ten minutes (p99 limit, 0.5 % of requests slow)")
    ax.text(3.4, 84, "point test every minute:\naborts at the first bad one", color=RED)
    ax.text(1.9, 19, "point test that\ntolerates three\nbad minutes", color=ORANGE_TEXT)
    ax.text(
        950,
        4,
        f"Tollgate, every {SCRAPE} s: under {math.ceil(100 * max(ours)) / 100:g} %",
        color=BLUE,
        ha="right",
    )
    above = ax.secondary_xaxis("top", functions=(lambda r: r * WINDOW, lambda n: n / WINDOW))
    above.set_xlabel("requests in a minute", color=PALE)
    above.tick_params(colors=PALE)
    above.spines["top"].set_visible(False)
    above.xaxis.set_major_locator(FixedLocator([6, 60, 600, 6000, 60000]))
    above.xaxis.set_major_formatter(FuncFormatter(_plain))
    above.xaxis.set_minor_locator(NullLocator())
    return figure


def time_to_detect() -> Figure:
    """How long until a regression is called, over the rate; dotted where the price is false aborts."""
    figure, axes = plt.subplots(1, 3, figsize=(9.2, 4.2), sharey=True, layout="constrained")
    for ax, slow in zip(axes, (0.10, 0.03, 0.02), strict=True):
        half, most = _ours(slow)
        ax.fill_between(SIMULATED, half, most, color=BLUE, alpha=0.15, linewidth=0)
        ax.plot(SIMULATED, half, color=BLUE)
        for tolerated, colour in ((0, RED), (3, ORANGE)):
            failing = [exact.point_test_window_by_chance(slow, P0, WINDOW * rate) for rate in RATES]
            seconds = np.array([WINDOW * exact.point_test_windows_until(f, tolerated, 0.5) for f in failing])
            dear = np.array([_price(rate, tolerated, HOUR) > 0.05 for rate in RATES])
            ax.plot(RATES, np.where(dear, seconds, np.nan), color=colour, linewidth=1.5, linestyle=":")
            ax.plot(RATES, np.where(dear, np.nan, seconds), color=colour)
        _rates(ax)
        ax.set_title(f"{100 * slow:.0f} % slow, at most 1 % allowed")
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(FixedLocator([15, 60, 240, 900, 3600, 4 * 3600]))
        ax.yaxis.set_major_formatter(FuncFormatter(_span))
        ax.yaxis.set_minor_locator(NullLocator())
    first, second, _ = axes
    first.set_ylim(11, 86400 / 2)
    first.set_ylabel("time until it is called")
    second.text(900, 2000, "Tollgate: half are called\n(up to 95 %: shaded)", color=BLUE, ha="right")
    first.text(900, 285, "point test,\nfourth bad minute", color=ORANGE_TEXT, ha="right")
    first.text(900, 68, "point test,\nfirst bad minute", color=RED, ha="right")
    first.text(
        900, 6300, "dotted: would also abort\nmore than 5 % of healthy\nreleases in an hour", ha="right"
    )
    return figure


def _ours(slow: float) -> tuple[list[float], list[float]]:
    """Seconds until half, and until 95 %, of such releases are called a Breach at a scrape, for each rate."""
    found = [scrapes_until_breach(slow, rate * SCRAPE, P0, ALPHA, (0.5, 0.95)) for rate in SIMULATED]
    half, most = ([float(SCRAPE * scrapes) for scrapes in each] for each in zip(*found, strict=True))
    return half, most


@cache
def _price(rate: float, tolerated: int, looks: int) -> float:
    """The chance that the point test aborts a healthy release in so many looks."""
    failing = exact.point_test_window_by_chance(HEALTHY, P0, WINDOW * rate)
    return exact.point_test_aborts(failing, looks, tolerated)


def sample_paths() -> Figure:
    """What an operator sees: the evidence of a few releases, until it speaks."""
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.9), sharey=True, layout="constrained")
    for ax, evidence in zip(axes, (log_breach, log_within), strict=True):
        for slow, colour, seed in ((0.03, RED, 18), (0.01, PALE, 5), (0.002, BLUE, 2)):
            rng = np.random.default_rng(seed)
            for _ in range(3):
                _path(ax, evidence, rng.random(2500) < slow, colour)
        ax.axhline(1 / ALPHA, color=INK, linewidth=1)
        ax.set_yscale("log")
        ax.set_ylim(1e-3, 500)
        ax.yaxis.set_major_formatter(FuncFormatter(_odds))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.set_xlim(0, 2500)
        ax.xaxis.set_major_formatter(FuncFormatter(_plain))
        ax.set_xlabel("requests to the canary")
    breach, within = axes
    breach.set_title("Evidence of a Breach (p99 limit)")
    within.set_title("Evidence of Within, of the same releases")
    breach.text(1000, 150, "Breach from 100 : 1 on")
    within.text(20, 150, "Within from 100 : 1 on")
    breach.text(850, 30, "3 % slow", color=RED)
    within.text(1250, 0.009, "3 % slow", color=RED)
    for ax, y in ((breach, 3.5), (within, 4.5)):
        ax.text(2480, y, "1 % slow: exactly at the limit", color="#666666", ha="right")
    breach.text(1300, 0.035, "0.2 % slow", color=BLUE)
    within.text(1240, 25, "0.2 % slow", color=BLUE)
    return figure


def _path(
    ax: Axes, evidence: Callable[[float, float, float, float], float], slow: NDArray[np.bool_], colour: str
) -> None:
    looks, counts = np.arange(10, len(slow) + 1, 10).tolist(), slow.cumsum()[9::10].tolist()
    odds = [math.exp(evidence(n, s, P0, ALPHA)) for n, s in zip(looks, counts, strict=True)]
    spoken = next((i for i, odd in enumerate(odds) if odd >= 1 / ALPHA), None)
    end = len(odds) if spoken is None else spoken + 1
    ax.plot(looks[:end], odds[:end], color=colour, linewidth=1.3)
    if spoken is not None:
        ax.plot(looks[spoken], odds[spoken], "o", color=colour, markersize=6)


def requests_for_within() -> Figure:
    """What it takes to say Within, by quantile and confidence."""
    figure, axes = plt.subplots(1, 3, figsize=(9.2, 4.2), sharey=True, layout="constrained")
    alphas = np.geomspace(0.2, 1e-4, 34)
    limits = ((0.001, "p99.9", PURPLE), (0.01, "p99", BLUE), (0.05, "p95", GREEN), (0.1, "p90", RED))
    cases: Sequence[tuple[str, Callable[[float, float], int | None]]] = (
        ("benchmark, none is slow", requests_needed),
        ("live, none is slow", lambda p0, alpha: _half_the_time(p0, alpha, 0.0)),
        ("live, half the limit is slow", lambda p0, alpha: _half_the_time(p0, alpha, p0 / 2)),
    )
    for ax, (title, needed) in zip(axes, cases, strict=True):
        for p0, name, colour in limits:
            requests = [needed(p0, float(alpha)) for alpha in alphas]
            ax.plot(alphas, requests, color=colour)
            ax.text(1.1e-4, 0.86 * (requests[-1] or 0), name, color=colour, ha="right", va="top")
        ax.axvline(0.01, color=PALE, linewidth=0.8)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlim(0.22, 0.9e-4)
        ax.xaxis.set_major_locator(FixedLocator([0.2, 0.05, 0.01, 0.001, 0.0001]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{1 - x:.6g}"))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(FuncFormatter(_plain))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.set_title(title)
        ax.set_xlabel("confidence")
    axes[0].set_ylim(10, 100_000)
    axes[0].set_ylabel("requests until Within")
    axes[0].text(0.0115, 13, "the default", color="#666666", ha="right")
    return figure


def _half_the_time(p0: float, alpha: float, slow: float) -> int | None:
    needed = requests_until_within(p0, alpha, slow, (0.5,))
    return needed[0] if needed else None


def _rates(ax: Axes) -> None:
    ax.set_xscale("log")
    ax.set_xlim(0.1, 1000)
    ax.xaxis.set_major_locator(FixedLocator([0.1, 1, 10, 100, 1000]))
    ax.xaxis.set_major_formatter(FuncFormatter(_plain))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("requests per second to the canary")


def _plain(x: float, _: int) -> str:
    return f"{x:,.10g}"


def _odds(x: float, _: int) -> str:
    return f"{x:,.0f} : 1" if x >= 1 else f"1 : {1 / x:,.0f}"


def _span(seconds: float, _: int) -> str:
    for unit, size in (("day", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


PLOTS = {
    "false-aborts": false_aborts,
    "time-to-detect": time_to_detect,
    "evidence": sample_paths,
    "requests-for-within": requests_for_within,
}


def main(folder: Path) -> None:
    """Write every plot into the folder."""
    for name, plot in PLOTS.items():
        figure = plot()
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)
        print(folder / f"{name}.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
