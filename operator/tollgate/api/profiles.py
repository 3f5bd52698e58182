"""`BenchmarkProfile`: what admins say about load, cluster-wide.

Paths and ports live here, so that a tenant's namespaced object never carries them.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, StringConstraints, model_validator

from tollgate.api.base import Keyed, Model, ObjectName, Rule, checked
from tollgate.api.cold_start import ColdStart
from tollgate.api.load import MOST_RUNS, NO_SUCH_PEAK, LoadStage
from tollgate.api.paired import FEWEST_REQUESTS, MOST_STAGES
from tollgate.api.protocol import TLS, Header, JMESPath, Parameter, Protocol, TokenSecret
from tollgate.api.scoring import Scoring
from tollgate.api.search import PROBE, RateSearch
from tollgate.api.sweep import Sweep


class ConfigMapKey(Model):
    """A key of a ConfigMap in the namespace of the benchmarked model."""

    name: ObjectName = Field(description="Name of the ConfigMap.")
    key: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = (
        Field("dataset.json", description="Key that holds the dataset.")
    )


class Dataset(Model):
    """Inputs with expected outputs: {"items": [{"input": ..., "expected": ...}]}."""

    config_map: ConfigMapKey = Field(
        description="Where the dataset is, in the namespace of the benchmarked model."
    )


class JobResources(Model):
    """What each worker of the load generator requests. Its memory limit is the same, its CPU limit at least a core."""

    cpu: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}m?$", max_length=8)] = Field(
        "500m", description="CPU request. The limit is one core, or this where it is more."
    )
    memory: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}(Mi|Gi)$", max_length=10)] = Field(
        "256Mi", description="Memory request and limit."
    )


_NEEDS_MODEL = "OpenInference needs model, the model's name"
_IN_A_PATH = r"^[-._a-zA-Z0-9]+$"
_NO_PATH = "OpenInference sends the model's name in a path: no slash and no colon"
_NEEDS_PATH = "JSON needs path, such as /predict"
_NEEDS_SERVED_MODEL = "OpenAIChat and OpenAICompletions need model, the name under which the server serves it"
_OPENAI_FIELDS = ("model", "messages", "prompt", "stream", "stream_options", "n")
_SET_BY_PROTOCOL = f"parameters must not set {', '.join(_OPENAI_FIELDS)}: the protocol does"
_ONE_POD = (
    "several pods add up latencies, errors and what was right or accepted: with an OpenAI protocol, outputTokens, "
    "inputTokens or exitStage set pods to 1, and raise workers"
)
_CLOSED_IN_ONE_POD = (
    "a closed loop (concurrency, or the scenarios SingleStream, MultiStream and Offline) is kept by one pod: set pods "
    "to 1, and raise workers"
)
_SURGE_FROM_ONE_POD = "a surge is sent, and its recovery seen, by one pod: set pods to 1, and raise workers"
_TOO_MANY_RUNS = (
    f"a benchmark has room for {MOST_RUNS} runs of stages, repeats and probes of a search counted: use fewer"
)
_NEEDS_MEASURED_STAGE = "at least one stage must not be warmUp, or there must be a search"
_SEARCH_IN_ONE_POD = "each probe of a search depends on the one before: set pods to 1, and raise workers"
_NAMED_AS_A_PROBE = (
    f"a name that begins with {PROBE} is that of a probe of the search: call the stage otherwise"
)


_SWEEPS_ONE_STAGE = (
    "a sweep varies one stage: a profile with a sweep has a single one that is not warmUp, with a rate or a "
    "concurrency, and without repeats, peak, surge, burst, ramp or trace"
)
_A_STEADY_LOAD = (
    "!has(s.repeats) && !has(s.trace) && !has(s.peak) && !has(s.surge) && !has(s.toRate) && !has(s.burst)"
)


class Run(NamedTuple):
    """A run of a stage: the stage's place in the profile, and which of its repeats it is, from 1."""

    number: int
    stage: LoadStage
    repeat: int


