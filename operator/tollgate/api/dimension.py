"""What a budget can limit: each dimension with its bound, its units, and what else an objective of it must say.

`SHAPES` is the one table: pydantic and the API server check by it alike, and docs/dimensions.md is written from it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tollgate.api import units
from tollgate.api.form import (
    ANY_RATE,
    DURATION,
    ENERGY,
    FRACTION,
    MEMORY,
    MODEL_SIZE,
    MONEY,
    NUMBER,
    OPERATIONS,
    REQUEST_RATE,
    SHARE,
    TOKEN_NUMBER,
    Form,
)


class Dimension(StrEnum):
    """What can be limited in this version."""

    LATENCY = "Latency"
    TIME_TO_FIRST_TOKEN = "TimeToFirstToken"
    TIME_PER_OUTPUT_TOKEN = "TimePerOutputToken"
    INTER_TOKEN_LATENCY = "InterTokenLatency"
    QUEUE_TIME = "QueueTime"
    VIOLATION_RATE = "ViolationRate"
    ERROR_RATE = "ErrorRate"
    THROUGHPUT = "Throughput"
    GOODPUT = "Goodput"
    COST = "Cost"
    ENERGY = "Energy"
    MEMORY = "Memory"
    GPU_MEMORY = "GPUMemory"
    KV_CACHE = "KVCache"
    GPU_UTILIZATION = "GPUUtilization"
    COMPUTE = "Compute"
    MODEL_FLOPS_UTILIZATION = "ModelFlopsUtilization"
    PARAMETERS = "Parameters"
    TOKENS = "Tokens"
    CONTEXT_UTILIZATION = "ContextUtilization"
    QUALITY = "Quality"
    CALIBRATION_ERROR = "CalibrationError"
    VARIABILITY = "Variability"
    EXIT_DEPTH = "ExitDepth"
    EXPERT_IMBALANCE = "ExpertImbalance"
    COLD_START = "ColdStart"


TOKEN_TIMES = (
    Dimension.TIME_TO_FIRST_TOKEN,
    Dimension.TIME_PER_OUTPUT_TOKEN,
    Dimension.INTER_TOKEN_LATENCY,
)


SERIES_OF_TIMES = {
    Dimension.TIME_TO_FIRST_TOKEN: "timeToFirstToken",
    Dimension.TIME_PER_OUTPUT_TOKEN: "timePerOutputToken",
    Dimension.INTER_TOKEN_LATENCY: "interTokenLatency",
    Dimension.QUEUE_TIME: "queueTime",
}
"""The field of a MetricProfile that has the series of these times in live traffic."""


class Statistic(StrEnum):
    """How a distribution of times is summarised."""

    MEAN = "Mean"
    P50 = "P50"
    P90 = "P90"
    P95 = "P95"
    P99 = "P99"
    P999 = "P999"

    @property
    def tail(self) -> Decimal | None:
        """The share of requests allowed over the limit (P99 -> 0.01); None for the mean."""
        return None if self is Statistic.MEAN else 1 - Decimal("0." + self.value[1:])


class Per(StrEnum):
    """What an amount is divided by."""

    REQUEST = "Request"
    THOUSAND_REQUESTS = "1kRequests"
    TOKEN = "Token"
    THOUSAND_TOKENS = "1kTokens"
    MILLION_TOKENS = "1MTokens"
    CORRECT_ANSWER = "CorrectAnswer"
    ACCEPTED_OUTCOME = "AcceptedOutcome"

    @property
    def times(self) -> int:
        """How many of what is counted the unit stands for."""
        return {"1k": 1000, "1M": 1_000_000}.get(self.value[:2], 1)

    @property
    def of_requests(self) -> bool:
        """Whether every answered request counts, whatever it says."""
        return self in (Per.REQUEST, Per.THOUSAND_REQUESTS)

    @property
    def of_tokens(self) -> bool:
        """Whether generated tokens count."""
        return self in (Per.TOKEN, Per.THOUSAND_TOKENS, Per.MILLION_TOKENS)


class Metric(StrEnum):
    """Which measure of a dimension that has several."""

    ACCURACY = "Accuracy"
    F1 = "F1"
    F1_MACRO = "F1Macro"
    F1_MICRO = "F1Micro"
    SCORE = "Score"
    COEFFICIENT_OF_VARIATION = "CoefficientOfVariation"
    P99_TO_P50 = "P99ToP50"
    BETWEEN_INPUTS = "BetweenInputs"
    INPUT = "Input"
    OUTPUT = "Output"
    TOTAL = "Total"

    @property
    def is_share(self) -> bool:
        """Whether it is a share of the scored requests."""
        return self in (Metric.ACCURACY, Metric.F1_MICRO)


@dataclass(frozen=True)
class Shape:
    """What an objective of a dimension looks like, and where it is judged.

    One of `bounds` is given, written in this form; of `choices` each field is given, with one of its values; each of
    `needs` is given. `live` and `benchmark` say where it is judged. `meaning` and `source` are for people.
    """

    meaning: str
    source: str
    form: Form
    bounds: tuple[str, ...] = ("max",)
    statistics: tuple[Statistic, ...] = ()
    per: tuple[Per, ...] = ()
    metrics: tuple[Metric, ...] = ()
    needs: tuple[str, ...] = ()
    live: bool = False
    benchmark: bool = True
    of_version: bool = False
    """Whether it is the same in every stage, whatever the load."""

    @property
    def choices(self) -> dict[str, Sequence[StrEnum]]:
        """The values of each field that must be given, by its name."""
        found: dict[str, Sequence[StrEnum]] = {
            "statistic": self.statistics,
            "per": self.per,
            "metric": self.metrics,
        }
        return {field: values for field, values in found.items() if values}

    @property
    def takes(self) -> str:
        """What must be given, as a sentence: all of a field's values where not all that there are may be given."""
        fields = [self._field(name, values) for name, values in self.choices.items()]
        return " and ".join([" or ".join(self.bounds), *fields, *self.needs])

    def _field(self, name: str, values: Sequence[StrEnum]) -> str:
        return name if len(values) == len(type(values[0])) else f"{name} ({', '.join(values)})"

    def accepts(self, limit: str) -> bool:
        """Whether a limit is written as it should be, and not 0."""
        return all(re.search(pattern, limit) for pattern in (self.form.pattern, units.NONZERO_PATTERN))


