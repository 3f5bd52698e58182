"""Quantities as the results of benchmarks hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from tollgate.api import units

Duration = Annotated[str, StringConstraints(pattern=units.DURATION_PATTERN, max_length=32)]
DurationOrEmpty = Annotated[str, StringConstraints(pattern=rf"^({units.NUMBER}(us|ms|s))?$", max_length=32)]
Rate = Annotated[str, StringConstraints(pattern=units.RATE_PATTERN, max_length=32)]
RateOrEmpty = Annotated[str, StringConstraints(pattern=rf"^({units.NUMBER}req/s)?$", max_length=32)]
TokenRate = Annotated[str, StringConstraints(pattern=units.TOKEN_RATE_PATTERN, max_length=32)]
Factor = Annotated[str, StringConstraints(pattern=rf"^({units.NUMBER})?$", max_length=22)]
"""A ratio or a relative error; empty where there is none, or none that is finite."""

MoneyOrEmpty = Annotated[str, StringConstraints(pattern=rf"^({units.NUMBER}[A-Z]{{3}})?$", max_length=32)]
Confidence = Annotated[str, StringConstraints(pattern=r"^0\.[89][0-9]{0,4}$", max_length=7)]
Number = Annotated[str, StringConstraints(pattern=rf"^{units.NUMBER}$", max_length=22)]

Memory = Annotated[str, StringConstraints(pattern=units.MEMORY_PATTERN, max_length=32)]
Energy = Annotated[str, StringConstraints(pattern=units.ENERGY_PATTERN, max_length=32)]
Flops = Annotated[str, StringConstraints(pattern=units.FLOPS_PATTERN, max_length=32)]
Percent = Annotated[str, StringConstraints(pattern=units.PERCENT_PATTERN, max_length=16)]

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]


def summed(counts: Sequence[int | None]) -> int | None:
    """The sum of counts; None where one of them is not known."""
    known = [one for one in counts if one is not None]
    return sum(known) if known and len(known) == len(counts) else None
