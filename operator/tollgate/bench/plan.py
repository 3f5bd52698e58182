"""What a run of the load generator is told: the profile, the limits to count at, and where to send.

The operator writes a `Plan` into the Job's ConfigMap; the load generator reads it. What the CRD cannot check
is checked here, before any request is sent.
"""

from __future__ import annotations

from typing import Annotated

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import (
    AwareDatetime,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from tollgate.api.base import Model
from tollgate.api.benchmark import Repetition
from tollgate.api.counting import Counting
from tollgate.api.load import Load, LoadStage
from tollgate.api.profiles import BenchmarkProfileSpec, turns_problem
from tollgate.api.quantities import Duration

MAX_REQUESTS = 1_000_000  # of one stage: some 100 bytes of records and schedule each, in a small pod

Target = Annotated[
    str, StringConstraints(pattern=r"^([-.a-zA-Z0-9]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$", max_length=260)
]


class Plan(Model):
    """A benchmark, ready to run."""

    profile: BenchmarkProfileSpec = Field(description="How to load the model.")
    limits: Annotated[list[Duration], Field(max_length=16)] = Field(
        default_factory=list, description="Latencies at which slower requests are counted exactly."
    )
    counting: Counting = Field(
        default_factory=Counting, description="What is counted beside these: times of tokens, and goals."
    )
    targets: Annotated[list[Target], Field(min_length=1, max_length=1000)] = Field(
        description="host:port of each pod; requests go to them in turn."
    )
    baseline: Annotated[list[Target], Field(max_length=1000)] = Field(
        default_factory=list,
        description="The same of the baseline, which is loaded in turn with the targets.",
    )
    repetition: Repetition = Field(0, description="Another one draws arrivals and inputs anew.")
    begins_at: AwareDatetime | None = Field(
        None,
        description="When all pods of the profile begin; None: this process and its workers are all there is.",
    )

    @field_validator("profile")
    @classmethod
    def _can_be_run(cls, profile: BenchmarkProfileSpec) -> BenchmarkProfileSpec:
        for stage in profile.stages:
            _check_size(stage, profile.pods)
        for name in ("prediction", "output_tokens", "input_tokens", "accepted", "exit_stage"):
            _check_path(to_camel(name), getattr(profile, name))
        if profile.scoring is not None:
            _check_path("scoring.confidence", profile.scoring.confidence)
            for score in profile.scoring.scores:
                _check_path(f"scoring.scores of {score.name}", score.path)
        return profile

    @model_validator(mode="after")
    def _can_be_paired(self) -> Plan:
        problem = turns_problem(self.profile) if self.baseline else ""
        if problem:
            raise ValueError(problem)
        return self


def parse_plan(text: str | bytes) -> Plan:
    """The plan in a JSON document. ValueError, one sentence, when it is not one that can be run."""
    try:
        return Plan.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"the plan is wrong: {where + ': ' if where else ''}{first['msg']}") from None


def _check_path(field: str, expression: str | None) -> None:
    try:
        jmespath.compile(expression or "@")
    except JMESPathError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{field} {expression!r} is no JMESPath: {reason}") from None


def _check_size(stage: LoadStage, pods: int) -> None:
    if stage.load is Load.CLOSED_FOR_DURATION:
        return
    amount = f"stage {stage.name} at {stage.pace} for {stage.length} sends "
    if stage.requests < 1:
        raise ValueError(amount + "no request: raise its rate or its duration")
    if stage.requests < pods:
        raise ValueError(amount + f"fewer requests than there are pods, {pods}: raise its {stage.raised_by}")
    if stage.requests > MAX_REQUESTS:
        raise ValueError(amount + f"{stage.requests} requests, more than the {MAX_REQUESTS} of a stage")