_ALL = tuple(Statistic)
SHAPES: dict[Dimension, Shape] = {
    Dimension.LATENCY: Shape(
        "How long requests take until their whole answer is there, from when they were due.",
        "the load generator; live the latency histogram",
        DURATION,
        statistics=_ALL,
        live=True,
    ),
    Dimension.TIME_TO_FIRST_TOKEN: Shape(
        "How long streamed answers take until their first token.",
        "the load generator; live timeToFirstToken of the MetricProfile",
        DURATION,
        statistics=_ALL,
        live=True,
    ),
    Dimension.TIME_PER_OUTPUT_TOKEN: Shape(
        "Of each streamed answer, the time per token after its first.",
        "the load generator; live timePerOutputToken of the MetricProfile",
        DURATION,
        statistics=_ALL,
        live=True,
    ),
    Dimension.INTER_TOKEN_LATENCY: Shape(
        "How long it takes from a chunk of tokens to the next, over all streams.",
        "the load generator; live interTokenLatency of the MetricProfile",
        DURATION,
        statistics=_ALL,
        live=True,
    ),
    Dimension.QUEUE_TIME: Shape(
        "How long requests wait in the server before it begins with them, as the server tells it.",
        "live queueTime of the MetricProfile",
        DURATION,
        statistics=_ALL,
        live=True,
        benchmark=False,
    ),
    Dimension.VIOLATION_RATE: Shape(
        "The share of requests that are answered later than within, or not.",
        "the load generator; live the latency histogram",
        SHARE,
        needs=("within",),
        live=True,
    ),
    Dimension.ERROR_RATE: Shape(
        "The share of requests that fail.",
        "the load generator; live the counters of requests and errors",
        SHARE,
        live=True,
    ),
    Dimension.THROUGHPUT: Shape(
        "Good answers, or the tokens generated for them, a second, of all pods together.",
        "the load generator, in stages that ask for more",
        ANY_RATE,
        bounds=("min",),
    ),
    Dimension.GOODPUT: Shape(
        "Answers a second that are good and keep all the times that meets has.",
        "the load generator, in stages that ask for more",
        REQUEST_RATE,
        bounds=("min",),
        needs=("meets",),
    ),
    Dimension.COST: Shape(
        "What the pods cost, by the price table, for what they answered.",
        "prices of what pods request, and the load generator; live the counter of requests",
        MONEY,
        per=tuple(per for per in Per if per is not Per.TOKEN),
        live=True,
    ),
    Dimension.ENERGY: Shape(
        "The energy that the pods used, or its emissions, for what they answered.",
        "the meter server.energy; without one, where measured is not set, CPU seconds times energy.wattsPerCore",
        ENERGY,
        per=tuple(Per),
    ),
    Dimension.MEMORY: Shape(
        "The most memory that a pod had in the steady part of a stage.", "the meter server.memory", MEMORY
    ),
    Dimension.GPU_MEMORY: Shape(
        "The most GPU memory that a pod had in the steady part of a stage.",
        "the meter server.gpuMemory",
        MEMORY,
    ),
    Dimension.KV_CACHE: Shape(
        "The fullest that the KV cache of a pod was in the steady part of a stage.",
        "the meter server.kvCache",
        SHARE,
    ),
    Dimension.GPU_UTILIZATION: Shape(
        "How busy the GPUs were on average: min where idle ones are a waste, max where room must be left.",
        "the meter server.gpuUtilization",
        SHARE,
        bounds=("max", "min"),
    ),
    Dimension.COMPUTE: Shape(
        "Floating-point operations. They say nothing of latency: limit that as Latency.",
        "the meter server.flops; without one what the pod template declares",
        OPERATIONS,
        per=(Per.REQUEST, Per.TOKEN),
    ),
    Dimension.MODEL_FLOPS_UTILIZATION: Shape(
        "Achieved operations a second over those that the pods' accelerators can do (MFU).",
        "as Compute, over tollgate.dev/peak-flops of the pod template",
        SHARE,
        bounds=("min",),
    ),
    Dimension.PARAMETERS: Shape(
        "The size of the model: its parameters, or the bytes of its artifact.",
        "tollgate.dev/parameters or tollgate.dev/artifact-size of the pod template",
        MODEL_SIZE,
        of_version=True,
    ),
    Dimension.TOKENS: Shape(
        "Tokens of a request on average: of its input, of its output, or of both.",
        "the answers, as the BenchmarkProfile reads them",
        TOKEN_NUMBER,
        metrics=(Metric.INPUT, Metric.OUTPUT, Metric.TOTAL),
    ),
    Dimension.CONTEXT_UTILIZATION: Shape(
        "The share of the context window that a request takes on average, input and output together.",
        "the answers, and tollgate.dev/context-window of the pod template",
        SHARE,
    ),
    Dimension.QUALITY: Shape(
        "How good the answers are, held against what the dataset expects, or by a score of any name that they tell.",
        "the load generator",
        FRACTION,
        bounds=("min",),
        metrics=(Metric.ACCURACY, Metric.F1, Metric.F1_MACRO, Metric.F1_MICRO, Metric.SCORE),
    ),
    Dimension.CALIBRATION_ERROR: Shape(
        "How far the confidence of answers is from how often they are right (expected calibration error).",
        "the load generator",
        FRACTION,
    ),
    Dimension.VARIABILITY: Shape(
        "How much latency varies: its standard deviation over its mean (CoefficientOfVariation), its 99th percentile "
        "over its median (P99ToP50), or the share of its variance that is between inputs (BetweenInputs).",
        "the load generator",
        NUMBER,
        metrics=(Metric.COEFFICIENT_OF_VARIATION, Metric.P99_TO_P50, Metric.BETWEEN_INPUTS),
    ),
    Dimension.EXIT_DEPTH: Shape(
        "The stage at which a model with early exits is done, on average.",
        "the answers: exitStage of the BenchmarkProfile, a number",
        NUMBER,
    ),
    Dimension.EXPERT_IMBALANCE: Shape(
        "How often the most used expert, or exit, is used, over the average of those that are used at all.",
        "the answers: exitStage of the BenchmarkProfile",
        NUMBER,
    ),
    Dimension.COLD_START: Shape(
        "How long a fresh pod takes from when it has a node until it is ready, the slowest of those that were loaded.",
        "the API server, where the BenchmarkProfile has a coldStart",
        DURATION,
        of_version=True,
    ),
}
