"""From what answers told to the fields of a `StageResult`: times of tokens, tokens, outcomes, exit stages. Pure.

time per output token = (last token - first token) / (tokens - 1), as vLLM, inference-perf and MLPerf define it: the
first token is not in it, nor what comes after the last one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.answers import StreamResult, TokenCounts, TokenTimes
from tollgate.bench.answer import OTHER
from tollgate.bench.audit import nearest_rank
from tollgate.bench.histogram import TimeHistogram
from tollgate.bench.records import StageRun
from tollgate.bench.sketch import sketch
from tollgate.bench.told import UNTOLD, Told

_STAGES = 16  # exit stages that are told apart
_PER_MILLE = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "max": 1000}

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def summarize_told(run: StageRun, good: Bools, begun: Floats, seconds: float) -> dict[str, Any]:
    """Fields of a `StageResult`; none where answers were not asked for more than a prediction.

    `good` says which requests were answered, `begun` from when the latency of each runs, in seconds since the stage's
    start; `seconds` is how long answers came.
    """
    told = run.told
    if told is None:
        return {}
    accepted = told.accepted[good & (told.accepted != UNTOLD)]
    return {
        "accepted": int(accepted.sum()) if len(accepted) else None,
        "exit_stages": _stages(told),
        "tokens": _tokens(told, good, seconds),
        "stream": _stream(told, good, begun, run.timeout),
    }


def _stages(told: Told) -> dict[str, int]:
    """The most frequent ones; the rest together."""
    named = [(stage, count) for stage, count in told.exit_stages.most_common() if stage != OTHER]
    kept = dict(sorted(named[:_STAGES]))
    rest = told.exit_stages.total() - sum(kept.values())
    return kept | ({OTHER: rest} if rest else {})


def _tokens(told: Told, good: Bools, seconds: float) -> TokenCounts | None:
    """A sum is only told if each good answer tells its share: one that is too small would look like a slow server."""
    read, made = (_sum(tokens[good]) for tokens in (told.input, told.output))
    if read is None and made is None:
        return None
    return TokenCounts(
        input=read,
        output=made,
        estimated=int(np.count_nonzero(told.estimated[good])),
        rate=None if made is None else units.format_token_rate(made / seconds),
    )


def _sum(tokens: NDArray[np.int32]) -> int | None:
    return int(tokens.sum(dtype=np.int64)) if len(tokens) and (tokens != UNTOLD).all() else None


def _stream(told: Told, good: Bools, begun: Floats, timeout: float) -> StreamResult | None:
    streamed = good & ~np.isnan(told.first)
    if not streamed.any():
        return None
    first = np.where(good, told.first - begun, timeout)
    timed = streamed & (told.output > 1) & (told.chunks > 1)
    per_token = (told.last[timed] - told.first[timed]) / (told.output[timed] - 1)
    return StreamResult(
        streams=int(np.count_nonzero(streamed)),
        timed=int(np.count_nonzero(timed)),
        chunks=int(told.chunks[streamed].sum(dtype=np.int64)),
        time_to_first_token=_times(first, first[streamed]),
        time_per_output_token=_times(per_token, per_token) if len(per_token) else None,
        inter_token_latency=_gaps(told.gaps) if len(told.gaps) else None,
    )


def _times(times: Floats, averaged: Floats) -> TokenTimes:
    quantiles = {name: units.format_duration(nearest_rank(times, n)) for name, n in _PER_MILLE.items()}
    return TokenTimes(mean=units.format_duration(float(averaged.mean())), sketch=sketch(times), **quantiles)


def _gaps(gaps: TimeHistogram) -> TokenTimes:
    quantiles = {name: units.format_duration(gaps.quantile(n)) for name, n in _PER_MILLE.items()}
    return TokenTimes(mean=units.format_duration(gaps.total / len(gaps)), **quantiles)
