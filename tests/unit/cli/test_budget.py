"""`tollgate budget`: suggested limits, and what changed between two budgets."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.unit.cli.files import OBJECTIVES, PRICES, Folder, budget, deployment, good
from tests.unit.cli.running import Terminal
from tollgate.api.objective import Objective


def test_suggested_objectives_are_a_budgets(terminal: Terminal, folder: Folder) -> None:
    result = folder.write("result.json", good())
    ran = terminal.run("budget", "suggest", "--from-benchmark", result)
    assert ran.code == 0
    assert ran.out.startswith("# a BenchmarkResult, 20% of headroom at confidence 0.99\nobjectives:\n")
    objectives = [Objective.model_validate(one) for one in yaml.safe_load(ran.out)["objectives"]]
    assert [o.name for o in objectives] == ["tail", "mean", "errors", "accuracy"], "no price, no cost"


def test_with_prices_there_is_a_cost(terminal: Terminal, folder: Folder) -> None:
    result, prices, target = (
        folder.write("result.json", good()),
        folder.write("prices.yaml", PRICES),
        folder.write("target.yaml", deployment()),
    )
    ran = terminal.run(
        "budget",
        "suggest",
        "--from-benchmark",
        result,
        "--prices",
        prices,
        "--target",
        target,
        "--headroom",
        "50%",
    )
    assert "dimension: Cost, per: 1kRequests" in ran.out


def test_bad_input_is_one_sentence(terminal: Terminal, folder: Folder) -> None:
    said = terminal.refuses("budget", "suggest", "--from-benchmark", "./nothing.json")
    assert said.endswith("./nothing.json cannot be read: there is no such file")
    result = folder.write("result.json", good())
    assert "write it like 0.5%" in terminal.refuses(
        "budget", "suggest", "--from-benchmark", result, "--headroom", "a fifth"
    )
    limited = folder.write("limited.json", good(clientLimited="too slow"))
    said = terminal.refuses("budget", "suggest", "--from-benchmark", limited)
    assert said.endswith("has no stage of a steady rate that shows anything to limit")


def changed(folder: Folder, **fields: Any) -> tuple[Any, Any]:
    objectives = [OBJECTIVES[0] | fields, *OBJECTIVES[1:]]
    return folder.write("old.yaml", budget()), folder.write("new.yaml", budget(objectives=objectives))


def test_a_loosened_limit(terminal: Terminal, folder: Folder) -> None:
    ran = terminal.run("budget", "diff", *changed(folder, max="300ms"))
    assert ran.code == 1
    header, row = (line.split() for line in ran.out.splitlines())
    assert header == ["OBJECTIVE", "CHANGE", "WAS", "IS"]
    assert row == ["tail", "looser", "p99", "<=", "250ms", "p99", "<=", "300ms"]


def test_for_a_pipeline(terminal: Terminal, folder: Folder) -> None:
    ran = terminal.run("budget", "diff", *changed(folder, max="200ms"), "-o", "json")
    assert (ran.code, json.loads(ran.out)) == (
        1,
        [
            {
                "objective": "tail",
                "change": "tighter",
                "was": "p99 <= 250ms",
                "is": "p99 <= 200ms",
                "loosens": False,
            }
        ],
    )


def test_the_same_limits_are_no_difference(terminal: Terminal, folder: Folder) -> None:
    ran = terminal.run("budget", "diff", *changed(folder, max="0.25s"))
    assert (ran.code, ran.out) == (0, "the limits are the same\n")
