"""The CRDs on a real API server: what it takes, what it refuses and with which words, and that the models agree."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes import client, config
from pydantic import ValidationError

from tests.contract.examples import FOLDER, example
from tests.contract.full_status import full_status
from tests.contract.kubectl import AS_OPERATOR, Kubectl
from tests.contract.wrong_budgets import WRONG_BUDGETS, Change, night
from tests.contract.wrong_profiles import LOADS, METRICS, PROFILES, SEARCH
from tests.unit.decide.objectives import benchmark as measured
from tests.unit.decide.objectives import stage
from tollgate.api.base import API_VERSION, GROUP, VERSION
from tollgate.api.benchmark import BenchmarkStatus
from tollgate.api.budget import BudgetStatus, Dimension, EfficiencyBudget, Per, Statistic
from tollgate.api.canonical import digest
from tollgate.api.change import ChangeKind, LimitChange
from tollgate.api.cold_start import FirstRequests, OverPods, StartTimes
from tollgate.api.decision import Action, DecisionSpec, ObjectIdentity
from tollgate.api.degradation import (
    StepChange,
)
from tollgate.api.hardware import LoadedPods
from tollgate.api.metric_profile import MetricProfile
from tollgate.api.objective import Metric
from tollgate.api.profiles import BenchmarkProfile
from tollgate.api.release import (
    Carried,
    Release,
)
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.api.sweep import OperatingPoint
from tollgate.manifests.benchmark import benchmark
from tollgate.manifests.decision import decision
from tollgate.manifests.names import Identity
from tollgate.ports import BUDGET

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("crds")]

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SERVER_ALONE = ("create", "--dry-run=server", "--validate=false")  # without kubectl's own checks before it


@pytest.fixture
def budget(namespace: str) -> dict[str, Any]:
    obj = example("budget")
    obj["metadata"]["namespace"] = namespace
    return obj


def without_empty_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_empty_lists(inner) for key, inner in value.items() if inner != []}
    return [without_empty_lists(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("change", "message"), WRONG_BUDGETS.values(), ids=WRONG_BUDGETS)
def test_a_wrong_budget_is_refused_in_words_and_by_the_model(
    kubectl: Kubectl, budget: dict[str, Any], change: Change, message: str
) -> None:
    change(budget["spec"])
    assert message in kubectl.refused(*SERVER_ALONE, objects=[budget])
    with pytest.raises(ValidationError):
        EfficiencyBudget.model_validate(budget)


@pytest.mark.parametrize(
    "schedule", ["0 22 * * *", "*/15 0-5,22,23 1 JAN 7", "0 0 1-7 * MON", "30 6 * jan,jul sat,sun"]
)
def test_schedules_of_cron_are_taken(kubectl: Kubectl, budget: dict[str, Any], schedule: str) -> None:
    night(schedule=schedule)(budget["spec"])
    kubectl("create", "--dry-run=server", objects=[budget])
    EfficiencyBudget.model_validate(budget)


def test_a_misspelt_field_is_named(kubectl: Kubectl, budget: dict[str, Any]) -> None:
    budget["spec"]["onDelet"] = "Hold"
    assert re.search(
        'unknown field "(spec.)?onDelet"', kubectl.refused("create", "--dry-run=server", objects=[budget])
    )


@pytest.mark.parametrize(("change", "message"), PROFILES.values(), ids=PROFILES)
def test_a_wrong_profile_is_refused_in_words_and_by_the_model(
    kubectl: Kubectl, change: Change, message: str
) -> None:
    profile = example("benchmark-profile")
    change(profile["spec"])
    assert message in kubectl.refused(*SERVER_ALONE, objects=[profile])
    with pytest.raises(ValidationError):
        BenchmarkProfile.model_validate(profile)


@pytest.mark.parametrize(("change", "message"), METRICS.values(), ids=METRICS)
def test_a_wrong_metric_profile_is_refused_in_words_and_by_the_model(
    kubectl: Kubectl, change: Change, message: str
) -> None:
    profile = example("metric-profile")
    change(profile["spec"])
    assert message in kubectl.refused(*SERVER_ALONE, objects=[profile])
    with pytest.raises(ValidationError):
        MetricProfile.model_validate(profile)


@pytest.mark.parametrize("which", LOADS)
def test_every_form_of_load_is_taken(kubectl: Kubectl, which: str) -> None:
    profile = example("benchmark-profile")
    name = profile["metadata"]["name"] = f"contract-{which}"
    profile["spec"]["stages"] = LOADS[which]
    kubectl("apply", "--server-side", "--force-conflicts", objects=[profile])
    served = kubectl.get(f"benchmarkprofile.{GROUP}", name)
    assert served["spec"] == without_empty_lists(BenchmarkProfile.model_validate(profile).dump()["spec"])
    kubectl("delete", f"benchmarkprofile.{GROUP}", name)


def test_a_search_beside_a_warm_up_is_taken(kubectl: Kubectl) -> None:
    profile = example("benchmark-profile")
    profile["metadata"]["name"] = "contract-search"
    profile["spec"].update(stages=profile["spec"]["stages"][:1], search=SEARCH)
    kubectl("apply", "--server-side", "--force-conflicts", objects=[profile])
    served = kubectl.get(f"benchmarkprofile.{GROUP}", "contract-search")
    assert served["spec"] == without_empty_lists(BenchmarkProfile.model_validate(profile).dump()["spec"])
    kubectl("delete", f"benchmarkprofile.{GROUP}", "contract-search")


def test_the_profile_of_a_language_model_is_taken(kubectl: Kubectl) -> None:
    documents = yaml.safe_load_all((FOLDER.parents[1] / "openai/benchmark-profile.yaml").read_text())
    profile = next(document for document in documents if document["kind"] == "BenchmarkProfile")
    profile["metadata"]["name"] = "contract-chat-steady"
    kubectl("apply", "--server-side", "--force-conflicts", objects=[profile])
    served = kubectl.get(f"benchmarkprofile.{GROUP}", "contract-chat-steady")
    assert served["spec"] == without_empty_lists(BenchmarkProfile.model_validate(profile).dump()["spec"])


def test_the_example_is_taken_and_filled_in_as_the_models_do(
    kubectl: Kubectl, budget: dict[str, Any]
) -> None:
    for obj, model in (
        (budget, EfficiencyBudget),
        (example("benchmark-profile"), BenchmarkProfile),
        (example("metric-profile"), MetricProfile),
    ):
        name = obj["metadata"]["name"] = (
            f"contract-{obj['metadata']['name']}"  # the example itself may be in use
        )
        kubectl("apply", "--server-side", "--force-conflicts", objects=[obj])
        namespaced = ["-n", obj["metadata"]["namespace"]] if "namespace" in obj["metadata"] else []
        served = kubectl.get(f"{obj['kind'].lower()}.{GROUP}", name, *namespaced)
        assert served["spec"] == without_empty_lists(model.model_validate(obj).dump()["spec"])
        kubectl("delete", f"{obj['kind'].lower()}.{GROUP}", name, *namespaced)


def test_a_target_is_immutable(kubectl: Kubectl, budget: dict[str, Any]) -> None:
    budget["metadata"]["name"] = "moved"
    kubectl("create", objects=[budget])
    budget["spec"]["target"]["name"] = "another"
    refusal = kubectl.refused("apply", "--server-side", "--force-conflicts", objects=[budget])
    assert "spec.target: Invalid value: target is immutable: make another EfficiencyBudget" in refusal


def test_a_decision_never_changes(kubectl: Kubectl, namespace: str) -> None:
    spec = DecisionSpec(
        action=Action.PROMOTED,
        sequence=1,
        reason="AllWithin",
        budget=ObjectIdentity(name="digits", uid="u1"),
        budget_generation=1,
        target=ObjectIdentity(name="digits", uid="u2"),
        release=1,
        revision="0123456789",
        stage="Promoting",
        decided_at=NOON,
        started_at=NOON,
        policy=EfficiencyBudget.model_validate(example("budget")).spec,
        adjustments=["night"],
        step=StepChange(name="exit-earlier", what="threshold of ConfigMap tuning", was="0.4", now="0.15"),
        degraded=["exit-earlier"],
        changes=[LimitChange(name="tail", kind=ChangeKind.LOOSER, was="p99 <= 250ms", now="p99 <= 400ms")],
    )
    record = decision(spec.dump(), name="digits-1-promoted", namespace=namespace)
    kubectl("create", *AS_OPERATOR, objects=[record])
    changed = spec.model_copy(update={"message": "It was within its limits, honestly."})
    refusal = kubectl.refused("replace", *AS_OPERATOR, objects=[{**record, "spec": changed.dump()}])
    assert "a decision is a record: it never changes" in refusal
    served = kubectl.get("effd", "digits-1-promoted", "-n", namespace)
    assert DecisionSpec.model_validate(served["spec"]) == spec
    assert digest(served["spec"]) == digest(spec.dump()), "what is stored is what was sent"


def test_a_benchmark_is_one_measurement(kubectl: Kubectl, namespace: str) -> None:
    owner = Identity(BUDGET, namespace, "digits", "11111111-2222-3333-4444-555555555555")
    made = benchmark(
        owner,
        name="digits-1",
        profile="digits-steady",
        target="digits-candidate",
        limits=["250ms"],
        revision="0",
    )
    del made["metadata"]["ownerReferences"]  # the garbage collector would miss this owner
    kubectl("create", objects=[made])
    made["spec"]["target"]["name"] = "another"
    refusal = kubectl.refused("replace", objects=[made])
    assert "a Benchmark is one measurement: make another one" in refusal


def test_a_status_comes_back_whole(kubectl: Kubectl, budget: dict[str, Any]) -> None:
    budget["metadata"]["name"] = "whole"
    kubectl("create", objects=[budget])
    status = full_status()
    assert status.model_fields_set == set(BudgetStatus.model_fields)
    assert status.release is not None
    assert status.release.model_fields_set == set(Release.model_fields)
    assert status.detector is not None
    assert status.detector.carried[0].model_fields_set == set(Carried.model_fields)
    kubectl("replace", "--subresource=status", objects=[{**budget, "status": status.dump()}])
    served = kubectl.get("effb", "whole", "-n", budget["metadata"]["namespace"])
    assert BudgetStatus.model_validate(served["status"]) == status


def test_users_see_the_state_of_a_budget_in_one_line(kubectl: Kubectl, budget: dict[str, Any]) -> None:
    budget["metadata"]["name"] = "listed"
    kubectl("create", objects=[budget])
    kubectl("replace", "--subresource=status", objects=[{**budget, "status": full_status().dump()}])
    header, row = kubectl("get", "effb", "listed", "-n", budget["metadata"]["namespace"]).splitlines()
    assert header.split() == ["NAME", "TARGET", "MODE", "READY", "WITHIN", "STAGE", "SHARE", "AGE"]
    assert row.split()[:6] == ["listed", "digits", "Enforce", "True", "Canary", "50%"]


def test_users_see_what_a_benchmark_judged_and_not_its_warm_up(kubectl: Kubectl, namespace: str) -> None:
    warm_up = stage(name="warm-up", warmUp=True, errors=7) | {"overLimit": []}
    warm_up["quantiles"] = warm_up["quantiles"] | {"p99": "9s"}
    made = {
        "apiVersion": API_VERSION,
        "kind": "Benchmark",
        "metadata": {"name": "listed", "namespace": namespace},
        "spec": {"profileRef": {"name": "digits-steady"}, "target": {"name": "digits"}},
    }
    kubectl("create", objects=[made])
    status = BenchmarkStatus(phase="Succeeded", result=measured(warm_up, stage()))
    kubectl("replace", "--subresource=status", objects=[{**made, "status": status.dump()}])
    header, row = kubectl("get", "bench", "listed", "-n", namespace).splitlines()
    assert header.split() == ["NAME", "TARGET", "PROFILE", "PHASE", "P99", "ERRORS", "REVISION", "AGE"]
    assert row.split()[:6] == ["listed", "digits", "digits-steady", "Succeeded", "110ms", "0"]


def test_operating_points_come_back_whole_and_a_sweep_compares_its_own(
    kubectl: Kubectl, namespace: str
) -> None:
    spec = {
        "profileRef": {"name": "digits-points"},
        "target": {"name": "digits"},
        "sweep": {"budgetRef": {"name": "d"}},
    }
    made = {
        "apiVersion": API_VERSION,
        "kind": "Benchmark",
        "metadata": {"name": "points", "namespace": namespace},
        "spec": spec,
    }
    kubectl("create", objects=[made])
    point = OperatingPoint(
        number=2,
        settings="EXIT_THRESHOLD=0.4, 20req/s",
        phase="Measured",
        quality="98.3%",
        p99="110ms",
        throughput="20req/s",
        cost="0.0012USD",
        energy="12.5J",
        feasible="No",
        dominated_by=1,
        message="tail: 40 of 600 requests slower than 250ms",
    )
    assert point.model_fields_set == set(OperatingPoint.model_fields)
    status = BenchmarkStatus(phase="Running", operating_points=[point], cheapest=1)
    kubectl("replace", "--subresource=status", objects=[{**made, "status": status.dump()}])
    assert BenchmarkStatus.model_validate(kubectl.get("bench", "points", "-n", namespace)["status"]) == status
    both = {
        **made,
        "metadata": {"name": "both", "namespace": namespace},
        "spec": {**spec, "baseline": {"name": "old"}},
    }
    assert "a sweep compares its own points" in kubectl.refused("create", objects=[both])


def test_what_the_server_used_and_how_it_started_come_back_whole(kubectl: Kubectl, namespace: str) -> None:
    made = {
        "apiVersion": API_VERSION,
        "kind": "Benchmark",
        "metadata": {"name": "used", "namespace": namespace},
        "spec": {
            "profileRef": {"name": "digits-steady"},
            "target": {"name": "digits"},
            "metricsRef": {"name": "digits-server"},
        },
    }
    kubectl("create", objects=[made])
    readings = ServerReadings(
        scrapes=11,
        covered="50s",
        peak_memory="312.5Mi",
        cpu_seconds="11.2s",
        gpu_utilization="73.1%",
        peak_gpu_memory="20.4Gi",
        energy="2310J",
        attribution="0.5 of GPU-1",
        peak_kv_cache="61.2%",
        flops="42.3TFLOP",
        intervals=10,
        errors={"energy": "0.021"},
        restarts=1,
        unknown={"all": "Nothing."},
    )
    assert readings.model_fields_set == set(ServerReadings.model_fields)
    first = FirstRequests(requests=2, errors=1, median="210ms", worst="1.2s")
    steady = SteadyWindow(since=NOON, until=NOON)
    used = measured(stage(server=readings, steady=steady), firstRequests=first)
    over = OverPods(median="3s", worst="4s")
    starts = StartTimes(
        pods=2,
        restarted=1,
        from_creation=over,
        from_scheduling=over,
        without_pulls=over,
        from_start=over,
        ready_for="5s",
    )
    assert starts.model_fields_set == set(StartTimes.model_fields)
    assert first.model_fields_set == set(FirstRequests.model_fields)
    status = BenchmarkStatus(
        result=used, loaded=LoadedPods(names=["digits-1"], nodes={"node-1": 1}), cold_start=starts
    )
    kubectl("replace", "--subresource=status", objects=[{**made, "status": status.dump()}])
    served = kubectl.get("bench", "used", "-n", namespace)
    assert served["spec"]["metricsRef"] == {"name": "digits-server"}
    assert BenchmarkStatus.model_validate(served["status"]) == status


@pytest.mark.parametrize("short", ["effb", "bench", "benchp", "metp", "effd", "effs", "tollgate"])
def test_every_kind_answers_to_its_short_name_and_category(kubectl: Kubectl, short: str) -> None:
    kubectl("get", short, "-A")


def test_explain_teaches(kubectl: Kubectl) -> None:
    explained = kubectl(
        "explain", "efficiencybudget.spec.canary.onInconclusive", f"--api-version={API_VERSION}"
    )
    assert "Hold keeps the share and says so" in explained
    assert "enum" in explained.lower()
    explained = kubectl("explain", "metricprofile.spec.latency.type", f"--api-version={API_VERSION}")
    assert "a percentile is judged by the benchmark alone" in " ".join(explained.split())


LIMITS = st.one_of(
    st.sampled_from(
        ["250ms", "1.5s", "0ms", "0.000us", "0.40USD", "0USD", "1%", "0%", "99.9%", "100%", "0.95", "1", "0"]
    ),
    st.sampled_from(
        ["30req/s", "0req/s", "250", "250 ms", "-1ms", "1e3ms", ".5s", "5.s", "1.0000000001s", "9" * 13 + "s"]
    ),
    st.from_regex(
        r"[0-9]{1,3}(\.[0-9]{1,2})?(us|ms|s|%|USD|req/s|tok/s|tok|J|kWh|gCO2e|Gi|B|GFLOP|)", fullmatch=True
    ),
)
OBJECTIVES = st.fixed_dictionaries(
    {"dimension": st.sampled_from(list(Dimension)).map(str)},
    optional={
        "statistic": st.sampled_from(list(Statistic)).map(str),
        "per": st.sampled_from(list(Per)).map(str),
        "metric": st.sampled_from(list(Metric)).map(str),
        "within": LIMITS,
        "measured": st.booleans(),
        "meets": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("latency", "timeToFirstToken", "timePerOutputToken"), LIMITS)
        ),
        "max": LIMITS,
        "min": LIMITS,
    },
)


@pytest.fixture(scope="module")
def api(kubeconfig: str) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(config.new_client_from_config(kubeconfig))


@settings(max_examples=40, deadline=None)
@given(objectives=st.lists(OBJECTIVES, min_size=20, max_size=32))
def test_model_and_api_server_refuse_the_same_objectives(
    api: client.CustomObjectsApi, namespace: str, objectives: list[dict[str, str]]
) -> None:
    obj = example("budget")
    obj["metadata"]["namespace"] = namespace
    obj["spec"]["objectives"] = [{"name": f"o{n}", **fields} for n, fields in enumerate(objectives)]
    assert refused_by_server(api, obj) == refused_by_model(obj)


def refused_by_model(obj: dict[str, Any]) -> set[int]:
    try:
        EfficiencyBudget.model_validate(obj)
    except ValidationError as error:
        return {int(e["loc"][2]) for e in error.errors()}
    return set()


def refused_by_server(api: client.CustomObjectsApi, obj: dict[str, Any]) -> set[int]:
    """Indices of the objectives that the causes of a 422 name, as in `spec.objectives[3].max`."""
    namespace = obj["metadata"]["namespace"]
    try:
        api.create_namespaced_custom_object(GROUP, VERSION, namespace, BUDGET.plural, obj, dry_run="All")
    except client.ApiException as error:
        if error.status != 422:
            raise
        causes = json.loads(error.body or "")["details"]["causes"]
        return {int(cause["field"].split("[")[1].split("]")[0]) for cause in causes}
    return set()
