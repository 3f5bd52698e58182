from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tollgate.api.profiles import BenchmarkProfileSpec, LatencySeries, MetricProfileSpec

STEADY = {"name": "steady", "rate": "40req/s", "durationSeconds": 25}
PROFILE: dict[str, Any] = {
    "protocol": "OpenInference",
    "port": 8080,
    "model": "digits",
    "dataset": {"configMap": {"name": "digits-dataset"}},
    "stages": [{"name": "warm-up", "warmUp": True, "rate": "20req/s", "durationSeconds": 5}, STEADY],
}


def test_only_stages_after_the_warm_up_are_measured() -> None:
    profile = BenchmarkProfileSpec.model_validate(PROFILE)
    assert [stage.name for stage in profile.measured] == ["steady"]
    assert profile.measured[0].requests == 1000


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": None}, "OpenInference needs model"),
        ({"protocol": "JSON"}, "JSON needs path"),
        ({"path": "http://elsewhere/"}, "String should match"),
        ({"stages": [{**STEADY, "warmUp": True}]}, "at least one stage must not be warmUp"),
        ({"stages": [STEADY, STEADY]}, "given twice: steady"),
        ({"stages": [{**STEADY, "rate": "0req/s"}]}, "requests per second above 0"),
        ({"stages": [{**STEADY, "rate": "100000req/s"}]}, "String should match"),
        ({"port": 0}, "greater than or equal to 1"),
    ],
)
def test_a_profile_that_can_not_be_run_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BenchmarkProfileSpec.model_validate({**PROFILE, **changed})


def test_a_metric_profile_says_where_samples_are_from() -> None:
    spec = MetricProfileSpec.model_validate({"latency": {"series": "request_seconds"}})
    assert (spec.labels.namespace, spec.labels.pod, spec.errors) == ("namespace", "pod", None)


@pytest.mark.parametrize(("unit", "scale"), [("s", 1.0), ("ms", 1e-3), ("us", 1e-6)])
def test_a_histogram_has_a_unit(unit: str, scale: float) -> None:
    assert LatencySeries.model_validate({"series": "x", "unit": unit}).scale == scale


def test_a_histogram_is_classic_unless_said() -> None:
    assert LatencySeries.model_validate({"series": "x"}).type == "Classic"
    assert LatencySeries.model_validate({"series": "x", "type": "Native"}).type == "Native"


@pytest.mark.parametrize("kind", ["Summary", "CounterMean", "Auto", "native"])
def test_what_cannot_be_judged_is_refused(kind: str) -> None:
    with pytest.raises(ValidationError, match="should be 'Classic' or 'Native'"):
        LatencySeries.model_validate({"series": "x", "type": kind})


@pytest.mark.parametrize("series", ["", 'x{job="a"}', "sum(x)", "1x"])
def test_a_series_is_a_name_and_no_query(series: str) -> None:
    with pytest.raises(ValidationError):
        LatencySeries.model_validate({"series": series})
