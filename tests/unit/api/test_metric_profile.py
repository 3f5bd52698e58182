from __future__ import annotations

import pytest
from pydantic import ValidationError

from tollgate.api.metric_profile import LatencySeries, MetricProfileSpec


def test_a_metric_profile_says_where_samples_are_from() -> None:
    spec = MetricProfileSpec.model_validate({"latency": {"series": "request_seconds"}})
    assert (spec.labels.namespace, spec.labels.pod, spec.errors) == ("namespace", "pod", None)


@pytest.mark.parametrize(("unit", "scale"), [("s", 1.0), ("ms", 1e-3), ("us", 1e-6)])
def test_a_histogram_has_a_unit(unit: str, scale: float) -> None:
    assert LatencySeries.model_validate({"series": "x", "unit": unit}).scale == scale


def test_a_histogram_is_classic_unless_said() -> None:
    assert LatencySeries.model_validate({"series": "x"}).type == "Classic"
    assert LatencySeries.model_validate({"series": "x", "type": "Native"}).type == "Native"


@pytest.mark.parametrize("kind", ["Auto", "native", "Mean"])
def test_no_other_type_is_known(kind: str) -> None:
    with pytest.raises(ValidationError, match="should be 'Classic', 'Native', 'Summary' or 'CounterMean'"):
        LatencySeries.model_validate({"series": "x", "type": kind})


@pytest.mark.parametrize("kind", ["Classic", "Native", "Summary"])
def test_a_sum_and_its_count_are_two_series_and_the_rest_is_one(kind: str) -> None:
    count = {"series": "requests_total"}
    of_two = LatencySeries.model_validate({"series": "x", "type": "CounterMean", "count": count})
    assert not of_two.type.has_buckets
    with pytest.raises(ValidationError, match="CounterMean takes count"):
        LatencySeries.model_validate({"series": "x", "type": "CounterMean"})
    with pytest.raises(ValidationError, match="the other types have none"):
        LatencySeries.model_validate({"series": "x", "type": kind, "count": count})


GATEWAY = [
    {"label": "exported_namespace", "value": "${namespace}"},
    {"label": "service", "value": "${target}"},
]


def of_service(matchers: list[dict[str, str]]) -> MetricProfileSpec:
    return MetricProfileSpec.model_validate(
        {"scope": "Service", "serviceMatchers": matchers, "latency": {"series": "x"}}
    )


def test_a_service_is_told_by_its_namespace_and_name() -> None:
    of_service(GATEWAY)
    of_service([{"label": "service", "operator": "=~", "value": "${namespace}-${target}-.*@kubernetes"}])


@pytest.mark.parametrize(
    "matchers",
    [
        [],
        GATEWAY[:1],
        GATEWAY[1:],
        [GATEWAY[0], {**GATEWAY[1], "operator": "!="}],
        [GATEWAY[0], {**GATEWAY[1], "operator": "!~"}],
    ],
)
def test_series_of_everybody_are_refused(matchers: list[dict[str, str]]) -> None:
    with pytest.raises(ValidationError, match="scope Service takes serviceMatchers"):
        of_service(matchers)


def test_pods_have_no_service_matchers() -> None:
    with pytest.raises(ValidationError, match="scope Pod has none"):
        MetricProfileSpec.model_validate({"serviceMatchers": GATEWAY, "latency": {"series": "x"}})


@pytest.mark.parametrize("series", ["", 'x{job="a"}', "sum(x)", "1x"])
def test_a_series_is_a_name_and_no_query(series: str) -> None:
    with pytest.raises(ValidationError):
        LatencySeries.model_validate({"series": series})
