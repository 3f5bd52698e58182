"""What is given up, step by step and reversibly, so that a model keeps its budget while it serves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tollgate.api import units
from tollgate.api.base import Distinct, Keyed, Model, ObjectName, Rule, checked
from tollgate.api.objective import ObjectiveName

MOST_STEPS = 8
StepName = ObjectiveName

_Rate = Annotated[str, StringConstraints(pattern=units.RATE_PATTERN, max_length=32)]
_Value = Annotated[str, StringConstraints(max_length=1024)]
_ONE_ACTION = "a step takes exactly one of configMap, scale and webhook"


class KeyValue(Model):
    """A key of a ConfigMap, and what it is set to."""

    name: ObjectName = Field(
        description="Name of the ConfigMap, in this namespace. It must have the label tollgate.dev/degradable."
    )
    key: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = (
        Field(description="Key that is set. It need not be there: it is then taken away again.")
    )
    value: _Value = Field(description="What it is set to, such as a lower exit threshold.")

    def __str__(self) -> str:
        return f"{self.key} of ConfigMap {self.name}"


class Fallback(Model):
    """A Deployment that stands by, and to how many pods it is scaled."""

    name: ObjectName = Field(
        description="Name of the Deployment, in this namespace: another than the target, such as a smaller model. It "
        "must have the label tollgate.dev/degradable."
    )
    replicas: int = Field(
        ge=1, le=1000, description="To so many pods; what has more already is left as it is."
    )
    takes_traffic: bool = Field(
        False,
        description="True moves weight to it: its ready pods join the endpoints of the target's Services, so that it "
        "gets the share of its pods among all. They leave these before it is scaled back.",
    )

    def __str__(self) -> str:
        return f"replicas of Deployment {self.name}"


class WebhookRef(Model):
    """A webhook of the operator's configuration."""

    name: ObjectName = Field(
        description="Name of one of degradation.webhooks in the operator's configuration, which has its URL."
    )

    def __str__(self) -> str:
        return f"webhook {self.name}"


class StepBack(Model):
    """When a step is undone."""

    after_seconds: int = Field(
        600,
        ge=10,
        le=86400,
        description="Once every objective that live traffic judges has been Within for so long. Twice as long each "
        "time that a step had to be taken again within a day, up to 64 times as long.",
    )
    load_below: _Rate | None = Field(
        None,
        description="And only while the load of the whole service is below this, such as 20req/s: where the step is "
        "what keeps the budget under a load, it does so until the load has gone.",
    )


class DegradationStep(Model):
    """One thing that can be given up, and how it is had back."""

    model_config = checked(
        Rule(
            "(has(self.configMap) ? 1 : 0) + (has(self.scale) ? 1 : 0) + (has(self.webhook) ? 1 : 0) == 1",
            _ONE_ACTION,
        )
    )

    name: StepName = Field(description="Short name, unique in the budget; status and records refer to it.")
    objectives: Annotated[list[ObjectiveName], Field(max_length=32), Distinct()] = Field(
        default_factory=list,
        description="Objectives whose breach it answers. Default: that of any.",
    )
    config_map: KeyValue | None = Field(None, description="Sets a key of a ConfigMap.")
    scale: Fallback | None = Field(None, description="Scales another Deployment up.")
    webhook: WebhookRef | None = Field(None, description="Calls a webhook of the operator's configuration.")
    settle_seconds: int = Field(
        120,
        ge=0,
        le=3600,
        description="How long it takes to show. Requests until then count for nothing, and no other step is taken. A "
        "mounted ConfigMap takes the kubelet up to some 90 s.",
    )
    step_back: StepBack = Field(default_factory=StepBack, description="When it is undone.")

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        if sum(one is not None for one in (self.config_map, self.scale, self.webhook)) != 1:
            raise ValueError(_ONE_ACTION)
        return self

    @property
    def action(self) -> KeyValue | Fallback | WebhookRef:
        """What it does."""
        found = self.config_map or self.scale or self.webhook
        assert found is not None  # a step takes exactly one
        return found

    @property
    def value(self) -> str:
        """What it sets, as text: a value or a number of pods; "" of a webhook."""
        if self.config_map is not None:
            return self.config_map.value
        return str(self.scale.replicas) if self.scale is not None else ""


class Degradation(Model):
    """What is given up on a breach while serving, in order."""

    steps: Annotated[list[DegradationStep], Field(min_length=1, max_length=MOST_STEPS), Keyed("name")] = (
        Field(
            description="The steps, the mildest first. One is taken at a time; the last one taken is undone first."
        )
    )
    then: Literal["Rollback", "Hold"] = Field(
        "Rollback",
        description="What happens when a breach lasts and no step is left, of a version that is still watched. "
        "Rollback turns it back, as without steps; Hold leaves it.",
    )


class StepChange(Model):
    """What a step changed, or gave back."""

    name: StepName = Field(description="Name of the step.")
    what: Annotated[str, StringConstraints(max_length=600)] = Field(description="What was set.")
    was: _Value | None = Field(None, description="Its value before; absent where there was none.")
    now: _Value | None = Field(None, description="Its value from now on; absent where there is none.")

    def __str__(self) -> str:
        if self.was is None and self.now is None:
            return f"{self.name}: {self.what}"
        was, now = ("absent" if value is None else repr(value) for value in (self.was, self.now))
        return f"{self.name}: {self.what} from {was} to {now}"


class TakenStep(Model):
    """A step that is in force, as it was when it was taken."""

    name: StepName = Field(description="Name of the step.")
    step: DegradationStep = Field(description="The step as it was declared then, by which it is undone.")
    was: _Value | None = Field(None, description="The value before; absent where there was none.")
    since: datetime = Field(description="When it was taken.")
    done: bool = Field(False, description="Whether the value was seen to be set, or given back.")
    undoing: bool = Field(False, description="True while it is being undone.")
    returns: int = Field(0, ge=0, description="How often it had to be taken again within a day.")


class UndoneStep(Model):
    """A step that was undone not long ago."""

    name: StepName = Field(description="Name of the step.")
    at: datetime = Field(description="When it was undone.")
    returns: int = Field(0, ge=0, description="How often it had to be taken again by then.")


class DegradationState(Model):
    """What is given up now."""

    taken: Annotated[list[TakenStep], Field(max_length=MOST_STEPS), Keyed("name")] = Field(
        default_factory=list, description="The steps in force, the latest last."
    )
    changed_at: datetime | None = Field(None, description="When a step was last taken or undone.")
    settle_seconds: int = Field(0, ge=0, description="How long after that requests count for nothing.")
    settled: bool = Field(True, description="Whether that time is over.")
    calm_since: datetime | None = Field(
        None, description="Since when every objective is Within, and the load as low as is asked for."
    )
    undone: Annotated[list[UndoneStep], Field(max_length=MOST_STEPS), Keyed("name")] = Field(
        default_factory=list, description="Steps that were undone within a day."
    )

    @property
    def names(self) -> list[str]:
        """Names of the steps in force."""
        return [one.name for one in self.taken]
