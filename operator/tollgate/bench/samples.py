"""From the record of a stage to each of its requests as a file holds them: whole microseconds. Pure."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from tollgate.api.benchmark import StageResult
from tollgate.api.document import Ended, StageSamples
from tollgate.bench.records import Outcome, StageRun

_WORDS = {outcome.value: cast(Ended, outcome.name.lower()) for outcome in Outcome}


def samples_of(stage: StageResult, run: StageRun) -> StageSamples:
    """Every request of a stage of the result, in the order in which they were due."""
    sent = _micros(np.nan_to_num(run.sent)).tolist()
    never = np.isnan(run.sent).tolist()
    return StageSamples.model_construct(  # a million checks of what was made here would only take time
        name=stage.name,
        repeat=stage.repeat,
        scheduled=_micros(run.schedule.due).tolist(),
        sent=[None if missing else at for at, missing in zip(sent, never, strict=True)],
        ended=_micros(run.ended).tolist(),
        outcome=[_WORDS[code] for code in run.outcome.tolist()],
        input=run.schedule.items.tolist(),
        correct=_correct(run) if run.scored.any() else None,
    )


def _correct(run: StageRun) -> list[bool | None]:
    pairs = zip(run.correct.tolist(), run.scored.tolist(), strict=True)
    return [right if scored else None for right, scored in pairs]


def _micros(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(seconds * 1e6).astype(np.int64)
