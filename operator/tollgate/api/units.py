"""Quantities with a unit, as users write them in a budget: `250ms`, `0.40USD`, `0.5%`, `30req/s`.

The API holds no floats and no bare numbers whose unit must be guessed. This module is the one place that
turns such a string into an exact `Decimal` in base units (seconds, currency units, fractions, requests per
second) and back. It must not know which dimension accepts which unit: that is `api.budget`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

NUMBER = r"[0-9]{1,12}(\.[0-9]{1,9})?"
DURATION_PATTERN = rf"^{NUMBER}(us|ms|s)$"
MONEY_PATTERN = rf"^{NUMBER}[A-Z]{{3}}$"
PERCENT_PATTERN = r"^(100(\.0{1,9})?|[0-9]{1,2}(\.[0-9]{1,9})?)%$"
RATE_PATTERN = rf"^{NUMBER}req/s$"
TOKEN_RATE_PATTERN = rf"^{NUMBER}tok/s$"
MEMORY_PATTERN = rf"^{NUMBER}(Ki|Mi|Gi|Ti)$"
ENERGY_PATTERN = rf"^{NUMBER}J$"
ENERGY_LIMIT_PATTERN = rf"^{NUMBER}(mJ|J|kJ|Wh|kWh|mgCO2e|gCO2e)$"
MODEL_SIZE_PATTERN = rf"^{NUMBER}([kMBT]|Ki|Mi|Gi|Ti)?$"
FLOPS_PATTERN = rf"^{NUMBER}[kMGTPEZY]?FLOP$"
FRACTION_PATTERN = r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$"

# Of a limit that evidence can reach: 0 % of errors, or an accuracy of 1, is never proven.
BELOW_ALL_PERCENT_PATTERN = r"^[0-9]{1,2}(\.[0-9]{1,9})?%$"
BELOW_ONE_PATTERN = r"^0\.[0-9]{1,9}$"
NONZERO_PATTERN = r"[1-9]"

_JOULES = {"mJ": "0.001", "J": "1", "kJ": "1000", "Wh": "3600", "kWh": "3600000"}
_GRAMS = {"mgCO2e": "0.001", "gCO2e": "1"}
_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_PARAMETERS = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_SECONDS = {"us": Decimal("0.000001"), "ms": Decimal("0.001"), "s": Decimal(1)}


@dataclass(frozen=True)
class Money:
    """An amount in one currency, by its ISO 4217 code."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Amount:
    """A value in base units, of a kind: joules or grams, bytes or a bare number. `unit` is how it was written."""

    value: Decimal
    kind: str
    unit: str
    scale: Decimal
    """Base units per unit."""

    def show(self, value: float, digits: int = 4) -> str:
        """Another value of the same kind, in the same unit."""
        return format_number(value / float(self.scale), digits) + self.unit


def _split(text: str, pattern: str, example: str) -> str:
    if not re.fullmatch(pattern, text):
        raise ValueError(f"{text!r} is not valid here: write it like {example}")
    match = re.match(NUMBER, text)
    assert match is not None  # every pattern starts with NUMBER
    return match.group(0)


def _power(prefix: str) -> Decimal:
    return Decimal(1000) ** _PREFIXES.index(prefix)


def _with_prefix(value: float, digits: int) -> str:
    """A number with the greatest prefix of which there is one."""
    power = next((p for p in range(len(_PREFIXES) - 1, 0, -1) if value >= 1000.0**p), 0)
    return format_number(value / 1000.0**power, digits) + _PREFIXES[power]


def parse_duration(text: str) -> Decimal:
    """Seconds of a duration such as `250ms`; ValueError names the accepted form."""
    number = _split(text, DURATION_PATTERN, "250ms, 1.5s or 800us")
    return Decimal(number) * _SECONDS[text[len(number) :]]


def parse_money(text: str) -> Money:
    """Amount and currency of `0.40USD`."""
    number = _split(text, MONEY_PATTERN, "0.40USD")
    return Money(Decimal(number), text[len(number) :])


def parse_percent(text: str) -> Decimal:
    """The fraction (0 to 1) that `0.5%` stands for."""
    return Decimal(_split(text, PERCENT_PATTERN, "0.5%")) / 100


def parse_rate(text: str) -> Decimal:
    """Requests per second of `30req/s`."""
    return Decimal(_split(text, RATE_PATTERN, "30req/s"))


def parse_energy(text: str) -> Decimal:
    """Joules of `2310J`."""
    return Decimal(_split(text, ENERGY_PATTERN, "2310J"))


def parse_flops(text: str) -> Decimal:
    """Floating-point operations of `14.2GFLOP`."""
    number = _split(text, FLOPS_PATTERN, "14.2GFLOP")
    return Decimal(number) * _power(text[len(number) :].removesuffix("FLOP"))


