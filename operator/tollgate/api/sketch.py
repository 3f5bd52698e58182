"""A distribution of times in logarithmic bins, as results hold it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api.base import Model


class Sketch(Model):
    """The latency distribution in logarithmic bins: bin i holds (g^(i-1), g^i] microseconds."""

    growth: Annotated[str, StringConstraints(pattern=r"^1\.[0-9]{1,6}$", max_length=9)] = Field(
        description="Growth factor g from one bin to the next."
    )
    bins: Annotated[
        str, StringConstraints(pattern=r"^([0-9]+:[0-9]+(,[0-9]+:[0-9]+)*)?$", max_length=2048)
    ] = Field(description="index:count pairs, ascending, separated by commas.")


def pairs(bins: str) -> list[tuple[int, int]]:
    """(index, count) of each bin in a text of bins."""
    split = (pair.split(":") for pair in bins.split(",") if pair)
    return [(int(index), int(count)) for index, count in split]


def bin_of_rank(bins: Iterable[tuple[int, int]], rank: int) -> int:
    """Index of the bin that holds the order statistic of this rank, 1 to the number of requests."""
    seen = 0
    for index, count in bins:
        seen += count
        if seen >= rank:
            return index
    raise ValueError(f"rank {rank} of {seen} requests")
