"""How options are written: fractions, counts and rates. What cannot be meant is refused with how to write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import click

MOST_REQUESTS = 10**12
"""Up to here the evidence is exact to nine digits and more."""

_RATE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(?:req|requests)?/(s|min|h)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_DURATION = re.compile(r"([1-9][0-9]{0,5})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Fraction(click.ParamType[Decimal]):
    """A number between two bounds, both allowed, kept as it was written."""

    name = "fraction"

    def __init__(self, low: str, high: str, example: str) -> None:
        self._low, self._high, self._example = low, high, example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not a number: write it as {self._example}", param, ctx)
        if not (number.is_finite() and Decimal(self._low) <= number <= Decimal(self._high)):
            self.fail(
                f"{value} is not between {self._low} and {self._high}: write it as {self._example}",
                param,
                ctx,
            )
        return number


class Count(click.ParamType[int]):
    """A number of requests."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number, such as 100", param, ctx)
        if not 0 <= number <= MOST_REQUESTS:
            self.fail(f"{value} is not between 0 and {MOST_REQUESTS:,}", param, ctx)
        return number


@dataclass(frozen=True)
class PerSecond:
    """A rate in requests per second, and as it was written."""

    value: float
    text: str


class Rate(click.ParamType[PerSecond]):
    """A rate such as `0.2/s`, `12/min` or `30req/s`."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> PerSecond:
        match = _RATE.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a rate: write it as 0.2/s, 12/min or 30req/s", param, ctx)
        per_second = float(Decimal(match[1]) / _SECONDS[match[2]])
        if per_second == 0:
            self.fail(f"{value} is no traffic, and without any there is never a verdict", param, ctx)
        return PerSecond(per_second, value)


class Duration(click.ParamType[timedelta]):
    """A time span such as `30m`, `24h` or `7d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a duration: write it as 30m, 24h or 7d", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
