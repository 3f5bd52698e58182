"""Limits that differ at some times: when an adjustment of a budget counts, and what it puts in place of which limit."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from datetime import UTC, datetime
from typing import Annotated, Self

from cronsim import CronSim, CronSimError
from pydantic import Field, StringConstraints, field_validator, model_validator

from tollgate.api import units
from tollgate.api.base import Keyed, Model, Rule, Word, checked
from tollgate.api.objective import Limit, ObjectiveName

AdjustmentName = ObjectiveName
MOST_ADJUSTMENTS = 8

_LabelKey = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=253,
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    ),
]
_Rate = Annotated[str, StringConstraints(pattern=units.RATE_PATTERN, max_length=32)]

_FIELDS = "minute, hour, day of the month, month and day of the week, such as 0 22 * * 1-5"
_ZONE = "timeZone is the name of a time zone of the IANA database, such as Europe/Berlin, or UTC"
_ONE_SIDE = "load takes exactly one of above and below"
_SOME = "when takes at least one of window, load, priorityClassName and namespaceAnnotation"
_ONE_BOUND = "a limit takes exactly one of max and min"


def _cron_pattern() -> str:
    """Five fields, each of numbers, names, ranges, steps and lists of them."""
    months = "(?i:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
    fields = (
        "[1-5]?[0-9]",
        "1?[0-9]|2[0-3]",
        "[1-9]|[12][0-9]|3[01]",
        f"[1-9]|1[0-2]|{months}",
        "[0-7]|(?i:SUN|MON|TUE|WED|THU|FRI|SAT)",
    )
    items = [rf"(\*|({value})(-({value}))?)(/[1-9][0-9]?)?" for value in fields]
    return f"^{' '.join(f'{item}(,{item})*' for item in items)}$"


class Window(Model):
    """Times at which an adjustment begins, and how long it lasts."""

    # The API server's function knows the zones; of one that it does not know it is an error.
    model_config = checked(
        Rule(
            "!has(self.timeZone) || timestamp('2026-01-01T00:00:00Z').getHours(self.timeZone) >= 0",
            _ZONE,
            "timeZone",
        ),
        Rule(f"self.schedule.matches(r'{_cron_pattern()}')", f"write the schedule as {_FIELDS}", "schedule"),
    )

    schedule: Annotated[str, StringConstraints(min_length=9, max_length=128)] = Field(
        description="When it begins, as in cron: minute, hour, day of the month, month, day of the week. "
        '"0 22 * * *" is 22:00 of each day.'
    )
    duration_minutes: int = Field(ge=1, le=10080, description="How long it lasts from then on.")
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        "UTC", description="Time zone of the schedule, as in the IANA database: Europe/Berlin."
    )

    @field_validator("schedule")
    @classmethod
    def _is_cron(cls, text: str) -> str:
        if re.fullmatch(_cron_pattern(), text) is None:
            raise ValueError(f"write the schedule as {_FIELDS}, not {text!r}")
        try:
            next(CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)))
        except CronSimError as error:
            raise ValueError(f"write the schedule as {_FIELDS}, not {text!r} ({error})") from None
        except StopIteration:
            raise ValueError(f"the schedule {text!r} never comes: write it as {_FIELDS}") from None
        return text

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        known = zoneinfo.available_timezones()
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            meant = f" (near it: {', '.join(near)})" if near else ""
            raise ValueError(f"{_ZONE}, not {name!r}{meant}")
        return name


class LoadRange(Model):
    """A load of the service from which, or below which, an adjustment counts."""

    model_config = checked(Rule("has(self.above) != has(self.below)", _ONE_SIDE))

    above: _Rate | None = Field(
        None,
        description="Counts from this load of the whole service on, such as 200req/s, and until it is 10% lower.",
    )
    below: _Rate | None = Field(None, description="Counts below this load, and until it is 10% higher.")
    for_seconds: int = Field(
        300,
        ge=30,
        le=86400,
        description="How long the load must be there, and be gone again, before that counts.",
    )

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise ValueError(_ONE_SIDE)
        return self


class NamespaceAnnotation(Model):
    """An annotation of the budget's namespace."""

    key: _LabelKey = Field(description="Its key, such as tollgate.dev/season.")
    value: Annotated[str, StringConstraints(max_length=253)] = Field(description="The value it must have.")


class When(Model):
    """When an adjustment counts: while all that is given holds."""

    model_config = checked(
        Rule(
            "has(self.window) || has(self.load) || has(self.priorityClassName) || has(self.namespaceAnnotation)",
            _SOME,
        )
    )

    window: Window | None = Field(None, description="Times of the day, the week or the year.")
    load: LoadRange | None = Field(
        None,
        description="Load of the whole service, over the last five minutes. While it is unknown, nothing changes.",
    )
    priority_class_name: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = Field(
        None, description="Priority class of the Deployment's pod template."
    )
    namespace_annotation: NamespaceAnnotation | None = Field(
        None, description="An annotation of the budget's namespace, which its administrators set."
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any((self.window, self.load, self.priority_class_name, self.namespace_annotation)):
            raise ValueError(_SOME)
        return self


class AdjustedLimit(Model):
    """What counts instead of one limit."""

    model_config = checked(Rule("has(self.max) != has(self.min)", _ONE_BOUND))

    objective: ObjectiveName = Field(description="Name of the objective.")
    max: Limit | None = Field(None, description="The upper limit that counts, for an objective with max.")
    min: Limit | None = Field(None, description="The lower limit that counts, for an objective with min.")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.max is None) == (self.min is None):
            raise ValueError(_ONE_BOUND)
        return self


class Adjustment(Model):
    """Other limits at some times."""

    name: AdjustmentName = Field(
        description="Short name, unique in the budget; status and records refer to it."
    )
    when: When = Field(description="When it counts: while all that is given here holds.")
    limits: Annotated[list[AdjustedLimit], Field(min_length=1, max_length=16), Keyed("objective")] = Field(
        description="The limits that count instead, stricter or laxer. Of several adjustments of one objective the "
        "strictest counts."
    )


class AdjustmentState(Model):
    """Whether an adjustment counts."""

    name: AdjustmentName = Field(description="Name of the adjustment.")
    in_force: bool = Field(description="Whether its limits count.")
    since: datetime = Field(description="Since when this is so.")
    load_holds: bool = Field(False, description="Whether the load is as its condition asks.")
    load_turning_since: datetime | None = Field(
        None, description="Since when the load has been otherwise, which it must be for a while to count."
    )


class LimitInForce(Model):
    """The limit of an objective that counts now."""

    objective: ObjectiveName = Field(description="Name of the objective.")
    limit: Limit = Field(description="The limit that counts now.")
    adjusted_by: Word = Field(
        "", description="The adjustment that set it; empty where it is the objective's own."
    )
