"""New prices count while the operator runs; what is wrong, or needs a restart, is said and changes nothing."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tollgate.main import options
from tollgate.reconcile.options import Tariffs
from tollgate.runtime.reload import Reload
from tollgate.runtime.settings import VARIABLE, load

PRICES = {"currency": "USD", "cpuCoreHour": "0.04", "memoryGiBHour": "0.005", "gpuHour": "1.20"}
BASE: dict[str, Any] = {
    "prometheus": {"url": "http://prometheus:9090"},
    "benchmark": {"image": "tollgate:1"},
    "prices": PRICES,
}


class Config:
    """The file, and an operator that was started with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write()
        environ = {VARIABLE: str(path)}
        settings = load(environ)
        self.tariffs: Tariffs = options(settings).tariffs
        self.reload = Reload(environ, settings, self.tariffs)

    def write(self, **changes: Any) -> None:
        self.path.write_text(yaml.safe_dump(BASE | changes))

    @property
    def core(self) -> Decimal | None:
        return self.tariffs.prices.cpu_core_hour if self.tariffs.prices else None


@pytest.fixture
def config(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Config:
    caplog.set_level(logging.INFO, "tollgate.runtime.reload")
    return Config(tmp_path / "config.yaml")


def test_new_prices_count_and_are_told_once(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    config.reload.look()
    assert caplog.messages == []
    config.write(prices=PRICES | {"cpuCoreHour": "0.08"}, energy={"wattsPerCore": "5.5"})
    config.reload.look()
    config.reload.look()
    assert config.core == Decimal("0.08")
    assert config.tariffs.energy.watts_per_core == "5.5"
    assert caplog.messages == ["The configuration has changed: its prices and energy count from now on"]


def test_prices_can_be_taken_away(config: Config) -> None:
    config.path.write_text(yaml.safe_dump({name: part for name, part in BASE.items() if name != "prices"}))
    config.reload.look()
    assert config.tariffs.prices is None


@pytest.mark.parametrize("text", ["prices: {", "prices: {currency: USD}", ""])
def test_a_file_that_cannot_be_used_changes_nothing_and_is_told_once(
    config: Config, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    config.path.write_text(text)
    config.reload.look()
    config.reload.look()
    assert config.core == Decimal("0.04")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "The prices and everything else stay as they are." in record.message
    config.write(prices=PRICES | {"cpuCoreHour": "0.08"})
    config.reload.look()
    assert config.core == Decimal("0.08")


def test_what_needs_a_restart_is_said(config: Config, caplog: pytest.LogCaptureFixture) -> None:
    config.write(workers=2, logLevel="debug")
    config.reload.look()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message.startswith("workers, log_level of the configuration have changed: restart")
