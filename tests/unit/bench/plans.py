"""Profiles, datasets and records as the tests of the load generator need them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tollgate.api.load import LoadStage
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.bench.access import NO_CREDENTIALS, Credentials
from tollgate.bench.answer import Answer
from tollgate.bench.dataset import Dataset, Item, parse_dataset
from tollgate.bench.records import StageRun
from tollgate.bench.requests import Requests
from tollgate.bench.schedule import Schedule

DATASET = (
    b'{"items": [{"input": [1, 2], "expected": 3}, {"input": [4, 5], "expected": 9}, {"input": [0, 0]}]}'
)

TENSOR = {"protocol": "OpenInference", "model": "digits", "path": None, "inputName": "pixels"}
CHAT = {"protocol": "OpenAIChat", "model": "org/tiny:1", "path": None}
COMPLETIONS = {"protocol": "OpenAICompletions", "model": "org/tiny:1", "path": None}


def stage(**fields: Any) -> LoadStage:
    """A stage of 100 constant requests in a second."""
    return LoadStage.model_validate(
        {"name": "steady", "arrival": "Constant", "rate": "100req/s", "durationSeconds": 1, **fields}
    )


def profile(**fields: Any) -> BenchmarkProfileSpec:
    """A JSON profile with one stage."""
    return BenchmarkProfileSpec.model_validate(
        {
            "protocol": "JSON",
            "path": "/predict",
            "port": 8080,
            "dataset": {"configMap": {"name": "inputs"}},
            "stages": [stage().dump()],
            **fields,
        }
    )


def requests(**fields: Any) -> Requests:
    """The requests of that profile over DATASET."""
    return Requests(profile(**fields), parse_dataset(DATASET))


def request(
    value: Any, expected: Any = None, *, credentials: Credentials = NO_CREDENTIALS, **fields: Any
) -> Requests:
    """The requests of that profile over a dataset of one item."""
    return Requests(profile(**fields), Dataset([Item(value, expected)], ""), credentials)


def read(made: Requests, *parts: bytes) -> Answer:
    """What the answer to the first item tells; it came in these parts, a second apart, from second 1 on."""
    reader = made.reader()
    for second, part in enumerate(parts, start=1):
        reader.feed(part, float(second))
    return made.read(0, reader)


def schedule(due: Any, span: float | None = None) -> Schedule:
    """Requests due at these seconds, all with the first input."""
    due = np.asarray(due, dtype=float)
    return Schedule(due, np.zeros(len(due), np.int64), span if span is not None else float(due[-1]))


def record(
    latency: Any, *, rate: float = 100.0, timeout: float = 10.0, planned: Schedule | None = None
) -> StageRun:
    """A stage, by default at a constant rate, sent on time, in which every request was answered after its latency."""
    latency = np.asarray(latency, dtype=float)
    planned = planned or schedule(np.arange(len(latency)) / rate, len(latency) / rate)
    made = StageRun(planned, timeout, np.ones(len(latency), np.bool_))
    made.sent[:] = made.schedule.due + 1e-4
    made.ended[:] = made.schedule.due + latency
    made.correct[:] = True
    return made
