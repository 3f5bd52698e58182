"""What the server used and what the version is: energy, memory, caches, operations, size, context, start.

Sums and averages of meters come with Student's bounds, from how much the stretches between scrapes differ. A peak is
what was seen at a scrape: no bound is told for what was not. What is declared is taken at its word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from tollgate.api import units
from tollgate.api.benchmark import StageResult
from tollgate.api.dimension import Metric, Per
from tollgate.api.facts import EnergyTerms, annotation
from tollgate.api.objective import Objective
from tollgate.api.server_side import ServerReadings
from tollgate.api.verdict import Reason
from tollgate.decide.estimates import Alpha, Estimate, Loaded, NoEstimate
from tollgate.decide.rate_estimates import all_tokens, answered, tokens_of_an_answer, units_of

_FEWEST_STRETCHES = 4
_JOULES_OF_A_KWH = 3.6e6
_SECONDS_OF_THE_API_SERVER = 1.0
"""Start times are told in whole seconds: a difference of two may be off by one."""


def energy(o: Objective, stage: StageResult, pods: Loaded, alpha: Alpha) -> Estimate | NoEstimate:
    """Joules, or grams of CO2e, for what `per` counts."""
    rate = units_of(o, stage, alpha.halved.turned)
    if isinstance(rate, NoEstimate):
        return rate
    watts = _watts(o, stage, pods.facts.energy, alpha.halved)
    if isinstance(watts, NoEstimate):
        return watts
    used = watts.over(rate)
    if units.parse_energy_limit(o.limit).kind == "joules":
        return used
    grid = pods.facts.energy.grams_per_kwh
    if grid is None:
        return NoEstimate(
            "the grid intensity is not known: set energy.gramsPerKWh in the operator's configuration"
        )
    return used.times(float(grid) / _JOULES_OF_A_KWH)


def _watts(o: Objective, stage: StageResult, terms: EnergyTerms, alpha: Alpha) -> Estimate | NoEstimate:
    metered = _per_second(stage, "energy", lambda text: units.parse_energy(text), alpha)
    divided = stage.server.attribution if stage.server else None
    if isinstance(metered, Estimate) and divided:
        return _of_shared_gpus(o, metered, divided)
    if isinstance(metered, Estimate) or metered.reason is Reason.TOO_FEW_SCRAPES:
        return metered
    if o.measured:
        return NoEstimate(f"{metered.why}; and measured asks for a meter", Reason.ESTIMATED)
    if terms.watts_per_core is None:
        return NoEstimate(
            f"{metered.why}; or set energy.wattsPerCore in the operator's configuration for an estimate from CPU "
            "seconds"
        )
    busy = _per_second(stage, "cpu_seconds", lambda text: units.parse_duration(text), alpha)
    if isinstance(busy, NoEstimate):
        return NoEstimate(f"{metered.why}; nor can it be estimated: {busy.why}", busy.reason)
    estimated = busy.times(float(terms.watts_per_core))
    return replace(estimated, estimated="CPU seconds")


def _of_shared_gpus(o: Objective, metered: Estimate, divided: str) -> Estimate | NoEstimate:
    """How a GPU is divided among pods is declared, and no meter tells it."""
    if not o.measured:
        return replace(metered, estimated=f"the share of a GPU: {divided}")
    return NoEstimate(
        f"the pods share GPUs ({divided}), so their energy is an estimate, and measured asks for a meter: give them "
        "whole GPUs",
        Reason.ESTIMATED,
    )


def memory(stage: StageResult, field: str) -> Estimate | NoEstimate:
    """Bytes, by the field of the readings."""
    return _reading(stage, field, lambda text: float(units.parse_memory(text)))


def fullest(stage: StageResult) -> Estimate | NoEstimate:
    """The fraction of a KV cache that was full."""
    return _reading(stage, "peak_kv_cache", lambda text: float(units.parse_percent(text)))


def busy_gpus(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """How busy GPUs were on average, as a fraction."""
    seen = _reading(stage, "gpu_utilization", lambda text: float(units.parse_percent(text)))
    return seen if isinstance(seen, NoEstimate) else _bounded(seen.value, stage, "gpu_utilization", alpha)


def compute(o: Objective, stage: StageResult, pods: Loaded, alpha: Alpha) -> Estimate | NoEstimate:
    """Operations for a request or a token: as the server estimates them, or as declared."""
    achieved = _operations(stage, alpha.halved)
    if isinstance(achieved, Estimate):
        rate = _of_compute(o, stage, alpha.halved.turned)
        return rate if isinstance(rate, NoEstimate) else achieved.over(rate)
    if achieved.reason is Reason.TOO_FEW_SCRAPES:
        return achieved
    field = "flops_per_token" if o.per is Per.TOKEN else "flops_per_request"
    said = pods.facts.declared.read(field, units.parse_flops)
    return _declared(said, f"{achieved.why}; and {{}}")


def _of_compute(o: Objective, stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    """Requests, or tokens of inputs and outputs, per second."""
    found = all_tokens(stage, alpha) if o.per is Per.TOKEN else answered(stage, alpha)
    if isinstance(found, Estimate) and found.low <= 0:
        return NoEstimate("nothing was answered, so what one answer takes is not known")
    return found


def flops_utilization(stage: StageResult, pods: Loaded, alpha: Alpha) -> Estimate | NoEstimate:
    """Achieved operations a second over those that all pods can do."""
    peak = _declared(pods.facts.declared.read("peak_flops", units.parse_flops))
    if isinstance(peak, NoEstimate):
        return peak
    achieved = _operations(stage, alpha)
    if isinstance(achieved, NoEstimate) and achieved.reason is not Reason.TOO_FEW_SCRAPES:
        achieved = _declared_operations(stage, pods, achieved.why, alpha)
    return achieved if isinstance(achieved, NoEstimate) else achieved.times(1 / (peak.value * pods.pods))


def _declared_operations(
    stage: StageResult, pods: Loaded, unmetered: str, alpha: Alpha
) -> Estimate | NoEstimate:
    of_version = pods.facts.declared
    if of_version.flops_per_token:
        each = _declared(of_version.read("flops_per_token", units.parse_flops))
        rate = all_tokens(stage, alpha)
    else:
        each = _declared(of_version.read("flops_per_request", units.parse_flops), f"{unmetered}; and {{}}")
        rate = answered(stage, alpha)
    if isinstance(each, NoEstimate):
        return each
    return rate if isinstance(rate, NoEstimate) else rate.times(each.value)


def _operations(stage: StageResult, alpha: Alpha) -> Estimate | NoEstimate:
    return _per_second(stage, "flops", lambda text: units.parse_flops(text), alpha)


def parameters(o: Objective, pods: Loaded) -> Estimate | NoEstimate:
    """Parameters, or bytes of the artifact, whichever the limit is of."""
    of_files = units.parse_model_size(o.limit).kind == "bytes"
    field = "artifact_size" if of_files else "parameters"
    said = pods.facts.declared.read(field, units.parse_model_size)
    if isinstance(said, units.Amount) and (said.kind == "bytes") is not of_files:
        return NoEstimate(f"annotation {annotation(field)} of the pod template is not a number of {field}")
    return _declared(said)


def context(stage: StageResult, pods: Loaded, alpha: Alpha) -> Estimate | NoEstimate:
    """Tokens of a request over those of the context window, on average."""
    window = _declared(pods.facts.declared.read("context_window", units.parse_tokens))
    if isinstance(window, NoEstimate):
        return window
    each = tokens_of_an_answer(stage, Metric.TOTAL, alpha)
    return each if isinstance(each, NoEstimate) else each.times(1 / window.value)


def cold_start(pods: Loaded) -> Estimate | NoEstimate:
    """Seconds from a pod's node to Ready, of the slowest pod."""
    starts = pods.facts.starts
    if starts is None:
        return NoEstimate("how the pods started was not told: set coldStart in the BenchmarkProfile")
    if starts.from_scheduling is None:
        return NoEstimate(
            f"the start of {starts.restarted} pods is not known, as a container of theirs had restarted"
            if starts.restarted
            else "the API server does not tell when each of the pods had a node and was ready"
        )
    seconds = float(units.parse_duration(starts.from_scheduling.worst))
    off = _SECONDS_OF_THE_API_SERVER
    return Estimate(seconds, max(0.0, seconds - off), seconds + off)


