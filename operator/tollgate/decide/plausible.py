"""Whether a result is of what was asked for: it comes from a pod, and is believed only as far as it fits."""

from __future__ import annotations

from tollgate.api import transport, units
from tollgate.api.benchmark import Benchmark, BenchmarkResult, StageResult
from tollgate.api.counting import Counting, TokenLimit
from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.measure.search import concluded


def held_against(
    result: BenchmarkResult, profile: BenchmarkProfileSpec, wanted: Benchmark
) -> BenchmarkResult:
    """The result, with what its search found. ValueError unless it is of the profile and the limits asked for."""
    if result.profile != transport.digest(profile):
        raise ValueError("the profile was changed during the measurement: the result is of the older one")
    if result.repetition != wanted.spec.repetition:
        raise ValueError(f"the result is of repetition {result.repetition}, not {wanted.spec.repetition}")
    asked = [units.parse_duration(limit) for limit in wanted.spec.limits]
    for stage, (_, planned, repeat) in zip(result.declared, profile.runs, strict=False):
        counted = [units.parse_duration(over.limit) for over in stage.over_limit]
        said = (stage.name, stage.warm_up, stage.repeat or 1, stage.load)
        if said != (planned.name, planned.warm_up, repeat, planned.load) or counted != asked:
            raise ValueError(
                f"stage {stage.name} of the result is not what the profile and the limits ask for"
            )
        if not _as_asked(stage, wanted.spec.counting):
            raise ValueError(
                f"stage {stage.name} of the result counts other times or goals than were asked for"
            )
    turns = [stage.name for stage in profile.measured] if wanted.spec.baseline else []
    if [stage.name for stage in result.paired] != turns:
        raise ValueError("the result does not hold the turns of target and baseline that were asked for")
    if len(result.declared) != len(profile.runs):
        raise ValueError(f"the result has {len(result.declared)} stages, the profile {len(profile.runs)}")
    if profile.search is None and result.probes:
        raise ValueError("the result holds the probes of a search, and the profile asks for none")
    found = concluded(profile.search, result.probes) if profile.search else None
    stages = [stage.model_copy(update={"server": None}) for stage in result.stages]  # the operator's to say
    first = result.first_requests if profile.cold_start else None
    return result.model_copy(update={"stages": stages, "search": found, "first_requests": first})


def _as_asked(stage: StageResult, counting: Counting | None) -> bool:
    """Whether it counts what was asked for and nothing else; nothing at all where no answer was streamed."""
    asked = counting or Counting()
    times = [
        TokenLimit(time=over.time, limit=over.limit)
        for over in (stage.stream.over_limit if stage.stream else ())
    ]
    goals = [str(goal) for goal in stage.goals]
    wanted = [str(goal) for goal in asked.goals]
    return (not stage.stream or times == asked.tokens) and (not goals or goals == wanted)
