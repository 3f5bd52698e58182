"""What answers told and what the server used, of several measurements of the same, as one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from tollgate.api import units
from tollgate.api.answers import StreamResult, TokenCounts
from tollgate.api.benchmark import MOST_EXITS, StageResult
from tollgate.api.quantities import summed
from tollgate.api.server_side import ServerReadings
from tollgate.api.variability import Variability

_NO_TIME = timedelta()


def exits(stages: Sequence[StageResult]) -> dict[str, int]:
    """Those of all; none where that are more than a result holds apart."""
    total = sum((Counter(stage.exit_stages) for stage in stages), Counter[str]())
    return dict(sorted(total.items())) if len(total) <= MOST_EXITS else {}


def variability(stages: Sequence[StageResult]) -> Variability | None:
    """The share of the variance that is between inputs, on average. The rest is left out: each holds its own.

    All of them met the same inputs, so their errors may go together: that of the average is the average of theirs.
    """
    told = [stage.variability for stage in stages if stage.variability is not None]
    if len(told) < len(stages) or not all(one.share and one.share_error for one in told):
        return None
    share, error = (
        math.fsum(float(value) for value in some) / len(told)
        for some in ([one.share for one in told], [one.share_error for one in told])
    )
    return Variability(
        inputs=max(one.inputs for one in told),
        repeated=max(one.repeated for one in told),
        share=units.format_number(share),
        share_error=units.format_number(error),
        groups=min(one.groups for one in told),
    )


def tokens(stages: Sequence[StageResult]) -> TokenCounts | None:
    """Sums, and the deviation over all answers. None where one of the stages tells no tokens."""
    told = [stage.tokens for stage in stages if stage.tokens is not None]
    if len(told) < len(stages):
        return None
    answers = [stage.requests - stage.errors for stage in stages]
    inputs, outputs = (summed([t.input for t in told]), summed([t.output for t in told]))
    both = [t.input + t.output if t.input is not None and t.output is not None else None for t in told]
    return TokenCounts(
        input=inputs,
        output=outputs,
        input_deviation=_deviation(answers, [t.input for t in told], [t.input_deviation for t in told]),
        output_deviation=_deviation(answers, [t.output for t in told], [t.output_deviation for t in told]),
        total_deviation=_deviation(answers, both, [t.total_deviation for t in told]),
        estimated=sum(t.estimated for t in told),
    )


def _deviation(answers: Sequence[int], sums: Sequence[int | None], deviations: Sequence[str]) -> str:
    """Of all answers together, from the sums and deviations of each part."""
    if any(n < 1 for n in answers) or None in sums or not all(deviations):
        return ""
    n, total = sum(answers), sum(s or 0 for s in sums)
    squares = math.fsum(
        (k - 1) * float(deviation) ** 2 + k * ((s or 0) / k - total / n) ** 2
        for k, s, deviation in zip(answers, sums, deviations, strict=True)
    )
    return units.format_number(math.sqrt(squares / (n - 1)), 6)


def stream(stages: Sequence[StageResult]) -> StreamResult | None:
    """How many streams, and how many of their times were over the limits: the times themselves are left out."""
    told = [stage.stream for stage in stages if stage.stream is not None]
    if len(told) < len(stages):
        return None
    return StreamResult(
        streams=sum(t.streams for t in told),
        timed=sum(t.timed for t in told),
        chunks=sum(t.chunks for t in told),
        over_limit=[
            same[0].model_copy(
                update={name: sum(getattr(over, name) for over in same) for name in ("of", "least", "most")}
            )
            for same in zip(*(t.over_limit for t in told), strict=False)
        ],
    )


def used(stages: Sequence[StageResult]) -> dict[str, object]:
    """What the server used, by the longest steady part alone: readings of several are not put together."""
    known = [stage for stage in stages if stage.server is not None and stage.steady is not None]
    if len(known) < len(stages):
        return {"steady": None, "server": None}
    longest = max(
        known, key=lambda stage: stage.steady.until - stage.steady.since if stage.steady else _NO_TIME
    )
    return {"steady": longest.steady, "server": _peaks(longest.server, [stage.server for stage in known])}


def _peaks(first: ServerReadings | None, all_: Sequence[ServerReadings | None]) -> ServerReadings | None:
    """The readings of one of them, with the greatest peaks of all."""
    if first is None:
        return None
    found = {}
    for name in ("peak_memory", "peak_gpu_memory"):
        values = [value for one in all_ if one is not None and (value := getattr(one, name)) is not None]
        found[name] = max(values, key=units.parse_memory) if len(values) == len(all_) else None
    caches = [one.peak_kv_cache for one in all_ if one is not None and one.peak_kv_cache is not None]
    found["peak_kv_cache"] = max(caches, key=units.parse_percent) if len(caches) == len(all_) else None
    return first.model_copy(update=found)
