from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tollgate.api.objective import Objective, Per, Statistic, objective_quantity


def objective(**fields: Any) -> Objective:
    return Objective.model_validate({"name": "o", **fields})


@pytest.mark.parametrize(
    ("fields", "reads"),
    [
        ({"dimension": "Latency", "statistic": "P99", "max": "250ms"}, "p99 <= 250ms"),
        ({"dimension": "Latency", "statistic": "Mean", "max": "0.5s"}, "mean <= 0.5s"),
        ({"dimension": "ErrorRate", "max": "0.5%"}, "ErrorRate <= 0.5%"),
        ({"dimension": "Cost", "per": "1kRequests", "max": "0.40USD"}, "Cost <= 0.40USD per 1kRequests"),
        ({"dimension": "Quality", "metric": "Accuracy", "min": "0.95"}, "Quality >= 0.95"),
        ({"dimension": "Throughput", "min": "30req/s"}, "Throughput >= 30req/s"),
    ],
)
def test_each_dimension_takes_its_own_limit(fields: dict[str, str], reads: str) -> None:
    assert objective_quantity(objective(**fields)) == reads


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dimension": "Latency", "max": "250ms"}, "Latency takes exactly max and statistic"),
        ({"dimension": "Latency", "statistic": "P99", "min": "250ms"}, "takes exactly max and statistic"),
        ({"dimension": "Latency", "statistic": "P99", "max": "250"}, "a duration above 0, such as 250ms"),
        ({"dimension": "Latency", "statistic": "P99", "max": "0.0ms"}, "a duration above 0"),
        ({"dimension": "Latency", "statistic": "P99", "max": "0.4USD"}, "not '0.4USD'"),
        ({"dimension": "Cost", "max": "0.40USD"}, "Cost takes exactly max and per"),
        ({"dimension": "Cost", "per": "Request", "max": "0.40"}, "an amount above 0 with its currency"),
        ({"dimension": "ErrorRate", "max": "0%"}, "a percentage between 0 and 100"),
        ({"dimension": "ErrorRate", "max": "100%"}, "a percentage between 0 and 100"),
        ({"dimension": "ErrorRate", "statistic": "P99", "max": "1%"}, "ErrorRate takes exactly max"),
        ({"dimension": "Quality", "metric": "Accuracy", "min": "95%"}, "a fraction between 0 and 1"),
        ({"dimension": "Quality", "metric": "Accuracy", "min": "1"}, "a fraction between 0 and 1"),
        ({"dimension": "Quality", "min": "0.95"}, "Quality takes exactly min and metric"),
        ({"dimension": "Throughput", "min": "30"}, "a rate above 0, such as 30req/s"),
        ({"dimension": "FLOPs", "max": "1"}, "Input should be 'Latency'"),
        ({"dimension": "Latency", "statistic": "P98", "max": "250ms"}, "Input should be 'Mean'"),
    ],
)
def test_what_a_dimension_does_not_take_is_refused(fields: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        objective(**fields)


def test_the_tail_of_a_percentile_is_the_share_allowed_over_the_limit() -> None:
    assert Statistic.P99.tail == Decimal("0.01")
    assert Statistic.P999.tail == Decimal("0.001")
    assert Statistic.MEAN.tail is None


def test_the_margin_of_a_regression_is_five_percent_unless_said() -> None:
    assert objective(dimension="ErrorRate", max="1%").margin == Decimal("0.05")
    assert objective(dimension="ErrorRate", max="1%", maxRegression="0%").margin == 0


def test_a_cost_is_divided_by_what_it_says() -> None:
    assert [Per("Request").times, Per("1kRequests").times] == [1, 1000]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"dimension": "Latency", "statistic": "P99", "max": "14GFLOP"}, "a duration above 0"),
    (
        {"dimension": "Compute", "per": "Token", "max": "250ms"},
        "a number of operations above 0, such as 14GFLOP",
    ),
    (
        {"dimension": "Compute", "per": "1kTokens", "max": "1GFLOP"},
        "per is one of Request, Token, not '1kTokens'",
    ),
    (
        {"dimension": "Cost", "per": "Token", "max": "1USD"},
        "per is one of Request, 1kRequests, 1kTokens, 1MTokens",
    ),
    (
        {"dimension": "Tokens", "metric": "F1", "max": "9tok"},
        "metric is one of Input, Output, Total, not 'F1'",
    ),
    (
        {"dimension": "Quality", "metric": "Input", "min": "0.9"},
        "metric is one of Accuracy, F1, F1Macro, F1Micro",
    ),
    ({"dimension": "GPUUtilization", "max": "90%", "min": "20%"}, "takes exactly max or min"),
    ({"dimension": "ViolationRate", "max": "1%"}, "ViolationRate takes exactly max and within"),
    ({"dimension": "ErrorRate", "max": "1%", "within": "1s"}, "within is for ViolationRate"),
    ({"dimension": "Goodput", "min": "3req/s"}, "Goodput takes exactly min and meets"),
    ({"dimension": "Goodput", "min": "3req/s", "meets": {}}, "meets needs latency, timeToFirstToken"),
    ({"dimension": "Memory", "max": "12GB"}, "such as 512Mi or 12Gi, not '12GB'"),
    ({"dimension": "Memory", "max": "12Gi", "measured": True}, "measured is for Energy"),
    ({"dimension": "Parameters", "max": "8Billion"}, "such as 350M or 8B"),
    ({"dimension": "Energy", "per": "Request", "max": "5kcal"}, "such as 2.5J, 0.7Wh"),
    ({"dimension": "Variability", "metric": "P99ToP50", "max": "4x"}, "a number above 0, such as 2.5"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG)
def test_what_the_newer_dimensions_do_not_take_is_refused_with_what_they_do(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Objective.model_validate({"name": "o", **fields})


def test_how_they_read_in_a_sentence() -> None:
    told = [
        ({"dimension": "TimeToFirstToken", "statistic": "P95", "max": "1s"}, "TimeToFirstToken p95 <= 1s"),
        ({"dimension": "ViolationRate", "within": "1s", "max": "2%"}, "ViolationRate <= 2% within 1s"),
        (
            {"dimension": "Goodput", "meets": {"latency": "1s"}, "min": "3req/s"},
            "Goodput >= 3req/s (latency 1s)",
        ),
        ({"dimension": "Variability", "metric": "P99ToP50", "max": "4"}, "Variability P99ToP50 <= 4"),
        ({"dimension": "Cost", "per": "1MTokens", "max": "2USD"}, "Cost <= 2USD per 1MTokens"),
    ]
    for fields, sentence in told:
        assert objective_quantity(Objective.model_validate({"name": "o", **fields})) == sentence
