"""Files of aiperf, as its versions 0.4 to 0.13 write them.

`profile_export.jsonl` has a line for each request: `metadata.request_start_ns` and `request_end_ns` since the epoch,
`credit_issued_ns` (when the pacer let it go, in later versions: it is due then), `benchmark_phase` and `error`.
`profile_export_aiperf.json` is a summary, in milliseconds.
"""

from __future__ import annotations

from typing import Any

from tollgate.bench.records import Outcome
from tollgate.foreign.reading import needed, number, part, text
from tollgate.foreign.stages import Foreign, Request, Summary, kind_of

_NAMES = {"p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "max": "max"}
_UNITS = {"ms": 1e-3, "sec": 1.0, "s": 1.0, "us": 1e-6, "ns": 1e-9}


def read(document: Any) -> list[Foreign | Summary]:
    """The stages of a file: of lines the phases, of a summary one. ValueError where it is not such a file."""
    if isinstance(document, list):
        return _phases(document)
    if part(document, "request_latency") is None:
        raise ValueError(
            "it has no request_latency: it is neither profile_export.jsonl nor profile_export_aiperf.json of aiperf"
        )
    return [_summary(document)]


def version(document: Any) -> str:
    """The version of aiperf, where the file tells it."""
    return text(document, "aiperf_version")


def _phases(lines: list[Any]) -> list[Foreign | Summary]:
    phases: dict[str, list[Request]] = {}
    for order, line in enumerate(lines, start=1):
        phase = text(line, "metadata", "benchmark_phase") or "profiling"
        phases.setdefault(phase, []).append(_request(f"line {order}", line))
    if "profiling" not in phases:
        raise ValueError("no line is of the phase profiling: there is nothing that could be judged")
    return [
        Foreign(phase, phases[phase], warm_up=phase != "profiling") for phase in sorted(phases, reverse=True)
    ]


def _request(where: str, line: Any) -> Request:
    metadata, error = part(line, "metadata"), part(line, "error")
    code = number(error, "code")
    outcome = Outcome.ANSWERED
    if error is not None:
        words = f"{text(error, 'type')} {text(error, 'message')}"
        outcome = kind_of(words, int(code) if code else None)
    elif part(metadata, "was_cancelled") is True:
        outcome = Outcome.CANCELLED
    due = number(metadata, "credit_issued_ns")
    return Request(
        due / 1e9 if due is not None else None,
        needed(where, metadata, "request_start_ns") / 1e9,
        needed(where, metadata, "request_end_ns") / 1e9,
        outcome,
    )


def _summary(document: Any) -> Summary:
    where = "the file"
    latency = part(document, "request_latency")
    unit = text(latency, "unit")
    if unit not in _UNITS:
        raise ValueError(f"{where} has request_latency in {unit!r}, not in one of {', '.join(_UNITS)}")
    scale = _UNITS[unit]
    errors = int(number(document, "error_request_count", "avg") or 0)
    answered = int(needed(where, document, "request_count", "avg"))
    known = {name: number(latency, key) for name, key in _NAMES.items()}
    return Summary(
        "profiling",
        answered + errors,
        errors,
        needed(where, document, "benchmark_duration", "avg"),
        needed(where, latency, "avg") * scale,
        {name: value * scale for name, value in known.items() if value is not None},
    )