class BenchmarkProfileSpec(Model):
    """How to load a model."""

    model_config = checked(
        Rule("self.protocol != 'OpenInference' || has(self.model)", _NEEDS_MODEL),
        Rule(
            f"self.protocol != 'OpenInference' || !has(self.model) || self.model.matches('{_IN_A_PATH}')",
            _NO_PATH,
        ),
        Rule("self.protocol != 'JSON' || has(self.path)", _NEEDS_PATH),
        Rule("!self.protocol.startsWith('OpenAI') || has(self.model)", _NEEDS_SERVED_MODEL),
        Rule(
            "!self.protocol.startsWith('OpenAI') || !has(self.parameters) || "
            f"!self.parameters.exists(p, p.name in {list(_OPENAI_FIELDS)})",
            _SET_BY_PROTOCOL,
        ),
        Rule(
            "!has(self.pods) || self.pods < 2 || !(self.protocol.startsWith('OpenAI') || has(self.outputTokens) || "
            "has(self.inputTokens) || has(self.exitStage))",
            _ONE_POD,
        ),
        Rule(
            "!has(self.pods) || self.pods < 2 || !self.stages.exists(s, has(s.concurrency) || "
            "(has(s.scenario) && s.scenario != 'Server'))",
            _CLOSED_IN_ONE_POD,
        ),
        Rule(
            "self.stages.map(s, has(s.repeats) ? s.repeats : 1).sum() + "
            f"(has(self.search) ? self.search.probes : 0) <= {MOST_RUNS}",
            _TOO_MANY_RUNS,
        ),
        Rule(
            "self.stages.all(s, !has(s.peak) || self.stages.exists(o, o.name == s.peak.of && has(o.rate) && "
            "!has(o.toRate)))",
            NO_SUCH_PEAK,
        ),
        Rule("!has(self.pods) || self.pods < 2 || !self.stages.exists(s, has(s.surge))", _SURGE_FROM_ONE_POD),
        Rule("has(self.search) || self.stages.exists(s, !has(s.warmUp) || !s.warmUp)", _NEEDS_MEASURED_STAGE),
        Rule("!has(self.search) || !has(self.pods) || self.pods < 2", _SEARCH_IN_ONE_POD),
        Rule(f"!has(self.search) || !self.stages.exists(s, s.name.startsWith('{PROBE}'))", _NAMED_AS_A_PROBE),
        Rule(
            "!has(self.sweep) || (self.stages.filter(s, !has(s.warmUp) || !s.warmUp).size() == 1 && "
            f"self.stages.all(s, (has(s.warmUp) && s.warmUp) || ({_A_STEADY_LOAD})))",
            _SWEEPS_ONE_STAGE,
        ),
    )

    protocol: Protocol = Field(
        description="OpenInference (POST /v2/models/MODEL/infer), JSON (POST to path), OpenAIChat "
        "(POST /v1/chat/completions) or OpenAICompletions (POST /v1/completions)."
    )
    port: int = Field(ge=1, le=65535, description="Port of the model server in its pod.")
    model: (
        Annotated[str, StringConstraints(pattern=r"^[-._:/a-zA-Z0-9]+$", min_length=1, max_length=128)] | None
    ) = Field(None, description="The model's name. JSON has none.")
    path: Annotated[str, StringConstraints(pattern=r"^/[-._~a-zA-Z0-9/]*$", max_length=253)] | None = Field(
        None, description="JSON: path that takes the POST. OpenAI: another path than the usual one."
    )
    input_name: Annotated[
        str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$", min_length=1, max_length=128)
    ] = Field("input", description="Name of the input: of the tensor (OpenInference) or of the field (JSON).")
    datatype: Literal["BOOL", "INT32", "INT64", "FP32", "FP64", "BYTES"] = Field(
        "FP32", description="OpenInference: datatype of the input tensor."
    )
    stream: bool = Field(
        True, description="OpenAI: answers are streamed, and the time of each token is measured."
    )
    parameters: Annotated[list[Parameter], Field(max_length=16), Keyed("name")] = Field(
        default_factory=list,
        description="More fields of each request: of the body (JSON, OpenAI) or of its parameters (OpenInference).",
    )
    prediction: JMESPath | None = Field(
        None,
        description="JMESPath of the prediction in the answer. Default: outputs[0].data[0] for "
        "OpenInference, prediction for JSON, the generated text for OpenAI.",
    )
    output_tokens: JMESPath | None = Field(
        None,
        description="JMESPath of the number of generated tokens in the answer. Default: usage.completion_tokens for "
        "OpenAI, counted by chunks where the answer does not hold it.",
    )
    input_tokens: JMESPath | None = Field(
        None,
        description="JMESPath of the number of tokens of the input in the answer. Default: usage.prompt_tokens for "
        "OpenAI.",
    )
    accepted: JMESPath | None = Field(
        None, description="JMESPath of whether the outcome was accepted: true or false in the answer."
    )
    exit_stage: JMESPath | None = Field(
        None,
        description="JMESPath of the stage at which the model was done: a number or a word in the answer. With a "
        "bearerToken only numbers up to 999 are told apart.",
    )
    scoring: Scoring | None = Field(
        None,
        description="How predictions are held against what the dataset expects, and what is counted of them. Default: "
        "equal as JSON.",
    )
    tls: TLS | None = Field(None, description="The server is spoken to over TLS. Default: plain HTTP.")
    bearer_token: TokenSecret | None = Field(
        None,
        description="Secret in the namespace of the benchmarked model whose token is sent to it. Nothing but the "
        "load generator's pod reads it.",
    )
    headers: Annotated[list[Header], Field(max_length=16), Keyed("name")] = Field(
        default_factory=list, description="Headers of every request."
    )
    dataset: Dataset = Field(description="Inputs with expected outputs.")
    stages: Annotated[list[LoadStage], Field(min_length=1, max_length=8), Keyed("name")] = Field(
        description="The load, in order."
    )
    search: RateSearch | None = Field(
        None,
        description="After the stages: a search for the highest rate at which an objective is certified. It is "
        "reported, and no budget judges it.",
    )
    sweep: Sweep | None = Field(
        None,
        description="The grid of operating points that a Benchmark with a sweep measures. A benchmark without one, as "
        "before a release, measures the stages as they are.",
    )
    cold_start: ColdStart | None = Field(
        None,
        description="Tell how long the loaded pods took to become ready, and the latency of the first requests they "
        "were sent; several pods of the load generator do not tell those. Reported, and no budget judges it.",
    )
    timeout_seconds: int = Field(
        10, ge=1, le=3600, description="A request without its whole answer by then has failed."
    )
    connect_timeout_seconds: int | None = Field(
        None, ge=1, le=300, description="A request without a connection by then has failed."
    )
    idle_timeout_seconds: int | None = Field(
        None, ge=1, le=3600, description="A request of whose answer nothing came for so long has failed."
    )
    seed: int = Field(1, ge=0, le=2147483647, description="Seed of arrivals and of the order of the inputs.")
    deadline_seconds: int = Field(
        900,
        ge=10,
        le=86400,
        description="The whole benchmark, with the start of its pods, must be done by then.",
    )
    ttl_seconds: int = Field(3600, ge=60, le=604800, description="How long the finished Job is kept.")
    resources: JobResources = Field(
        default_factory=JobResources,
        description="Requests and limits of one worker of the load generator; its pod has them for all its workers.",
    )
    workers: int = Field(
        1,
        ge=1,
        le=16,
        description="Processes that send the load together in one pod, each on a core of its own. One holds some "
        "1,000 requests a second; a stage that is ClientLimited by its CPU needs more.",
    )
    pods: int = Field(
        1,
        ge=1,
        le=16,
        description="Pods that send the load together, where one machine cannot. Each sends its share of every stage "
        "from the same moment, so the clocks of the nodes must agree (NTP). One that is lost leaves all stages "
        "inconclusive. Percentiles are then told to the width of a bin; counts at limits stay exact.",
    )
    start_seconds: int = Field(
        60,
        ge=5,
        le=3600,
        description="With several pods: they begin so long after their Job was made, by when all must be running.",
    )

    @model_validator(mode="after")
    def _complete(self) -> BenchmarkProfileSpec:
        if self.protocol is Protocol.OPEN_INFERENCE and self.model is None:
            raise ValueError(_NEEDS_MODEL)
        if self.protocol is Protocol.OPEN_INFERENCE and not re.search(_IN_A_PATH, self.model or ""):
            raise ValueError(_NO_PATH)
        if self.protocol is Protocol.JSON and self.path is None:
            raise ValueError(_NEEDS_PATH)
        if self.protocol.is_openai and self.model is None:
            raise ValueError(_NEEDS_SERVED_MODEL)
        if self.protocol.is_openai and any(p.name in _OPENAI_FIELDS for p in self.parameters):
            raise ValueError(_SET_BY_PROTOCOL)
        told = (self.output_tokens, self.input_tokens, self.exit_stage)
        if self.pods > 1 and (self.protocol.is_openai or any(told)):
            raise ValueError(_ONE_POD)
        if self.pods > 1 and any(stage.closed for stage in self.stages):
            raise ValueError(_CLOSED_IN_ONE_POD)
        if self.pods > 1 and any(stage.surge for stage in self.stages):
            raise ValueError(_SURGE_FROM_ONE_POD)
        for stage in self.stages:
            stage.resolve_peak(self.stages)
        if len(self.runs) + (self.search.probes if self.search else 0) > MOST_RUNS:
            raise ValueError(_TOO_MANY_RUNS)
        if not self.measured and self.search is None:
            raise ValueError(_NEEDS_MEASURED_STAGE)
        if self.search and self.pods > 1:
            raise ValueError(_SEARCH_IN_ONE_POD)
        if self.search and any(stage.name.startswith(PROBE) for stage in self.stages):
            raise ValueError(_NAMED_AS_A_PROBE)
        if self.sweep and not (len(self.measured) == 1 and _is_steady(self.measured[0])):
            raise ValueError(_SWEEPS_ONE_STAGE)
        return self

    @property
    def runs(self) -> list[Run]:
        """All runs of the stages, in order."""
        return [
            Run(number, stage, repeat)
            for number, stage in enumerate(self.stages)
            for repeat in range(1, stage.runs + 1)
        ]

    @property
    def measured(self) -> list[LoadStage]:
        """The stages that are judged."""
        return [stage for stage in self.stages if not stage.warm_up]


