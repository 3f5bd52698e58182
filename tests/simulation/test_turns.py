"""Two versions in turn, on machines that change meanwhile: what is the same is Equal, what is worse is seen."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.simulation.chance import at_least, at_most
from tests.simulation.turns import Machine, Server, drifts, in_turn, one_after_the_other, steady, steps
from tests.unit.decide.objectives import objective
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.comparison import ParetoRelation
from tollgate.api.verdict import Relation
from tollgate.decide.compare import Arm, Comparison, compare_benchmarks, compare_in_turn
from tollgate.decide.paired import InTurn

PAGE = Path(__file__).parents[2] / "docs" / "baselines.md"
RUNS = 200
SERVERS = {
    "at rest": Server(),
    "a fifth slower in the middle": Server(steps(0.2)),
    "half as fast in the middle": Server(steps(1.0)),
    "slower and slower": Server(drifts(1.0)),
    "with hard inputs": Server(steps(0.2), hard=0.05),
    "with wide latencies": Server(steps(0.2), sigma=1.0),
}
MACHINES: dict[str, Machine] = {
    "stays as it is": steady,
    "gets slower by 20 %": drifts(0.2),
    "gets faster by 20 %": drifts(-0.2),
}
MEAN = objective("Latency", name="mean", statistic="Mean", max="5s", maxRegression="1%")
EVERYTHING = [
    *(
        objective("Latency", name=statistic.lower(), statistic=statistic, max="5s", maxRegression="0%")
        for statistic in ("Mean", "P50", "P95", "P99")
    ),
    objective("Quality", name="quality", metric="Accuracy", min="0.9", maxRegression="0%"),
    objective("Throughput", name="throughput", min="30req/s", maxRegression="0%"),
]


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_same_version_in_turn_is_equal_whatever_the_machine_does(server: Server, confidence: float) -> None:
    """Even where no margin forgives anything."""
    relations = [
        compare_in_turn(EVERYTHING, Arm(result, None), InTurn(None), confidence=confidence).relation
        for result in measured(server)
    ]
    assert at_most(1 - confidence, np.array([r is not ParetoRelation.EQUAL for r in relations]))


@cache
def measured(server: Server) -> list[BenchmarkResult]:
    rng = np.random.default_rng(31)
    return [in_turn(rng, server) for _ in range(RUNS)]


def paired(rng: np.random.Generator, server: Server, slower: float) -> Comparison:
    result = in_turn(rng, server, slower)
    return compare_in_turn([MEAN], Arm(result, None), InTurn(None), confidence=0.95)


def apart(rng: np.random.Generator, server: Server, slower: float) -> Comparison:
    candidate, baseline = one_after_the_other(rng, server, slower)
    return compare_benchmarks([MEAN], Arm(candidate, None), Arm(baseline, None), confidence=0.95)


HOW: dict[str, Callable[[np.random.Generator, Server, float], Comparison]] = {
    "in turn": paired,
    "one after the other": apart,
}


@cache
def said(machine: str, slower: float, how: str) -> dict[Relation, float]:
    """How often a candidate that is so much slower is called worse, equal and better."""
    rng = np.random.default_rng(32)
    server = Server(MACHINES[machine], sigma=0.25)
    found = [HOW[how](rng, server, slower).of("mean") for _ in range(RUNS)]
    return {relation: found.count(relation) / RUNS for relation in Relation}


def happened(machine: str, slower: float, how: str, relation: Relation) -> NDArray[np.bool_]:
    return np.arange(RUNS) < round(said(machine, slower, how)[relation] * RUNS)


@pytest.mark.parametrize("machine", MACHINES)
def test_in_turn_finds_a_loss_of_five_percent_whatever_the_machine_does(machine: str) -> None:
    assert at_least(0.9, happened(machine, 1.05, "in turn", Relation.WORSE))
    assert at_most(0.05, happened(machine, 1.0, "in turn", Relation.WORSE))


def test_one_after_the_other_is_fooled_either_way() -> None:
    """So that the test above could fail: a machine that gets slower is taken for the version, and hides it."""
    assert at_least(0.9, happened("gets slower by 20 %", 1.0, "one after the other", Relation.WORSE))
    assert at_least(0.9, happened("gets faster by 20 %", 1.0, "one after the other", Relation.BETTER))
    assert not at_least(0.9, happened("gets faster by 20 %", 1.05, "one after the other", Relation.WORSE))


def table() -> str:
    rows = [
        "| the machine | the candidate is | in turn: worse / equal / better | one after the other |",
        "|---|---|---|---|",
    ]
    for machine in MACHINES:
        for slower, name in ((1.0, "the same"), (1.05, "5 % slower")):
            cells = [
                " / ".join(
                    f"{said(machine, slower, how)[r]:.0%}".replace("%", " %")
                    for r in (Relation.WORSE, Relation.EQUAL, Relation.BETTER)
                )
                for how in HOW
            ]
            rows.append(f"| {machine} | {name} | {cells[0]} | {cells[1]} |")
    return "\n".join(rows)


def test_table_of_the_page_is_what_the_simulation_finds() -> None:
    fence = re.compile(r"(<!-- table: turns -->\n).*?(\n<!-- end -->)", re.DOTALL)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(fence.sub(lambda m: m[1] + table() + m[2], PAGE.read_text()))
    found = fence.search(PAGE.read_text())
    assert found is not None
    assert found[0] == f"<!-- table: turns -->\n{table()}\n<!-- end -->", (
        "docs/baselines.md says otherwise: run UPDATE_GOLDEN=1 pytest tests/simulation/test_turns.py, and see that "
        "the text around the table is still true"
    )
