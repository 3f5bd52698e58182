from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.api.transport import digest

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


def test_a_repeated_stage_has_its_runs_one_after_the_other() -> None:
    stages = [PROFILE["stages"][0], {**STEADY, "repeats": 3}, {**STEADY, "name": "last"}]
    profile = BenchmarkProfileSpec.model_validate({**PROFILE, "stages": stages})
    assert [(number, stage.name, repeat) for number, stage, repeat in profile.runs] == [
        (0, "warm-up", 1),
        (1, "steady", 1),
        (1, "steady", 2),
        (1, "steady", 3),
        (2, "last", 1),
    ]
    assert profile.stages[1].judged_requests == 3000


SEARCH = {
    "objective": {"statistic": "P99", "max": "250ms"},
    "lowest": "20req/s",
    "highest": "640req/s",
    "requests": 1000,
}


def test_a_search_needs_no_measured_stage() -> None:
    profile = BenchmarkProfileSpec.model_validate(
        PROFILE | {"stages": PROFILE["stages"][:1], "search": SEARCH}
    )
    assert profile.measured == []
    assert profile.search is not None
    assert (profile.search.probes, profile.search.confidence) == (6, "0.99")
    assert BenchmarkProfileSpec.model_validate(profile.dump()) == profile


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"search": SEARCH, "pods": 2}, "each probe of a search depends on the one before"),
        (
            {"search": SEARCH | {"probes": 7}},
            "room for 8 runs of stages, repeats and probes of a search counted",
        ),
        ({"search": SEARCH, "stages": [{**STEADY, "name": "search-me"}]}, "is that of a probe of the search"),
    ],
)
def test_a_search_that_does_not_fit_the_rest_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        BenchmarkProfileSpec.model_validate(PROFILE | fields)


def test_a_stage_by_requests_sends_so_many_and_lasts_as_long_as_they_take() -> None:
    warm_up = {"name": "warm-up", "warmUp": True, "rate": "20req/s", "requests": 50}
    steady = {"name": "steady", "rate": "40req/s", "requests": 1001}
    profile = BenchmarkProfileSpec.model_validate({**PROFILE, "stages": [warm_up, steady]})
    assert [(stage.requests, stage.seconds) for stage in profile.stages] == [(50, 3), (1001, 26)]
    assert [stage["requests"] for stage in profile.dump()["stages"]] == [50, 1001]
    assert BenchmarkProfileSpec.model_validate(profile.dump()) == profile


