"""Files of inference-perf, as its versions 0.2 to 0.7 write them.

`per_request_lifecycle_metrics.json` is a list with `start_time` (when it was sent) and `end_time` in seconds of a
monotonic clock, and `error`; it tells neither when a request was due nor its stage. `stage_N_lifecycle_metrics.json`
and `summary_lifecycle_metrics.json` are summaries.
"""

from __future__ import annotations

from typing import Any

from tollgate.bench.records import Outcome
from tollgate.foreign.reading import needed, number, part, text
from tollgate.foreign.stages import Foreign, Request, Summary, kind_of

_NAMES = {"p50": "median", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9", "max": "max"}


def read(document: Any) -> list[Foreign | Summary]:
    """The one stage of a file. ValueError where it is not such a file."""
    if isinstance(document, list):
        return [Foreign("all-stages", [_request(n, one) for n, one in enumerate(document)])]
    if part(document, "load_summary") is None:
        raise ValueError(
            "it is neither a list of requests nor has it a load_summary: it is no *_lifecycle_metrics.json of "
            "inference-perf"
        )
    return [_summary(document)]


def _request(order: int, one: Any) -> Request:
    where = f"request {order}"
    error = part(one, "error")
    words = f"{text(error, 'error_type')} {text(error, 'error_msg')}"
    outcome = Outcome.ANSWERED if error is None else kind_of(words)
    due = number(one, "scheduled_time")  # of no version so far; it is in the program's records
    return Request(due, needed(where, one, "start_time"), needed(where, one, "end_time"), outcome)


def _summary(document: Any) -> Summary:
    where = "the file"
    latency = part(document, "successes", "latency", "request_latency")
    known = {name: number(latency, key) for name, key in _NAMES.items()}
    requests = int(needed(where, document, "load_summary", "count"))
    seconds = number(document, "benchmark_time_seconds") or number(document, "load_summary", "send_duration")
    if not seconds:
        raise ValueError(f"{where} tells neither benchmark_time_seconds nor load_summary.send_duration")
    return Summary(
        "stage",
        requests,
        int(needed(where, document, "failures", "count")),
        seconds,
        needed(where, latency, "mean"),
        {name: value for name, value in known.items() if value is not None},
        number(document, "load_summary", "requested_rate"),
    )
