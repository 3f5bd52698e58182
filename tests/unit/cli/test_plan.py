from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.files import COST, OBJECTIVES, Folder, budget
from tests.unit.cli.running import Terminal
from tollgate.api.budget import BudgetSpec
from tollgate.decide.plan import plan
from tollgate.decide.plan_text import canary_message

STAGES = [{"name": "steady", "rate": "50req/s", "durationSeconds": 15}]
ACCURACY = {"name": "acc", "dimension": "Quality", "metric": "Accuracy", "min": "0.95"}


def profile(name: str = "digits-steady", **spec: Any) -> dict[str, Any]:
    dataset = {"configMap": {"name": "digits"}}
    body = {"protocol": "JSON", "path": "/predict", "port": 8080, "dataset": dataset, "stages": STAGES}
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "BenchmarkProfile",
        "metadata": {"name": name},
        "spec": body | spec,
    }


def metrics(**spec: Any) -> dict[str, Any]:
    body = {"scrapeIntervalSeconds": 15, "latency": {"series": "latency_seconds"}}
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "MetricProfile",
        "metadata": {"name": "digits-server"},
        "spec": body | spec,
    }


@pytest.fixture
def file(folder: Folder) -> Path:
    return folder.write("budget.yaml", budget(confidence="0.95", objectives=[*OBJECTIVES, COST, ACCURACY]))


def planned(terminal: Terminal, *arguments: object) -> dict[str, Any]:
    ran = terminal.run("plan", *arguments, "-o", "json")
    assert ran.code == 0, ran
    said: dict[str, Any] = json.loads(ran.out)
    return said


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("0.2/s", "0.2req/s"),
        ("12/min", "0.2req/s"),
        ("720/h", "0.2req/s"),
        ("30req/s", "30req/s"),
        ("90requests/min", "1.5req/s"),
    ],
)
def test_rates(terminal: Terminal, file: Path, written: str, rate: str) -> None:
    assert planned(terminal, "-f", file, "--rate", written)["rate"] == rate


@pytest.mark.parametrize(
    "rate", ["", "0.2", "/s", "-1/s", "NaN/s", "1e3/s", "1/d", "1 /s", "fast", "0.2/s/s"]
)
def test_what_is_no_rate(terminal: Terminal, file: Path, rate: str) -> None:
    sentence = terminal.refuses("plan", "-f", file, "--rate", rate)
    assert f"{rate!r} is not a rate: write it as 0.2/s, 12/min or 30req/s" in sentence


def test_no_traffic_is_no_plan(terminal: Terminal, file: Path) -> None:
    assert "0/s is no traffic" in terminal.refuses("plan", "-f", file, "--rate", "0/s")


def test_numbers_are_those_of_the_plan(terminal: Terminal, file: Path) -> None:
    said = planned(terminal, "-f", file, "--rate", "0.2/s")
    spec = BudgetSpec.model_validate(
        budget(confidence="0.95", objectives=[*OBJECTIVES, COST, ACCURACY])["spec"]
    )
    made = plan(spec, rate=0.2)
    assert [one["name"] for one in said["live"]] == ["tail", "mean", "errs", "cost"]
    tail, mean, errs, cost = said["live"]
    assert tail["severe"] == {"fraction": "3%", "requests": {"half": 412, "most": 977}, "over": 29}
    assert (tail["clean"], tail["halfLimit"]) == (569, {"half": 1845, "most": 5052})
    assert errs["passes"] == made.live[2].passes
    for one in (mean, cost):
        assert (one["passes"], one["severe"], one["mild"], one["clean"]) == (800, None, None, None)
    assert [step["share"] for step in said["steps"]] == ["10%", "50%"]
    assert {step["objective"] for step in said["steps"]} == {"errs"}
    assert said["seconds"] == round(sum(step.seconds or 0 for step in made.steps))
    assert said["summary"] == canary_message(made)
    assert [one["name"] for one in said["benchmark"]] == ["tail", "errs", "acc"]
    assert (said["problems"], said["maxDurationSeconds"]) == ([], 3600)


def test_profiles_add_what_stages_certify_and_when_counts_are_seen(
    terminal: Terminal, folder: Folder, file: Path
) -> None:
    both = folder.write("profiles.yaml", profile(), metrics(errors={"series": "errors_total"}))
    without = planned(terminal, "-f", file, "--rate", "10/s")
    said = planned(terminal, "-f", file, "--rate", "10/s", "--profile", both, "--metrics", both)
    assert [one["stages"] for one in said["benchmark"]] == [{"steady": 2}, {"steady": 0}, {"steady": 26}]
    later = [step["seconds"] for step in said["steps"]]
    assert later == pytest.approx([step["seconds"] + 15 for step in without["steps"]], abs=1)
    assert said["problems"] == []


