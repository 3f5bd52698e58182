from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.manifests.benchmark_job import JobSettings, benchmark_config_map, benchmark_job
from tollgate.manifests.names import Identity, owned_by
from tollgate.ports import BENCHMARK, Object

PLAN = {"profile": {"port": 8080}, "limits": ["250ms"], "targets": ["10.88.0.5:8080"]}


@pytest.fixture
def profile() -> BenchmarkProfileSpec:
    return BenchmarkProfileSpec.model_validate(
        {
            "protocol": "JSON",
            "port": 8080,
            "path": "/predict",
            "dataset": {"configMap": {"name": "digits-dataset", "key": "inputs.json"}},
            "stages": [{"name": "steady", "rate": "40req/s", "durationSeconds": 25}],
        }
    )


@pytest.fixture
def job(measurement: Identity, profile: BenchmarkProfileSpec) -> Object:
    return benchmark_job(measurement, profile, JobSettings("tollgate.dev/operator:dev", "Never"))


def test_the_job_and_its_plan(measurement: Identity, job: Object, golden: Callable[..., None]) -> None:
    golden("benchmark-job", benchmark_config_map(measurement, PLAN), job)


def test_the_plan_reaches_the_container_as_it_is(measurement: Identity, job: Object) -> None:
    config_map = benchmark_config_map(measurement, PLAN)
    pod = job["spec"]["template"]["spec"]
    environment = {e["name"]: e["value"] for e in pod["containers"][0]["env"]}
    assert json.loads(config_map["data"]["plan.json"]) == PLAN
    assert pod["volumes"][0]["configMap"]["name"] == config_map["metadata"]["name"]
    assert environment["TOLLGATE_PLAN"] == "/plan/plan.json"
    assert environment["TOLLGATE_DATASET"] == "/dataset/inputs.json"


def test_it_has_no_token(job: Object) -> None:
    assert job["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("request_", "limit"), [("200m", "1"), ("1000m", "1"), ("1500m", "1500m"), ("2", "2")]
)
def test_its_schedule_is_not_throttled_below_one_core(
    measurement: Identity, profile: BenchmarkProfileSpec, request_: str, limit: str
) -> None:
    profile.resources.cpu = request_
    job = benchmark_job(measurement, profile, JobSettings("i"))
    resources = job["spec"]["template"]["spec"]["containers"][0]["resources"]
    written = "1" if request_ == "1000m" else request_  # as the API server does
    assert resources["requests"] == {"cpu": written, "memory": "256Mi"}
    assert resources["limits"] == {"cpu": limit, "memory": "256Mi"}


