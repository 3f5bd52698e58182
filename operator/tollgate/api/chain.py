"""How the records of one target hang together: each holds the name and the digest of the one before it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.base import Model, ObjectName, Text
from tollgate.api.canonical import Digest

LARGEST_RECORD = 704 * 1024
"""Bytes of a record's spec as canonical JSON. etcd takes objects of 1.5 MiB."""

Sequence = Annotated[int, Field(ge=1, le=2**31 - 1)]


class PreviousRecord(Model):
    """The record before."""

    name: ObjectName = Field(description="Name of the EfficiencyDecision.")
    digest: Digest = Field(description="SHA-256 over the canonical JSON of its spec.")


class RecordRef(PreviousRecord):
    """A record and its place in the chain of its target."""

    sequence: Sequence = Field(description="Number of the record: 1 is the target's first.")


class Checkpoint(RecordRef):
    """The newest of the records that a checkpoint stands for: it and all before it may be deleted."""

    fault: Text = Field(
        "",
        description="What was wrong in the chain up to there, when the checkpoint was written; empty: nothing.",
    )


class UnwrittenRecord(RecordRef):
    """A record that the API server has not taken yet. It is stored with the decision, so that neither is lost."""

    release: int = Field(ge=0, description="Number of the release decided on.")
    decided_at: datetime = Field(description="When it was decided.")
    spec: Annotated[str, StringConstraints(max_length=LARGEST_RECORD)] = Field(
        description="The record's spec, as canonical JSON."
    )
