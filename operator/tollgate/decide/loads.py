"""Which loads can certify what: not every stage that is measured has what a certificate assumes.

The certificate is a test on a number of requests that was fixed beforehand, each of which says something of its own.

- Poisson and Constant: as good as that, with busy periods that are short against the stage.
- Burst, Ramp and Surge: the slow requests share one queue, and stand or fall together. A thousand of them are one
  observation of a burst, or of the rate at which the server gave in.
- Trace: what users did, bursts and ramps and all, and how far its requests share queues nobody knows.
- Closed loop: a server that stands still is sent nothing meanwhile, so the slow and the failed requests are fewer than
  what a user would have met. What it answers is still right or wrong, so that is judged where their number was fixed.
- Search: goes on until the server does not hold it, by design; its probes are no stages of the profile.
- Closed loop for a duration: the faster the answers, the more there are of them: not even the number is fixed.
"""

from __future__ import annotations

from tollgate.api.load import Load
from tollgate.api.objective import Dimension, Objective

_OF_ANSWERS = (
    Dimension.QUALITY,
    Dimension.CALIBRATION_ERROR,
    Dimension.TOKENS,
    Dimension.CONTEXT_UTILIZATION,
    Dimension.EXIT_DEPTH,
    Dimension.EXPERT_IMBALANCE,
)

_WHY = {
    Load.BURST: "the requests of a burst share one queue",
    Load.RAMP: "the requests of a ramp share one queue",
    Load.SURGE: "the requests of a surge, and those behind it, share one queue",
    Load.TRACE: "the requests of a trace come as they once did, many together",
    Load.CLOSED: "a closed loop sends nothing while the server stands still",
    Load.CLOSED_FOR_DURATION: "a closed loop for a duration has no number of requests that is fixed beforehand",
}


def certifies(o: Objective, stage: str, load: Load | None) -> bool:
    """Whether a stage of that name and load is judged by the objective; else it is measured and reported."""
    if o.stage not in (None, stage):
        return False
    if o.shape.of_version:
        return True
    return load is None or (load is Load.CLOSED and o.dimension in _OF_ANSWERS and o.within is None)


def why_not(o: Objective, stages: dict[str, Load | None]) -> str:
    """Why none of these stages, by name, can be judged by the objective, and what to do."""
    if o.stage is not None and o.stage not in stages:
        return f"no measured stage is called {o.stage} (there are {', '.join(stages) or 'none'}): name one of them"
    if o.stage is not None:
        stages = {o.stage: stages[o.stage]}
    if not stages:
        return "the benchmark has no measured stage: add one of arrival Poisson or Constant"
    reasons = [f"{name} is only reported, as {_WHY[load]}" for name, load in stages.items() if load]
    return f"stage {'; stage '.join(reasons)}: add a stage of arrival Poisson or Constant"
