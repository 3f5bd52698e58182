from __future__ import annotations

import re
from decimal import Decimal

import pytest

from tollgate.api import units


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", "0.25"), ("1.5s", "1.5"), ("800us", "0.0008"), ("0ms", "0")]
)
def test_a_duration_is_seconds(text: str, seconds: str) -> None:
    assert units.parse_duration(text) == Decimal(seconds)


@pytest.mark.parametrize("text", ["250", "250 ms", "ms", "-1ms", "1e3ms", "250MS", "1.ms", "250ms\n", "٣ms"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 250ms"):
        units.parse_duration(text)


def test_money_keeps_every_digit_and_its_currency() -> None:
    assert units.parse_money("0.40USD") == units.Money(Decimal("0.40"), "USD")
    with pytest.raises(ValueError, match=r"write it like 0\.40USD"):
        units.parse_money("0.40")


@pytest.mark.parametrize(("text", "fraction"), [("0.5%", "0.005"), ("100%", "1"), ("0%", "0")])
def test_a_percentage_is_a_fraction(text: str, fraction: str) -> None:
    assert units.parse_percent(text) == Decimal(fraction)


@pytest.mark.parametrize("text", ["101%", "100.1%", "5", "-1%"])
def test_a_percentage_ends_at_one_hundred(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like 0\.5%"):
        units.parse_percent(text)


def test_rates_and_fractions() -> None:
    assert units.parse_rate("30req/s") == 30
    assert units.parse_fraction("0.95") == Decimal("0.95")
    with pytest.raises(ValueError, match="write it like 30req/s"):
        units.parse_rate("30")
    with pytest.raises(ValueError, match=r"write it like 0\.95"):
        units.parse_fraction("1.2")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2503, "250.3ms"), (Decimal("1.5"), "1.5s"), (0.0000125, "12.5us"), (0, "0us"), (12345.678, "12350s")],
)
def test_durations_are_written_in_the_unit_that_reads_best(seconds: float | Decimal, text: str) -> None:
    assert units.format_duration(Decimal(seconds) if isinstance(seconds, int) else seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(300.0, "0.293Ki"), (2.0**20, "1Mi"), (327680000.0, "312.5Mi"), (2.0**43, "8Ti")]
)
def test_memory_is_written_as_kubernetes_does(size: float, text: str) -> None:
    assert units.format_memory(size) == text
    assert re.fullmatch(units.MEMORY_PATTERN, text)


def test_energy_is_written_in_joules() -> None:
    assert units.format_energy(2310.04) == "2310J"
    assert re.fullmatch(units.ENERGY_PATTERN, units.format_energy(0.00012345))


def test_what_is_written_can_be_read_again() -> None:
    assert units.parse_duration(units.format_duration(0.0123456)) == Decimal("0.01235")
    assert units.parse_percent(units.format_percent(0.01234)) == Decimal("0.01234")
    assert units.parse_money(units.format_money(Decimal("0.40"), "EUR")) == units.Money(Decimal("0.4"), "EUR")
    assert units.parse_rate(units.format_rate(39.98)) == Decimal("39.98")
    assert units.format_number(-3.5) == "-3.5"


class TestOperations:
    def test_there_and_back(self) -> None:
        for text, value in [("14.2GFLOP", 1.42e10), ("989TFLOP", 9.89e14), ("7FLOP", 7), ("1.5kFLOP", 1500)]:
            assert float(units.parse_flops(text)) == value
            assert units.format_flops(value) == text

    @pytest.mark.parametrize("text", ["14G", "14 GFLOP", "14GFLOPS", "GFLOP", "-1FLOP", "1gFLOP"])
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"write it like 14\.2GFLOP"):
            units.parse_flops(text)
