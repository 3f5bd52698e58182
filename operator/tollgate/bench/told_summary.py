"""From what answers told to the fields of a `StageResult`: tokens, outcomes, exit stages. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tollgate.api import units
from tollgate.api.answers import TokenCounts
from tollgate.api.counting import NOTHING_MORE, Counting
from tollgate.bench.answer import OTHER
from tollgate.bench.records import StageRun
from tollgate.bench.token_times import Bools, Floats, Ints, goal_met, stream_result, token_times
from tollgate.bench.told import UNTOLD, Told

_STAGES = 16  # exit stages that are told apart


def summarize_told(
    run: StageRun,
    good: Bools,
    begun: Floats,
    seconds: float,
    counting: Counting = NOTHING_MORE,
    blocks: tuple[int, Ints] | None = None,
) -> dict[str, Any]:
    """Fields of a `StageResult`; none where answers were not asked for more than a prediction.

    `good` says which requests were answered, `begun` from when the latency of each runs, in seconds since the stage's
    start; `seconds` is how long answers came. `blocks` is the number of blocks of time, and the one of each request.
    """
    told = run.told
    if told is None:
        return {}
    accepted = told.accepted[good & (told.accepted != UNTOLD)]
    times = token_times(told, good, begun)
    return {
        "accepted": int(accepted.sum()) if len(accepted) else None,
        "exit_stages": _stages(told),
        "tokens": _tokens(told, good, seconds),
        "stream": times and stream_result(times, told, run.timeout, counting.tokens, blocks),
        "goals": [goal_met(goal, times, run, good, begun) for goal in counting.goals] if times else [],
    }


def _stages(told: Told) -> dict[str, int]:
    """The most frequent ones; the rest together."""
    named = [(stage, count) for stage, count in told.exit_stages.most_common() if stage != OTHER]
    kept = dict(sorted(named[:_STAGES]))
    rest = told.exit_stages.total() - sum(kept.values())
    return kept | ({OTHER: rest} if rest else {})


def _tokens(told: Told, good: Bools, seconds: float) -> TokenCounts | None:
    """A sum is only told if each good answer tells its share: one that is too small would look like a slow server."""
    read, made = told.input[good], told.output[good]
    inputs, outputs = _sum(read), _sum(made)
    if inputs is None and outputs is None:
        return None
    both = inputs is not None and outputs is not None
    return TokenCounts(
        input=inputs,
        output=outputs,
        input_deviation=_deviation(read) if inputs is not None else "",
        output_deviation=_deviation(made) if outputs is not None else "",
        total_deviation=_deviation(read.astype(np.int64) + made) if both else "",
        estimated=int(np.count_nonzero(told.estimated[good])),
        rate=None if outputs is None else units.format_token_rate(outputs / seconds),
    )


def _sum(tokens: NDArray[np.int32]) -> int | None:
    return int(tokens.sum(dtype=np.int64)) if len(tokens) and (tokens != UNTOLD).all() else None


def _deviation(tokens: NDArray[Any]) -> str:
    return units.format_number(float(np.std(tokens, ddof=1)), 6) if len(tokens) > 1 else ""
