"""What pages are made of, for the tests: one that has everything, and one of a hostile server."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.unit.bench.plans import profile, record
from tests.unit.bench.plans import stage as load_stage
from tests.unit.decide.objectives import benchmark, stage
from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.document import StageSamples
from tollgate.api.load import LoadStage
from tollgate.api.transport import digest
from tollgate.api.verdict import ObjectiveResult, Reason, Verdict
from tollgate.bench.records import Outcome
from tollgate.bench.samples import samples_of
from tollgate.bench.summary import summarize
from tollgate.report.content import Content, Judged, Limit, Measured

XSS = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>"


def measured(seed: int, *, slower: float = 1.0, requests: int = 600) -> Measured:
    """Three rates and a warm-up, of a server that is slower than another and full at the highest rate."""
    dice = np.random.default_rng(seed)
    stages: list[StageResult] = []
    samples: dict[str, StageSamples] = {}
    for name, rate, load in (("warm-up", 20, 1.0), ("low", 20, 1.0), ("steady", 50, 1.3), ("full", 100, 9.0)):
        latency = slower * load * 0.012 * np.exp(dice.normal(0, 0.6, requests))
        run = record(latency, rate=rate)
        run.sent[:] = run.schedule.due + dice.exponential(0.0004, requests)
        run.correct[:] = dice.random(requests) < 0.97
        if name == "full":
            run.ended += np.linspace(0, 4, requests)  # a queue that grows
            run.outcome[-6:] = Outcome.TIMEOUT
            run.sent[-2:] = np.nan
        planned: LoadStage = load_stage(name=name, warmUp=name == "warm-up", rate=f"{rate}req/s")
        stages.append(summarize(planned, run, ["250ms"]))
        samples[name] = samples_of(stages[-1], run)
    result = BenchmarkResult(dataset="sha256:" + "a" * 64, profile=digest(profile()), pods=1, stages=stages)
    return Measured(result, samples)


def objective_result(verdict: Verdict, **fields: Any) -> ObjectiveResult:
    said = {"name": "tail", "message": "12 of 600 requests slower than 250ms (2%), at most 1% allowed"}
    return ObjectiveResult.model_validate(
        said | {"verdict": verdict, "observed": "41ms", "low": "36ms", "high": "78ms", **fields}
    )


def rich() -> Content:
    """Everything that a page can have."""
    results = [
        objective_result(Verdict.WITHIN),
        objective_result(Verdict.BREACH, name="errs", observed="1%", low="", high=""),
        objective_result(
            Verdict.INCONCLUSIVE, name="cost", observed="", reason=Reason.COST_UNKNOWN, low="", high=""
        ),
    ]
    return Content(
        title="Benchmark result.json",
        about=[("result", "result.json, a BenchmarkRun of tollgate 0.1.0"), ("profile", "24b0fb1e87b4d512")],
        measured=measured(1),
        baseline=measured(2, slower=1.4),
        judged=Judged(
            "NeedsSignOff",
            "open",
            "all objectives are within their limits, but worse than the baseline in tail",
            "vision/digits, confidence 0.95",
            results,
            {"tail": "p99 <= 250ms", "errs": "ErrorRate <= 1%", "cost": "Cost <= 0.001USD per 1kRequests"},
            ["tail: 20 % slower than the baseline"],
        ),
        limits=[Limit(0.25, 0.01, "tail 250ms")],
    )


def hostile() -> Content:
    """A result whose every free text tries to become markup."""
    bad = stage(
        name="<svg/onload=window.pwned=1>"[:32],
        errors=3,
        errorKinds={"<b onclick=x>": 3},
        errorExamples={"<b onclick=x>": XSS + '" onload="window.pwned=1'},
        exitStages={XSS[:32]: 3},
        overLimit=[],
        clientLimited="</style><script>window.pwned=1</script>" + "W" * 300,
    )
    return Content(
        title=f"Benchmark </title>{XSS}",
        about=[("result", f"{XSS}\u202e\x1b[31m.json")],
        measured=Measured(benchmark(bad)),
        judged=Judged(
            "Breach", "bad", XSS, XSS, [objective_result(Verdict.BREACH, message=XSS)], {"tail": XSS}, [XSS]
        ),
        limits=[Limit(0.25, 0.01, "'\"><script>window.pwned=1</script>")],
    )