def test_each_worker_has_the_resources_of_one(measurement: Identity, profile: BenchmarkProfileSpec) -> None:
    profile.workers = 3
    job = benchmark_job(measurement, profile, JobSettings("i"))
    resources = job["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "1500m", "memory": "768Mi"}
    assert resources["limits"] == {"cpu": "3", "memory": "768Mi"}

    profile.workers = 4
    job = benchmark_job(measurement, profile, JobSettings("i"))
    resources = job["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["requests"] == {"cpu": "2", "memory": "1Gi"}


def test_it_ends_once_and_goes(job: Object) -> None:
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (
        0,
        900,
        3600,
    )


def test_a_benchmark_with_a_long_name_has_a_job(profile: BenchmarkProfileSpec) -> None:
    by_hand = Identity(BENCHMARK, "vision", "b" * 253, "u")
    job = benchmark_job(by_hand, profile, JobSettings("i"))
    assert len(job["metadata"]["name"]) <= 63
    assert owned_by(job, by_hand)
    assert job["metadata"]["ownerReferences"][0]["name"] == "b" * 253


def test_it_has_the_time_that_a_baseline_takes_even_where_nothing_is_answered(
    measurement: Identity, profile: BenchmarkProfileSpec
) -> None:
    alone, paired = (
        benchmark_job(measurement, profile, JobSettings("tollgate.dev/operator:dev"), paired=paired)["spec"]
        for paired in (False, True)
    )
    more = paired["activeDeadlineSeconds"] - alone["activeDeadlineSeconds"]
    a_turn = 25 / 6 + profile.timeout_seconds
    assert more >= 2 * a_turn + profile.stages[0].turns_seconds + 2 * a_turn


def test_several_pods_are_an_indexed_job_that_goes_on_without_one(
    measurement: Identity, profile: BenchmarkProfileSpec, golden: Callable[..., None]
) -> None:
    profile.pods = 3
    job = benchmark_job(measurement, profile, JobSettings("tollgate.dev/operator:dev", "Never"))
    golden("benchmark-job-pods", job)
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    assert "backoffLimit" not in spec
    assert spec["backoffLimitPerIndex"] == 0
    assert spec["activeDeadlineSeconds"] == 900 + 60 + 10 + 1


def test_what_the_profile_names_is_mounted_for_the_load_generator_alone(
    measurement: Identity, profile: BenchmarkProfileSpec, golden: Callable[..., None]
) -> None:
    named = profile.dump() | {
        "bearerToken": {"name": "model-key", "key": "api-key"},
        "tls": {"ca": {"configMap": {"name": "trust", "key": "root.pem"}}, "serverName": "digits.vision.svc"},
    }
    job = benchmark_job(measurement, BenchmarkProfileSpec.model_validate(named), JobSettings("i"))
    golden("benchmark-job-credentials", job)
    pod = job["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["token"]["secret"] == {
        "secretName": "model-key",
        "items": [{"key": "api-key", "path": "token"}],
        "optional": True,
    }
    mounted = {mount["name"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    assert mounted["token"] == {"name": "token", "mountPath": "/token", "readOnly": True}
    environment = {e["name"]: e["value"] for e in pod["containers"][0]["env"]}
    assert (environment["TOLLGATE_TOKEN"], environment["TOLLGATE_CA"]) == ("/token/token", "/ca/ca.crt")


def test_the_authorities_may_be_in_a_secret(measurement: Identity, profile: BenchmarkProfileSpec) -> None:
    named = profile.dump() | {"tls": {"ca": {"secret": {"name": "trust"}}}}
    job = benchmark_job(measurement, BenchmarkProfileSpec.model_validate(named), JobSettings("i"))
    assert job["spec"]["template"]["spec"]["volumes"][-1]["secret"]["secretName"] == "trust"


@pytest.mark.parametrize("name", ["b" * 63, "a.b", "x" * 30 + "." + "y" * 200])
def test_the_pods_of_an_indexed_job_can_be_called_after_it(profile: BenchmarkProfileSpec, name: str) -> None:
    """The API server refuses a Job whose last pod's host would not be a DNS label."""
    by_hand = Identity(BENCHMARK, "vision", name, "u")
    alone = benchmark_job(by_hand, profile, JobSettings("i"))
    profile.pods = 16
    several = benchmark_job(by_hand, profile, JobSettings("i"))
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", several["metadata"]["name"] + "-15")
    plan = benchmark_config_map(by_hand, {})["metadata"]["name"]
    for job in (alone, several):
        assert job["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] == plan


def test_each_trace_is_a_file_called_as_its_stage(
    measurement: Identity, profile: BenchmarkProfileSpec
) -> None:
    trace = {"arrival": "Trace", "requests": 100}
    stages = [
        *profile.dump()["stages"],
        {"name": "monday", "trace": {"name": "week", "key": "1.txt"}, **trace},
        {"name": "sunday", "trace": {"name": "week"}, **trace},
    ]
    replaying = BenchmarkProfileSpec.model_validate({**profile.dump(), "stages": stages})
    pod = benchmark_job(measurement, replaying, JobSettings("i"))["spec"]["template"]["spec"]
    (volume,) = (v for v in pod["volumes"] if v["name"] == "traces")
    sources = [source["configMap"] for source in volume["projected"]["sources"]]
    assert [(s["name"], s["items"]) for s in sources] == [
        ("week", [{"key": "1.txt", "path": "monday"}]),
        ("week", [{"key": "arrivals.txt", "path": "sunday"}]),
    ]
    (container,) = pod["containers"]
    assert {"name": "traces", "mountPath": "/traces", "readOnly": True} in container["volumeMounts"]
    assert {"name": "TOLLGATE_TRACES", "value": "/traces"} in container["env"]