def _declared(said: Decimal | units.Amount | str, sentence: str = "{}") -> Estimate | NoEstimate:
    if isinstance(said, str):
        return NoEstimate(sentence.format(said))
    value = float(said.value if isinstance(said, units.Amount) else said)
    return Estimate.exactly(value) if value > 0 else NoEstimate(sentence.format("what is declared is 0"))


def _reading(stage: StageResult, field: str, parse: Callable[[str], float]) -> Estimate | NoEstimate:
    server = stage.server
    value = getattr(server, field) if server else None
    return Estimate.exactly(parse(value)) if value is not None else NoEstimate(_unread(server, field))


def _per_second(
    stage: StageResult, field: str, parse: Callable[[str], Decimal], alpha: Alpha
) -> Estimate | NoEstimate:
    """A sum over the steady part, a second of it."""
    seen = _reading(stage, field, lambda text: float(parse(text)))
    if isinstance(seen, NoEstimate):
        return seen
    if stage.steady is None:
        return NoEstimate("how long the steady part was is not on record")
    seconds = (stage.steady.until - stage.steady.since).total_seconds()
    found = _bounded(seen.value / seconds, stage, field, alpha)
    if isinstance(found, Estimate) and stage.server is not None and stage.server.restarts:
        return Estimate(found.value, found.low, float("inf"))  # what was counted before a restart is lost
    return found


def _bounded(value: float, stage: StageResult, field: str, alpha: Alpha) -> Estimate | NoEstimate:
    server, name = stage.server, _name(field)
    if server is None or name not in server.errors or server.intervals < _FEWEST_STRETCHES:
        known = server.intervals if server else 0
        return NoEstimate(
            f"{known} stretches between scrapes do not show how {name} varies, {_FEWEST_STRETCHES} do: make the stage "
            "longer, or scrape more often",
            Reason.TOO_FEW_SCRAPES,
        )
    return Estimate.student(value, value * float(server.errors[name]), server.intervals - 1, alpha)


def _unread(server: ServerReadings | None, field: str) -> str:
    name = _name(field)
    if server is None:
        return f"{name} was not read: name a meter for it under server in the MetricProfile"
    return (
        server.unknown.get(name)
        or server.unknown.get("all")
        or (f"{name} was not read: name a meter for it under server in the MetricProfile")
    )


def _name(field: str) -> str:
    return str(ServerReadings.model_fields[field].alias)
