"""`benchmarks.json` of guidellm, as `GenerativeBenchmarksReport` of its versions 0.4 to 0.8 writes it.

Requests are in `benchmarks[].requests.{successful,errored,incomplete}`, each with `info.timings` in seconds since the
epoch; `targeted_start` is when it was due. They may be a sample of all (`sample_requests`): then only the summary in
`metrics` holds, as it does where the counts in `metrics.request_totals` differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tollgate.bench.records import Outcome
from tollgate.foreign.reading import listed, needed, number, part, text
from tollgate.foreign.stages import Foreign, Request, Summary, kind_of

_PERCENTILES = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p999"}


def read(document: Any) -> list[Foreign | Summary]:
    """The stages of a file, one a benchmark. ValueError where it is not such a file."""
    benchmarks = listed(document, "benchmarks")
    if not benchmarks:
        raise ValueError("it has no list of benchmarks: it is no benchmarks.json of guidellm")
    return [_stage(f"benchmarks[{number}]", number, one) for number, one in enumerate(benchmarks)]


def version(document: Any) -> str:
    """The version of guidellm, where the file tells it."""
    return text(document, "metadata", "guidellm_version")


def _stage(where: str, order: int, benchmark: Any) -> Foreign | Summary:
    strategy = part(benchmark, "config", "strategy")
    kind = text(strategy, "type_") or "benchmark"
    rate = number(strategy, "rate")
    name = f"{order}-{kind}"
    answered = listed(benchmark, "requests", "successful")
    failed = listed(benchmark, "requests", "errored")
    cut_off = listed(benchmark, "requests", "incomplete")
    totals = part(benchmark, "metrics", "request_totals")
    made = [number(totals, status) for status in ("successful", "errored", "incomplete")]
    if made != [len(answered), len(failed), len(cut_off)] or not answered + failed:
        return _summary(where, name, benchmark, rate)
    requests = [*_requests(where, answered, failed=False), *_requests(where, failed, failed=True)]
    return Foreign(name, requests, rate, cut_off=len(cut_off))


def _requests(where: str, listed_: list[Any], *, failed: bool) -> Iterator[Request]:
    for one in listed_:
        timings = part(one, "info", "timings")
        sent = number(timings, "request_start")
        sent = needed(where, timings, "resolve_start") if sent is None else sent
        ended = number(timings, "request_end")
        ended = needed(where, timings, "resolve_end") if ended is None else ended
        outcome = kind_of(text(one, "info", "error")) if failed else Outcome.ANSWERED
        yield Request(number(timings, "targeted_start"), sent, ended, outcome)


def _summary(where: str, name: str, benchmark: Any, rate: float | None) -> Summary:
    metrics = part(benchmark, "metrics")
    errors = int(needed(where, metrics, "request_totals", "errored"))
    answered = int(needed(where, metrics, "request_totals", "successful"))
    latency = part(metrics, "request_latency", "successful")
    known = {name: number(latency, "percentiles", key) for name, key in _PERCENTILES.items()}
    known["max"] = number(latency, "max")
    return Summary(
        name,
        answered + errors,
        errors,
        needed(where, benchmark, "duration"),
        needed(where, latency, "mean"),
        {name: value for name, value in known.items() if value is not None},
        rate,
    )
