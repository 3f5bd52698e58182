"""How limits are written: the pattern of each form, an example, and its way to base units and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tollgate.api import units


@dataclass(frozen=True)
class Form:
    """How a limit is written: a pattern, an example, and its way to base units and back.

    `show` writes another value, in base units, as the limit that is given with it.
    """

    pattern: str
    example: str
    parse: Callable[[str], Decimal]
    show: Callable[[float, str], str]


def _plain(form: Callable[[float], str]) -> Callable[[float, str], str]:
    return lambda value, limit: form(value)


_SHARE_PARSED = (units.parse_percent, _plain(units.format_percent))
_NUMBER_PARSED = (units.parse_number, _plain(units.format_number))

DURATION = Form(
    units.DURATION_PATTERN,
    "a duration above 0, such as 250ms or 1.5s",
    units.parse_duration,
    _plain(units.format_duration),
)
SHARE = Form(units.BELOW_ALL_PERCENT_PATTERN, "a percentage between 0 and 100, such as 0.5%", *_SHARE_PARSED)
FRACTION = Form(
    units.BELOW_ONE_PATTERN,
    "a fraction between 0 and 1, such as 0.95",
    units.parse_fraction,
    _plain(units.format_number),
)
NUMBER = Form(rf"^{units.NUMBER}$", "a number above 0, such as 2.5", *_NUMBER_PARSED)
MEMORY = Form(
    units.MEMORY_PATTERN,
    "an amount of memory above 0, such as 512Mi or 12Gi",
    units.parse_memory,
    _plain(units.format_memory),
)
REQUEST_RATE = Form(
    units.RATE_PATTERN, "a rate above 0, such as 30req/s", units.parse_rate, _plain(units.format_rate)
)
ANY_RATE = Form(
    rf"^{units.NUMBER}(req|tok)/s$",
    "a rate above 0, such as 30req/s or 900tok/s",
    lambda text: units.parse_token_rate(text) if of_tokens(text) else units.parse_rate(text),
    lambda value, limit: (units.format_token_rate if of_tokens(limit) else units.format_rate)(value),
)
MONEY = Form(
    units.MONEY_PATTERN,
    "an amount above 0 with its currency, such as 0.40USD",
    lambda text: units.parse_money(text).amount,
    lambda value, limit: units.format_money(value, units.parse_money(limit).currency),
)
ENERGY = Form(
    units.ENERGY_LIMIT_PATTERN,
    "an energy above 0, such as 2.5J, 0.7Wh or 0.001kWh, or emissions such as 0.3gCO2e",
    lambda text: units.parse_energy_limit(text).value,
    lambda value, limit: units.parse_energy_limit(limit).show(value),
)
OPERATIONS = Form(
    units.FLOPS_PATTERN,
    "a number of operations above 0, such as 14GFLOP",
    units.parse_flops,
    _plain(units.format_flops),
)
MODEL_SIZE = Form(
    units.MODEL_SIZE_PATTERN,
    "a number of parameters such as 350M or 8B, or a size such as 16Gi",
    lambda text: units.parse_model_size(text).value,
    lambda value, limit: units.parse_model_size(limit).show(value),
)
TOKEN_NUMBER = Form(
    rf"^{units.NUMBER}tok$",
    "a number of tokens above 0, such as 400tok",
    units.parse_tokens,
    lambda value, limit: units.format_number(value) + "tok",
)


def of_tokens(limit: str) -> bool:
    """Whether a rate is of tokens."""
    return limit.endswith("tok/s")
