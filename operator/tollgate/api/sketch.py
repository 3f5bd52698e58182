"""A distribution of times in logarithmic bins, as results hold it."""

from __future__ import annotations

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
