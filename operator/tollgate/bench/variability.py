"""How latency depends on the input, from the requests that carried the same ones. Pure.

Which input comes when is drawn at random, so what the machine did meanwhile met all inputs alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.variability import MOST_WORST, Variability, WorstInput
from tollgate.bench.records import StageRun

_FEWEST = 10
"""Inputs, below which there is no tenth of them to call hard."""

_EASY = 0.9
_GROUPS = 10

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def variability(run: StageRun, good: Bools, latency: Floats) -> Variability | None:
    """Latencies are in seconds, a failed request's its time-out; None where all requests carried the same input."""
    items, which, sent = np.unique(run.schedule.items, return_inverse=True, return_counts=True)
    if len(items) < 2:
        return None
    found = Variability(inputs=len(items), worst=_worst(items, which, sent, good, latency))
    _, of_good, answered = np.unique(which[good], return_inverse=True, return_counts=True)
    found.repeated = int(np.count_nonzero(answered > 1))
    if found.repeated and len(answered) > 1:
        between, within = components(of_good, answered, latency[good])
        found.between, found.within = (_deviation(v) for v in (between, within))
        if between + within > 0:
            found.share = units.format_number(between / (between + within))
            found.share_error, found.groups = _jackknife(of_good, latency[good])
    several = sent[which] > 1
    if np.count_nonzero(sent > 1) >= _FEWEST:
        _predict(found, which[several], latency[several])
    return found


def _deviation(variance: float) -> str:
    return units.format_duration(round(float(np.sqrt(variance)), 9))


def components(which: Ints, answers: Ints, latency: Floats) -> tuple[float, float]:
    """The variance between inputs and within them, in s^2: the analysis of variance's estimates.

    One-way random effects with unequal numbers of answers (S. R. Searle, G. Casella, C. E. McCulloch, Variance
    Components, 1992, section 3.6): unbiased whatever the distributions, but for the cut at 0. `which` has the number
    of each answer's input, from 0, and `answers` how many each has; two inputs, and one with two answers, at least.
    """
    n, inputs = len(latency), len(answers)
    means = np.bincount(which, latency, minlength=inputs) / answers
    within = float(np.sum((latency - means[which]) ** 2)) / (n - inputs)
    among = float(np.sum(answers * (means - latency.mean()) ** 2)) / (inputs - 1)
    each = (n - float(np.sum(answers**2)) / n) / (inputs - 1)
    return max(0.0, (among - within) / each), within


def _jackknife(which: Ints, latency: Floats) -> tuple[str, int]:
    """Standard error of the share that is between inputs, from leaving out one group of inputs after the other.

    (B. Efron, C. Stein, Annals of Statistics 9, 1981.) Whole inputs are left out, as the answers to one are alike.
    """
    groups = which % _GROUPS
    if np.max(which) + 1 < _GROUPS * 2:
        return "", 0
    shares = []
    for group in range(_GROUPS):
        kept = groups != group
        _, of_kept, answers = np.unique(which[kept], return_inverse=True, return_counts=True)
        if not np.any(answers > 1):
            return "", 0
        between, within = components(of_kept, answers, latency[kept])
        shares.append(between / (between + within) if between + within > 0 else 0.0)
    spread = float(np.sum((np.array(shares) - np.mean(shares)) ** 2))
    return units.format_number(round(float(np.sqrt((_GROUPS - 1) / _GROUPS * spread)), 9)), _GROUPS


def _worst(items: Ints, which: Ints, sent: Ints, good: Bools, latency: Floats) -> list[WorstInput]:
    order = np.lexsort((latency, which))
    first = np.cumsum(sent) - sent
    medians = latency[order][first + (sent - 1) // 2]
    failed = np.bincount(which[~good], minlength=len(items))
    return [
        WorstInput(
            input=int(items[i]),
            requests=int(sent[i]),
            failed=int(failed[i]),
            median=units.format_duration(float(medians[i])),
        )
        for i in np.argsort(-medians, kind="stable")[:MOST_WORST]
    ]


def _predict(found: Variability, which: Ints, latency: Floats) -> None:
    """The 99th percentile as it is, and reweighted to twice the share of hard inputs.

    A request is called hard by the median of the *other* requests of its input. Were its own latency among them, the
    hard inputs would be those that were unlucky, and a model that treats all alike would be predicted to get slower.
    """
    score = median_of_others(which, latency)
    hard = score >= np.sort(score)[int(np.ceil(_EASY * len(score))) - 1]
    share = float(hard.mean())
    doubled = min(1.0, 2 * share)
    weights = np.where(hard, doubled / share, (1 - doubled) / (1 - share) if share < 1 else 0.0)
    found.hard = units.format_number(share)
    found.p99 = units.format_duration(_p99(latency, np.ones(len(latency))))
    found.p99_if_hard_doubles = units.format_duration(_p99(latency, weights))


def median_of_others(which: Ints, latency: Floats) -> Floats:
    """For each request the (lower) median of the other requests of its input, of which there is one at least."""
    order = np.lexsort((latency, which))
    of = which[order]
    first = np.searchsorted(of, of, "left")
    number = np.searchsorted(of, of, "right") - first
    middle = first + (number - 2) // 2
    own = np.arange(len(of))
    others = np.empty(len(of))
    others[order] = latency[order][np.where(middle < own, middle, middle + 1)]
    return others


def _p99(latency: Floats, weights: Floats) -> float:
    """Nearest rank of weighted requests."""
    order = np.argsort(latency)
    reached = np.cumsum(weights[order])
    return float(latency[order][np.searchsorted(reached, 0.99 * reached[-1] * (1 - 1e-12))])
