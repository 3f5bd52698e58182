from __future__ import annotations

import numpy as np

from tests.unit.bench.plans import record, stage
from tollgate.api.document import BenchmarkRun, StageSamples, Tool
from tollgate.bench.records import Outcome
from tollgate.bench.samples import samples_of
from tollgate.bench.summary import summarize


def test_each_request_is_kept_to_the_microsecond() -> None:
    run = record([0.0012345, 0.5, 0.25], rate=10)
    run.sent[1], run.outcome[1] = np.nan, Outcome.TIMEOUT
    run.outcome[2] = Outcome.HTTP_5XX
    kept = samples_of(summarize(stage(), run, []), run)
    assert kept == StageSamples(
        name="steady",
        scheduled=[0, 100_000, 200_000],
        sent=[100, None, 200_100],
        ended=[1234, 600_000, 450_000],
        outcome=["answered", "timeout", "http_5xx"],
        input=[0, 0, 0],
        correct=[True, True, True],
    )


def test_what_is_not_scored_is_neither_right_nor_wrong() -> None:
    run = record([0.1] * 3)
    run.scored[0] = run.correct[0] = run.correct[1] = False
    assert samples_of(summarize(stage(), run, []), run).correct == [None, False, True]
    run.scored[:] = run.correct[:] = False
    assert samples_of(summarize(stage(), run, []), run).correct is None


def test_they_are_the_requests_that_the_summary_counts() -> None:
    run = record(np.linspace(0.001, 0.2, 120))
    for number, outcome in enumerate(Outcome):
        run.outcome[number] = outcome
    result = summarize(stage(), run, [])
    made = {
        "dataset": "sha256:" + "a" * 64,
        "profile": "sha256:" + "b" * 64,
        "pods": 1,
        "stages": [result],
    }
    whole = BenchmarkRun.model_validate(
        {"measured_by": Tool(name="t"), "result": made, "samples": [samples_of(result, run)]}
    )
    assert BenchmarkRun.model_validate_json(whole.model_dump_json(by_alias=True)) == whole