def test_the_digest_of_an_older_profile_stays() -> None:
    """Recorded benchmarks are compared by it: a field that is added must not make all of them incomparable."""
    older = {
        "protocol": "JSON",
        "path": "/predict",
        "port": 8080,
        "dataset": {"configMap": {"name": "inputs"}},
        "stages": [PROFILE["stages"][0], {**STEADY, "arrival": "Constant"}],
    }
    profile = BenchmarkProfileSpec.model_validate(older)
    assert digest(profile) == "sha256:e1f6c6e2bfd9a8c7f3408fe1a7f1c2dae315a5683ed6389b0ea70de772cc837d"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": None}, "OpenInference needs model"),
        ({"protocol": "JSON"}, "JSON needs path"),
        ({"path": "http://elsewhere/"}, "String should match"),
        ({"stages": [{**STEADY, "warmUp": True}]}, "at least one stage must not be warmUp"),
        ({"stages": [STEADY, STEADY]}, "given twice: steady"),
        ({"stages": [{**STEADY, "rate": "0req/s"}]}, "requests per second above 0"),
        ({"stages": [{**STEADY, "requests": 1000}]}, "either durationSeconds or requests"),
        ({"stages": [{"name": "steady", "rate": "40req/s"}]}, "either durationSeconds or requests"),
        (
            {"stages": [{"name": "steady", "rate": "0.1req/s", "requests": 361}]},
            "stage steady takes 3610 s for 361 requests at 0.1req/s, and a stage lasts 3600 s at most",
        ),
        ({"stages": [{**STEADY, "rate": "100000req/s"}]}, "String should match"),
        (
            {"pods": 2, "stages": [{"name": "s", "scenario": "Offline", "requests": 100}]},
            "kept by one pod: set pods to 1, and raise workers",
        ),
        (
            {"stages": [{**STEADY, "repeats": 8}, {**STEADY, "name": "again"}]},
            "a benchmark has room for 8 runs of stages, repeats and probes of a search counted",
        ),
        ({"stages": [{**STEADY, "repeats": 1}]}, "greater than or equal to 2"),
        ({"port": 0}, "greater than or equal to 1"),
        (
            {"protocol": "OpenInferenceGRPC"},
            "should be 'OpenInference', 'JSON', 'OpenAIChat' or 'OpenAICompletions'",
        ),
        ({"protocol": "OpenAIChat", "model": None}, "OpenAIChat and OpenAICompletions need model"),
        (
            {"protocol": "OpenAIChat", "pods": 2},
            "several pods add up latencies, errors and what was right or accepted",
        ),
        (
            {"exitStage": "exit", "pods": 2},
            "several pods add up latencies, errors and what was right or accepted",
        ),
        ({"model": "org/digits"}, "no slash and no colon"),
        (
            {"protocol": "OpenAIChat", "parameters": [{"name": "n", "value": "2"}]},
            "parameters must not set model, messages, prompt, stream, stream_options, n",
        ),
        ({"parameters": [{"name": "k", "value": "2"}] * 2}, "given twice: k"),
        ({"headers": [{"name": "authorization", "value": "Bearer x"}]}, "put the token into a Secret"),
        ({"headers": [{"name": "Cookie", "value": "key=x"}]}, "put the token into a Secret"),
        ({"headers": [{"name": "Accept", "value": "*/*"}]}, "set by the protocol"),
        ({"headers": [{"name": "X-A", "value": "a\r\nX-B: b"}]}, "String should match"),
        ({"headers": [{"name": "X A", "value": "a"}]}, "String should match"),
        ({"tls": {"ca": {}}}, "exactly one of configMap and secret"),
        (
            {"tls": {"ca": {"configMap": {"name": "a"}, "secret": {"name": "b"}}}},
            "exactly one of configMap and secret",
        ),
        ({"tls": {"insecureSkipVerify": True, "serverName": "a.b"}}, "trusts every certificate"),
        ({"bearerToken": {"name": "../key"}}, "String should match"),
    ],
)
def test_a_profile_that_can_not_be_run_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BenchmarkProfileSpec.model_validate({**PROFILE, **changed})


def test_a_server_is_verified_and_streams_unless_said() -> None:
    profile = BenchmarkProfileSpec.model_validate({**PROFILE, "protocol": "OpenAIChat", "tls": {}})
    assert profile.tls is not None
    assert not profile.tls.insecure_skip_verify
    assert profile.stream


PEAK: dict[str, Any] = {"name": "peak", "peak": {"of": "steady", "times": "2"}, "durationSeconds": 10}


@pytest.mark.parametrize(
    ("of", "other"),
    [
        ("nobody", STEADY),
        ("peak", STEADY),
        ("steady", {"name": "steady", "concurrency": 4, "durationSeconds": 10}),
        ("steady", {**STEADY, "toRate": "80req/s", "arrival": "Ramp"}),
    ],
)
def test_a_peak_of_no_rate_is_refused(of: str, other: dict[str, Any]) -> None:
    stages = [other, {**PEAK, "peak": {"of": of, "times": "2"}}]
    with pytest.raises(ValueError, match="stage peak: a peak is of a stage of the profile that has a rate"):
        BenchmarkProfileSpec.model_validate({**PROFILE, "stages": stages})


def test_a_peak_that_is_as_long_as_no_stage_may_be_is_refused() -> None:
    long = {"name": "peak", "peak": {"of": "steady", "times": "2"}, "requests": 300_000}
    with pytest.raises(ValueError, match="stage peak takes 3750 s for 300000 requests at 80req/s"):
        BenchmarkProfileSpec.model_validate({**PROFILE, "stages": [STEADY, long]})


def test_a_surge_is_sent_by_one_pod() -> None:
    with pytest.raises(ValueError, match="set pods to 1"):
        BenchmarkProfileSpec.model_validate({**PROFILE, "stages": [{**STEADY, "surge": 50}], "pods": 2})
