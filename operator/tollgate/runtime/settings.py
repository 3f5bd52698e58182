"""The operator's configuration: one YAML file, named by TOLLGATE_CONFIG. Prices count anew when it changes.

Secrets never stand in it: a bearer token is named by its file. Messages name settings, never their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from tollgate.api.facts import EnergyTerms
from tollgate.errors import TollgateError
from tollgate.measure.cost import MachinePrices, OpenCost, PriceTable

VARIABLE = "TOLLGATE_CONFIG"


class SettingsError(TollgateError):
    """The configuration cannot be used; the message names the setting and says what to do."""


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("write it as http://host:port or https://host/path")
    if parts.username or parts.password:
        raise ValueError("it must not contain a user name or password: use bearerTokenFile")
    return value


def _price(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError('write it as a decimal in quotes, such as "0.04"')
    return value


Price = Annotated[Decimal, BeforeValidator(_price), Field(ge=0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class PrometheusSettings(_Section):
    """Where live measurements come from."""

    url: Annotated[str, AfterValidator(_url)]
    timeout_seconds: float = Field(10.0, gt=0, le=60)
    bearer_token_file: str = ""
    ca_file: str = ""


class MachinePriceSettings(_Section):
    """What an hour of a resource costs on one instance type, where that is not the general price."""

    cpu_core_hour: Price | None = None
    memory_gib_hour: Price | None = Field(None, alias="memoryGiBHour")
    gpu_hour: Price | None = None


class OpenCostSettings(_Section):
    """Prices of nodes as OpenCost exports them to Prometheus."""

    least_cpu_core_hour: Price = Decimal("0.0002")


class PriceSettings(_Section):
    """What an hour of a resource costs: by a table, or as OpenCost says of each node.

    Instance types and GPU models of a table are as the labels of the nodes have them.
    """

    currency: str = Field(pattern="^[A-Z]{3}$")
    open_cost: OpenCostSettings | None = None
    cpu_core_hour: Price | None = None
    memory_gib_hour: Price | None = Field(None, alias="memoryGiBHour")
    gpu_hour: Price | None = None
    instance_types: dict[str, MachinePriceSettings] = Field(default_factory=dict, max_length=1000)
    gpu_models: dict[str, Price] = Field(default_factory=dict, max_length=1000)

    @model_validator(mode="after")
    def _from_one_source(self) -> PriceSettings:
        if self.open_cost is not None:
            if self.model_fields_set - {"currency", "open_cost"}:
                raise ValueError("openCost takes the place of a table: remove it, or all prices beside it")
            return self
        needed = {
            "cpuCoreHour": self.cpu_core_hour,
            "memoryGiBHour": self.memory_gib_hour,
            "gpuHour": self.gpu_hour,
        }
        if missing := [name for name, price in needed.items() if price is None]:
            said = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            raise ValueError(f"{said}: a table has all three; or write openCost in its place")
        return self

    @property
    def source(self) -> PriceTable | OpenCost:
        """The same for what is priced."""
        if self.open_cost is not None:
            return OpenCost(self.currency, self.open_cost.least_cpu_core_hour)
        assert self.cpu_core_hour is not None
        assert self.memory_gib_hour is not None
        assert self.gpu_hour is not None
        return PriceTable(
            self.currency,
            self.cpu_core_hour,
            self.memory_gib_hour,
            self.gpu_hour,
            {name: MachinePrices(**own.model_dump()) for name, own in self.instance_types.items()},
            dict(self.gpu_models),
        )


class EnergySettings(_Section):
    """What a core that is busy draws, and what a kWh emits; unknown where they are not set."""

    watts_per_core: Price | None = None
    grams_per_kwh: Price | None = Field(None, alias="gramsPerKWh")

    @property
    def terms(self) -> EnergyTerms:
        """The same for what is judged."""
        given = {name: format(value, "f") for name, value in self.model_dump().items() if value is not None}
        return EnergyTerms.model_validate(given)


class BenchmarkSettings(_Section):
    """What benchmark Jobs run."""

    image: str = Field(min_length=1)
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"


class WebhookSettings(_Section):
    """A webhook that steps of degradation may call."""

    url: Annotated[str, AfterValidator(_url)]
    timeout_seconds: float = Field(10.0, gt=0, le=30)
    bearer_token_file: str = ""


class DegradationSettings(_Section):
    """What steps of degradation may call, by name."""

    webhooks: dict[str, WebhookSettings] = Field(default_factory=dict, max_length=100)


class LeaderElectionSettings(_Section):
    """Whether this process waits for a lease before it acts."""

    enabled: bool = True


class Settings(_Section):
    """The whole file."""

    prometheus: PrometheusSettings
    benchmark: BenchmarkSettings
    prices: PriceSettings | None = None
    energy: EnergySettings = EnergySettings()
    degradation: DegradationSettings = DegradationSettings()
    workers: int = Field(8, ge=1, le=64)
    leader_election: LeaderElectionSettings = LeaderElectionSettings()
    resync_seconds: float = Field(600.0, ge=10, le=86400)
    health_port: int = Field(8080, ge=1, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def load(environ: Mapping[str, str]) -> Settings:
    """The settings from the file that the environment names; SettingsError, one sentence, when unusable."""
    path = environ.get(VARIABLE, "")
    if not path:
        raise SettingsError(f"{VARIABLE} is not set: let it name the YAML file with the operator's settings.")
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not YAML{_place(error)}.") from error
    try:
        return Settings.model_validate({} if content is None else content)
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(map(_sentence, error.errors()))}.") from None


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark else ""


def _sentence(error: Any) -> str:
    where = ".".join(map(str, error["loc"])) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{where} is no setting"
    if error["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"