def test_problems_are_told(terminal: Terminal, folder: Folder, file: Path) -> None:
    short = profile(stages=[{**STAGES[0], "durationSeconds": 5}])
    profiles = folder.write("profiles.yaml", short, metrics())
    ran = terminal.run("plan", "-f", file, "--rate", "1/s", "--profile", profiles, "--metrics", profiles)
    assert "\nProblem: objective tail: stage steady sends 250 requests" in ran.out
    assert "\nProblem: objective errs: the MetricProfile names no error counter" in ran.out


def cells(line: str) -> list[str]:
    """The cells of a table's line."""
    return re.split(r"  +", line.strip())


def test_the_table(terminal: Terminal, folder: Folder, file: Path) -> None:
    profiles = folder.write("profiles.yaml", profile())
    out = terminal.run("plan", "-f", file, "--rate", "12/min", "--profile", profiles).out
    parts = [part.splitlines() for part in out.split("\n\n")]
    assert [part[0] for part in parts[:5]] == [
        "Plan of vision/digits at 12/min, confidence 0.95",
        "Requests to the candidate until a live verdict: in half of all cases, and in 19 of 20",
        "How long that is in a canary, in 19 cases of 20",
        "What a regression costs users until it is caught, in 19 cases of 20",
        "Requests of a benchmark stage that certify it, or show that it is no good, in 19 cases of 20",
    ]
    verdicts = ["BREACH IF SEVERE", "BREACH IF MILD", "WITHIN IF CLEAN", "WITHIN AT HALF THE LIMIT"]
    assert [cells(line) for line in parts[1][1:4]] == [
        ["OBJECTIVE", "LIMIT", *verdicts],
        ["tail", "p99 <= 250ms", "412 to 977", "4,065 to 10,838", "569", "1,845 to 5,052"],
        ["mean", "mean <= 80ms", "800 or more"],
    ]
    assert parts[2][2:4] == [
        "  10%: 0.02req/s  tail       14 h              7 days          8 h              71 h",
        "                  mean       12 h or more",
    ]
    assert (
        parts[2][6] == "  50%: 0.1req/s   tail       3 h               31 h            95 min           15 h"
    )
    assert parts[3][2:4] == [
        "  tail       severe: 3% slower than 250ms       977    29       10",
        "             mild: 1.5% slower than 250ms    10,838   163      108",
    ]
    assert parts[4][1].endswith("STEADY: 750 requests")
    assert [cells(line)[-1] for line in parts[4][2:]] == [
        "Within up to 2 over", "Within if none is over", "Within up to 26 over",
    ]  # fmt: skip
    assert parts[5][0].startswith(
        "At about 0.2req/s a canary takes 35 h (10%: 30 h, 50%: 6 h), as a step needs "
    )


def test_what_is_compared_with_the_stable_version_is_named(
    terminal: Terminal, folder: Folder, file: Path
) -> None:
    compared = [o | {"maxRegression": "10%"} for o in OBJECTIVES]
    path = folder.write("compared.yaml", budget(objectives=compared))
    said = (
        "Also compared with the stable version beside the canary, by maxRegression: tail (10%), errs (10%). "
    )
    assert said in terminal.run("plan", "-f", path, "--rate", "1/s").out
    assert "Also compared" not in terminal.run("plan", "-f", file, "--rate", "1/s").out


def test_only_the_benchmark_judges(terminal: Terminal, folder: Folder) -> None:
    path = folder.write("budget.yaml", budget(objectives=[ACCURACY]))
    out = terminal.run("plan", "-f", path, "--rate", "1/s").out
    assert "Requests to the candidate" not in out
    assert "No objective is judged on live traffic." in out
    assert planned(terminal, "-f", path, "--rate", "1/s")["seconds"] is None


def test_the_profile_must_be_the_budgets(terminal: Terminal, folder: Folder, file: Path) -> None:
    other = folder.write("profiles.yaml", profile("other"))
    sentence = terminal.refuses("plan", "-f", file, "--rate", "1/s", "--profile", other)
    assert sentence.endswith(
        "profiles.yaml holds no BenchmarkProfile digits-steady, but BenchmarkProfile other"
    )
    wrong = folder.write("profiles.yaml", profile(stages=[{**STAGES[0], "rate": "0req/s"}]))
    sentence = terminal.refuses("plan", "-f", file, "--rate", "1/s", "--profile", wrong)
    assert (
        "BenchmarkProfile digits-steady: spec.stages[0]: write rate as requests per second above 0"
        in sentence
    )
