"""A canary beside the stable version, as status and records carry it: what both counted, segment by segment.

A segment is a time in which the same pods served, so that the canary's share of the requests stayed the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.base import Keyed, Model, Text
from tollgate.api.objective import ObjectiveName
from tollgate.api.quantities import Factor
from tollgate.api.verdict import Quantity, Reason

MOST_SEGMENTS = 16
MOST_ARM_BLOCKS = 64

PodsDigest = Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64})?$", max_length=71)]
ArmRow = Annotated[str, StringConstraints(pattern=r"^[0-9]+( [0-9]+){3}$", max_length=64)]


class ArmCounts(Model):
    """What both versions counted for one objective."""

    name: ObjectiveName = Field(description="Name of the objective.")
    limit: Quantity = Field(
        "", description="The limit they were counted for; under another one they are void."
    )
    canary_requests: int = Field(0, ge=0, description="Requests to the canary.")
    canary_over_limit: int = Field(
        0,
        ge=0,
        description="Of these, how many were slower than the limit or failed; the least there can be.",
    )
    stable_requests: int = Field(0, ge=0, description="Requests to the stable version.")
    stable_over_limit: int = Field(
        0, ge=0, description="Of these, how many were slower than the limit or failed; the most there can be."
    )
    clumping: Factor = Field("1", description="So many that came together count as one.")


class ArmSegment(Model):
    """What was counted while the same pods served."""

    pods: PodsDigest = Field(
        description="Digest of the names of both versions' pods. Empty once pods have changed so often that "
        "nothing more is counted."
    )
    since: datetime = Field(description="When these pods were first seen together.")
    counts: Annotated[list[ArmCounts], Field(max_length=32), Keyed("name")] = Field(
        default_factory=list, description="The counts of each objective that is compared."
    )


class ArmBlocks(Model):
    """The present segment of one objective."""

    name: ObjectiveName = Field(description="Name of the objective.")
    limit: Quantity = Field("", description="The limit in force.")
    blocks: Annotated[list[ArmRow], Field(max_length=MOST_ARM_BLOCKS)] = Field(
        default_factory=list,
        description="Block by block of time: requests to the canary, how many of them were over the limit, and the "
        "same of the stable version.",
    )
    reason: Reason | None = Field(
        None, description="Why the stable version's data were not fit to compare with; absent if they were."
    )
    message: Text = Field("", description="The same as a sentence.")


class ArmsEvidence(Model):
    """What the comparison of the canary with the stable version beside it rests on."""

    pods: PodsDigest = Field(description="Digest of the names of both versions' pods.")
    since: datetime = Field(description="When the present segment began.")
    before: Annotated[list[ArmSegment], Field(max_length=MOST_SEGMENTS)] = Field(
        default_factory=list, description="The segments before."
    )
    kept: ArmSegment | None = Field(
        None, description="The present segment as last stored; it stands in where nothing could be counted."
    )
    objectives: Annotated[list[ArmBlocks], Field(max_length=32), Keyed("name")] = Field(
        default_factory=list, description="The counts of the present segment."
    )