def _is_steady(stage: LoadStage) -> bool:
    """Whether it is a single run of a load that another rate or concurrency can replace."""
    return not (stage.repeats or stage.trace or stage.peak or stage.surge or stage.to_rate or stage.burst)


def turns_problem(profile: BenchmarkProfileSpec) -> str:
    """Why two arms cannot be loaded in turn by this profile; "" when they can."""
    if profile.pods > 1:
        return (
            f"it sends the load from {profile.pods} pods, and two arms can be loaded in turn from one only: "
            "set pods to 1, and raise workers"
        )
    if len(profile.measured) > MOST_STAGES:
        return (
            f"it measures {len(profile.measured)} stages, and two arms can be loaded in turn in {MOST_STAGES} at most: "
            "use fewer stages"
        )
    for stage in profile.stages:
        if stage.closed or (stage.load and not stage.warm_up):
            return (
                f"stage {stage.name} is a load of kind {stage.load}, which cannot be cut into turns that are alike: "
                "give it a rate and the arrival Poisson or Constant"
            )
    for stage in profile.stages:
        if stage.repeats is not None:
            return f"stage {stage.name} is repeated, and turns repeat it already: leave its repeats out"
    for stage in profile.measured:
        if stage.requests < FEWEST_REQUESTS:
            return (
                f"stage {stage.name} sends {stage.requests} requests, too few to load two arms in turn: it needs "
                f"{FEWEST_REQUESTS}, so raise its {stage.raised_by}"
            )
    return ""


class BenchmarkProfile(Model):
    """How to load a model for a benchmark: protocol, dataset, stages. Owned by admins."""

    spec: BenchmarkProfileSpec = Field(description="How to load a model.")
