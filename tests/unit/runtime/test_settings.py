"""The configuration file: what is taken, and the sentence for what is not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tollgate.measure.cost import OpenCost
from tollgate.runtime.settings import SettingsError, load

SMALLEST = """
prometheus: {url: "http://prometheus:9090"}
benchmark: {image: "tollgate.dev/operator:1"}
"""
WHOLE = """
prometheus:
  url: https://prometheus.example.com/select
  timeoutSeconds: 5
  bearerTokenFile: /etc/token
  caFile: /etc/ca.pem
prices: {currency: USD, cpuCoreHour: "0.04", memoryGiBHour: "0.005", gpuHour: "2.5"}
benchmark: {image: "tollgate.dev/operator:1", imagePullPolicy: Never}
workers: 3
leaderElection: {enabled: false}
resyncSeconds: 60
logLevel: debug
"""


TABLE = 'cpuCoreHour: "0.04", memoryGiBHour: "0.005", gpuHour: "2.5"'


def read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return load({"TOLLGATE_CONFIG": str(path)})


def test_the_smallest_file(tmp_path: Path) -> None:
    settings = read(tmp_path, SMALLEST)
    assert settings.prometheus.url == "http://prometheus:9090"
    assert settings.prices is None
    assert settings.leader_election.enabled
    assert settings.benchmark.image_pull_policy == "IfNotPresent"


def test_every_setting(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE)
    assert settings.prices.cpu_core_hour == Decimal("0.04")
    assert settings.prices.memory_gib_hour == Decimal("0.005")
    assert settings.prometheus.bearer_token_file == "/etc/token"
    assert settings.prometheus.timeout_seconds == 5.0
    assert not settings.leader_election.enabled
    assert (settings.workers, settings.resync_seconds, settings.log_level) == (3, 60.0, "debug")


def test_prices_of_opencost_take_the_place_of_a_table(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE.replace(TABLE, "openCost: {}"))
    assert settings.prices.source == OpenCost("USD", Decimal("0.0002"))
    settings = read(tmp_path, WHOLE.replace(TABLE, 'openCost: {leastCpuCoreHour: "0"}'))
    assert settings.prices.source == OpenCost("USD", Decimal(0))


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("workers: 3", "wrokers: 3", "wrokers is no setting"),
        ("currency: USD", "curency: USD", r"prices\.currency is missing; prices\.curency is no setting"),
        ("workers: 3", "workers: 0", r"workers: .* greater than or equal to 1"),
        ("workers: 3", "workers: many", "workers: .* valid integer"),
        ('"0.04"', "0.04", r"prices\.cpuCoreHour: write it as a decimal in quotes"),
        ('"0.04"', '"-1"', r"prices\.cpuCoreHour: .* greater than or equal to 0"),
        ('"0.04"', '"NaN"', r"prices\.cpuCoreHour: .* finite"),
        (', gpuHour: "2.5"', "", "prices: gpuHour is missing: a table has all three; or write openCost"),
        (', gpuHour: "2.5"', ", openCost: {}", "prices: openCost takes the place of a table: remove it"),
        (TABLE, "openCost: {least: 1}", r"prices\.openCost\.least is no setting"),
        (
            TABLE,
            "openCost: {leastCpuCoreHour: 1}",
            r"prices\.openCost\.leastCpuCoreHour: write it as a decimal",
        ),
        ("https://prometheus.example.com/select", "prometheus:9090", r"prometheus\.url: write it as http"),
        ("https://", "file://", r"prometheus\.url: write it as http"),
        ("logLevel: debug", "logLevel: loud", "logLevel: .*'debug', 'info'"),
        ("imagePullPolicy: Never", "imagePullPolicy: Sometimes", r"benchmark\.imagePullPolicy: "),
        ("prometheus:\n", "prometheus: [\n", r"is not YAML \(line 4\)"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    assert before in WHOLE
    with pytest.raises(SettingsError, match=sentence) as caught:
        read(tmp_path, WHOLE.replace(before, after))
    assert "\n" not in str(caught.value)


def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="bearerTokenFile") as caught:
        read(tmp_path, SMALLEST.replace("http://", "http://admin:hunter2@"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("text", "sentence"), [("", "prometheus is missing"), ("[1]", "the file: ")])
def test_a_file_without_settings(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        read(tmp_path, text)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TOLLGATE_CONFIG is not set"):
        load({})
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load({"TOLLGATE_CONFIG": str(tmp_path / "absent")})
