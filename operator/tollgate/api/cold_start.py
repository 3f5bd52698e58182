"""How fresh pods start: what a profile asks for, and what is seen of it.

The times of a start come from the API server, which tells whole seconds: each may be off by one.
"""

from __future__ import annotations

from pydantic import Field

from tollgate.api.base import Model
from tollgate.api.quantities import Count, Duration


class ColdStart(Model):
    """What to tell of the start of the pods."""

    requests: int = Field(
        1, ge=1, le=16, description="How many of the first requests to each pod are told apart."
    )


class OverPods(Model):
    """A time of several pods."""

    median: Duration = Field(
        description="The median; of an even number of pods the greater of the middle two."
    )
    worst: Duration = Field(description="The longest.")


class StartTimes(Model):
    """How long the loaded pods took to become ready. A time that is not known of each of them is absent."""

    pods: Count = Field(description="Pods whose start was seen.")
    restarted: Count = Field(
        0,
        description="Pods that are left out: a container of theirs had restarted, so its first start is unknown.",
    )
    from_creation: OverPods | None = Field(
        None,
        description="From the pod's creation to Ready: all that a user waits for, pulled images included.",
    )
    from_scheduling: OverPods | None = Field(
        None,
        description="The same from when the pod had a node, with the pulls and without the wait for room.",
    )
    without_pulls: OverPods | None = Field(
        None,
        description="From when the pod had a node to Ready, without the time in which images were pulled: its sandbox, "
        "its init containers, and its containers from their start. Needs the condition PodReadyToStartContainers.",
    )
    from_start: OverPods | None = Field(
        None, description="From the start of the last container to Ready: the program alone."
    )
    ready_for: Duration | None = Field(
        None,
        description="How long the first of them had been ready when the load was ordered: the longer, the less the "
        "first requests are those of a cold pod.",
    )


class FirstRequests(Model):
    """The first requests that the pods were sent, before all others."""

    requests: Count = Field(description="How many they were, over all pods.")
    errors: Count = Field(description="Of these, those that failed: they count as their time-out.")
    median: Duration = Field(description="Median latency.")
    worst: Duration = Field(description="The slowest.")