def parse_memory(text: str) -> Decimal:
    """Bytes of `12Gi`."""
    number = _split(text, MEMORY_PATTERN, "512Mi or 12Gi")
    return Decimal(number) * _BYTES[text[len(number) :]]


def parse_token_rate(text: str) -> Decimal:
    """Tokens per second of `900tok/s`."""
    return Decimal(_split(text, TOKEN_RATE_PATTERN, "900tok/s"))


def parse_tokens(text: str) -> Decimal:
    """The number of `400tok`."""
    return Decimal(_split(text, rf"^{NUMBER}tok$", "400tok"))


def parse_number(text: str) -> Decimal:
    """A bare decimal such as `2.5`."""
    return Decimal(_split(text, rf"^{NUMBER}$", "2.5"))


def parse_energy_limit(text: str) -> Amount:
    """`2.5J` and `0.7Wh` in joules, `0.3gCO2e` in grams."""
    number = _split(text, ENERGY_LIMIT_PATTERN, "2.5J, 0.7Wh or 0.3gCO2e")
    unit = text[len(number) :]
    kind, scales = ("grams", _GRAMS) if unit in _GRAMS else ("joules", _JOULES)
    scale = Decimal(scales[unit])
    return Amount(Decimal(number) * scale, kind, unit, scale)


def parse_model_size(text: str) -> Amount:
    """`8B` as a number of parameters, `16Gi` in bytes."""
    number = _split(text, MODEL_SIZE_PATTERN, "350M, 8B or 16Gi")
    unit = text[len(number) :]
    kind, scale = ("bytes", _BYTES[unit]) if unit in _BYTES else ("parameters", _PARAMETERS[unit])
    return Amount(Decimal(number) * scale, kind, unit, Decimal(scale))


def parse_fraction(text: str) -> Decimal:
    """A number between 0 and 1, such as `0.95`."""
    return Decimal(_split(text, FRACTION_PATTERN, "0.95"))


def _plain(value: Decimal, digits: int) -> str:
    """`value` to so many significant digits, without exponent or trailing zeros."""
    if value == 0:
        return "0"
    rounded = value.quantize(Decimal(1).scaleb(value.adjusted() - digits + 1))
    text = format(rounded, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_duration(seconds: Decimal | float, digits: int = 4) -> str:
    """`0.2503` -> `250.3ms`: seconds from one second on, below one millisecond microseconds."""
    value = Decimal(repr(seconds)) if isinstance(seconds, float) else seconds
    for unit, least in (("s", Decimal(1)), ("ms", Decimal("0.001")), ("us", Decimal(0))):
        if abs(value) >= least:
            return _plain(value / _SECONDS[unit], digits) + unit
    raise AssertionError("unreachable: the last unit has no lower bound")


def format_percent(fraction: Decimal | float, digits: int = 4) -> str:
    """`0.0123` -> `1.23%`."""
    value = Decimal(repr(fraction)) if isinstance(fraction, float) else fraction
    return _plain(value * 100, digits) + "%"


def format_money(amount: Decimal | float, currency: str, digits: int = 4) -> str:
    """`0.4` and `USD` -> `0.4USD`."""
    value = Decimal(repr(amount)) if isinstance(amount, float) else amount
    return _plain(value, digits) + currency


def format_rate(per_second: Decimal | float, digits: int = 4) -> str:
    """`30.0` -> `30req/s`."""
    value = Decimal(repr(per_second)) if isinstance(per_second, float) else per_second
    return _plain(value, digits) + "req/s"


def format_token_rate(per_second: Decimal | float, digits: int = 4) -> str:
    """`30.0` -> `30tok/s`."""
    return format_number(per_second, digits) + "tok/s"


def format_memory(size: float, digits: int = 4) -> str:
    """`327680000.0` -> `312.5Mi`: a number of bytes in the greatest unit of which there is one."""
    power = next((p for p in (4, 3, 2) if size >= 2.0 ** (10 * p)), 1)
    return format_number(size / 2.0 ** (10 * power), digits) + ("Ki", "Mi", "Gi", "Ti")[power - 1]


def format_energy(joules: float, digits: int = 4) -> str:
    """`2310.0` -> `2310J`."""
    return format_number(joules, digits) + "J"


def format_flops(operations: float, digits: int = 4) -> str:
    """`1.42e10` -> `14.2GFLOP`."""
    return _with_prefix(operations, digits) + "FLOP"


def format_number(value: Decimal | float, digits: int = 4) -> str:
    """A bare decimal such as an accuracy or an evidence value."""
    return _plain(Decimal(repr(value)) if isinstance(value, float) else value, digits)
