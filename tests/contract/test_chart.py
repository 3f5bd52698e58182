"""The two installs on a real API server: the chart, with the real helm, and the plain one rendered from it."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.conftest import ROOT
from tests.contract.kubectl import Kubectl
from tests.support.expositions import SHIPPED
from tollgate.measure.cost import Machine, OpenCost, PriceTable
from tollgate.runtime.settings import load

pytestmark = pytest.mark.cluster

CHART = str(ROOT / "charts/tollgate")
PLAIN = str(ROOT / "charts/plain")
NAMESPACE = "tollgate-system"
IMAGE = "tollgate.dev/operator:dev"


class Yaml12(yaml.SafeLoader):
    """Reads a bare `=` as the string it is to helm and kubectl; in YAML 1.1 it was special."""


Yaml12.add_constructor("tag:yaml.org,2002:value", Yaml12.construct_yaml_str)

Manifests = dict[tuple[str, str], dict[str, Any]]


def by_name(text: str) -> Manifests:
    loaded = [obj for obj in yaml.load_all(text, Yaml12) if obj]
    found = {(obj["kind"], obj["metadata"]["name"]): obj for obj in loaded}
    assert len(found) == len(loaded), "two objects of one name"
    return found


def template(helm: str, *settings: str, namespace: str = NAMESPACE) -> Manifests:
    return by_name(run(helm, "template", "tollgate", CHART, "--namespace", namespace, *settings))


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def chart(helm: str) -> Manifests:
    return template(helm)


@pytest.fixture(scope="module")
def plain(kubectl: Kubectl) -> Manifests:
    return by_name(kubectl("kustomize", PLAIN))


def test_the_chart_lints(helm: str) -> None:
    run(helm, "lint", "--strict", CHART)


def test_the_copies_are_fresh(helm: str) -> None:
    run("env", f"HELM={helm}", sys.executable, str(ROOT / "charts/render.py"), "--check")


def test_both_installs_hold_the_same(chart: Manifests, plain: Manifests) -> None:
    def shape(manifests: Manifests) -> dict[tuple[str, str], Any]:
        shapes: dict[tuple[str, str], Any] = {}
        for (kind, name), obj in manifests.items():
            if kind == "Namespace":  # helm has --create-namespace
                continue
            if kind == "ConfigMap":  # kustomize appends a hash to the name
                shapes[kind, "tollgate"] = yaml.safe_load(obj["data"]["config.yaml"])
            elif kind == "Deployment":
                (volume,) = obj["spec"]["template"]["spec"].pop("volumes")
                assert volume["configMap"]["name"].startswith("tollgate")
                shapes[kind, name] = obj["spec"]
            else:
                shapes[kind, name] = {
                    key: obj[key] for key in ("spec", "rules", "roleRef", "subjects") if key in obj
                }
        return shapes

    assert shape(plain) == shape(chart)


def test_misspelt_and_unsafe_values_are_refused(helm: str) -> None:
    for setting, word in (
        ("setings.workers=2", "setings"),
        ("settings.prices.cpuCoreHour=0.03", "cpuCoreHour"),
        ('settings.prices.currency="USD"', "prices"),
        ('settings.prometheus.url="prometheus"', "url"),
        ('settings.logLevel="loud"', "logLevel"),
    ):
        refused = subprocess.run(
            [helm, "template", CHART, "--set-json", setting], capture_output=True, text=True
        )
        assert refused.returncode != 0
        assert word in refused.stderr


def config(manifests: Manifests) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(manifests["ConfigMap", "tollgate"]["data"]["config.yaml"])
    return loaded


def test_the_operator_understands_the_settings(helm: str, tmp_path: Path) -> None:
    prices = {"currency": "USD", "cpuCoreHour": "0.10", "memoryGiBHour": "0.004237", "gpuHour": "0"}
    given = [f"settings.prices.{key}={value}" for key, value in prices.items()]
    made = template(helm, *(part for value in given for part in ("--set-string", value)))
    file = tmp_path / "config.yaml"
    file.write_text(made["ConfigMap", "tollgate"]["data"]["config.yaml"])
    settings = load({"TOLLGATE_CONFIG": str(file)})
    assert settings.prices is not None
    assert settings.prices.cpu_core_hour == Decimal("0.10")
    assert settings.benchmark.image == IMAGE


def test_prices_by_machine_and_energy_are_understood(helm: str, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(
        """
settings:
  energy: {wattsPerCore: "5.5", gramsPerKWh: "380"}
  prices:
    {currency: USD, cpuCoreHour: "0.10", memoryGiBHour: "0", gpuHour: "1",
     instanceTypes: {m5.xlarge: {cpuCoreHour: "0.2"}}, gpuModels: {A100: "3.40"}}
"""
    )
    made = template(helm, "-f", str(values))
    file = tmp_path / "config.yaml"
    file.write_text(made["ConfigMap", "tollgate"]["data"]["config.yaml"])
    settings = load({"TOLLGATE_CONFIG": str(file)})
    assert settings.prices is not None
    table = settings.prices.source
    assert isinstance(table, PriceTable)
    assert table.on(Machine("m5.xlarge", "A100")).cpu_core_hour == Decimal("0.2")
    assert table.on(Machine("m5.xlarge", "A100")).gpu_hour == Decimal("3.40")
    assert settings.energy.terms.grams_per_kwh == "380"


def test_opencost_is_understood_and_stands_alone(helm: str, tmp_path: Path) -> None:
    made = template(helm, "--set-json", 'settings.prices={"currency": "USD", "openCost": {}}')
    file = tmp_path / "config.yaml"
    file.write_text(made["ConfigMap", "tollgate"]["data"]["config.yaml"])
    settings = load({"TOLLGATE_CONFIG": str(file)})
    assert settings.prices is not None
    assert settings.prices.source == OpenCost("USD", Decimal("0.0002"))
    both = 'settings.prices={"currency": "USD", "openCost": {}, "gpuHour": "1"}'
    refused = subprocess.run([helm, "template", CHART, "--set-json", both], capture_output=True, text=True)
    assert refused.returncode != 0
    assert "prices" in refused.stderr


def test_a_change_of_settings_restarts_the_operator(helm: str, chart: Manifests) -> None:
    def digest(manifests: Manifests) -> str:
        pod = manifests["Deployment", "tollgate"]["spec"]["template"]
        return str(pod["metadata"]["annotations"]["tollgate.dev/config-digest"])

    assert digest(chart) == digest(template(helm))
    assert digest(chart) != digest(template(helm, "--set", "settings.workers=9"))
    # What counts without a restart causes none.
    prices = ("currency=USD", "cpuCoreHour=1", "memoryGiBHour=1", "gpuHour=1")
    priced = template(helm, *(part for one in prices for part in ("--set-string", f"settings.prices.{one}")))
    assert digest(chart) == digest(priced)


def test_benchmarks_run_the_operators_image_unless_told_otherwise(helm: str, chart: Manifests) -> None:
    assert config(chart)["benchmark"]["image"] == IMAGE
    assert "prices" not in config(chart)
    other = template(helm, "--set", "settings.benchmark.image=other:1", "--set", "image.tag=v2")
    assert config(other)["benchmark"]["image"] == "other:1"
    container = other["Deployment", "tollgate"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "tollgate.dev/operator:v2"


def test_parts_can_be_left_out(helm: str, chart: Manifests) -> None:
    switches = ("crds.install=false", "latch.install=false", "approver.install=false", "rbac.aggregate=false")
    made = template(helm, *(part for switch in switches for part in ("--set", switch)))
    gone = {kind for kind, _ in chart.keys() - made.keys()}
    assert gone == {
        "CustomResourceDefinition",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ClusterRole",
    }
    assert ("ClusterRole", "tollgate") in made


def test_the_metric_profiles_come_once_their_kind_is_there(helm: str, chart: Manifests) -> None:
    def profiles(*settings: str) -> set[str]:
        made = template(helm, "--api-versions", "tollgate.dev/v1alpha1/MetricProfile", *settings)
        return {name for kind, name in made if kind == "MetricProfile"}

    shipped = {path.stem for path in SHIPPED.glob("*.yaml")} - {"kustomization"}
    assert not any(kind == "MetricProfile" for kind, _ in chart)
    assert profiles() == shipped
    assert profiles("--set", "metricProfiles.except={vllm,istio}") == shipped - {"vllm", "istio"}
    assert profiles("--set", "metricProfiles.install=false") == set()


@pytest.mark.usefixtures("crds")
def test_the_api_server_takes_every_metric_profile(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-k", str(SHIPPED))


def test_removing_the_chart_removes_no_budget(chart: Manifests) -> None:
    kept = [obj for (kind, _), obj in chart.items() if kind == "CustomResourceDefinition"]
    assert len(kept) == 6
    assert all(obj["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for obj in kept)


def test_the_operator_may_do_no_more_than_it_says(chart: Manifests) -> None:
    rules = chart["ClusterRole", "tollgate"]["rules"]
    words = {word for rule in rules for words in rule.values() for word in words}
    assert not words & {"*", "secrets", "pods/exec", "escalate", "bind", "impersonate", "deletecollection"}
    writes = {
        resource: set(rule["verbs"]) - {"get", "list", "watch"}
        for rule in rules
        for resource in rule["resources"]
    }
    assert {resource: verbs for resource, verbs in writes.items() if verbs} == {
        "efficiencybudgets/status": {"patch"},
        "benchmarks/status": {"patch"},
        "benchmarks": {"create"},
        "efficiencydecisions": {"create", "delete"},
        "efficiencysignoffs": {"create"},
        "deployments": {"create", "patch", "delete"},
        "replicasets": {"patch", "delete"},
        "pods": {"patch"},
        "jobs": {"create"},
        "configmaps": {"create"},
        "events": {"create"},
    }


def test_tenants_write_budgets_and_never_decisions(chart: Manifests) -> None:
    (edit,) = chart["ClusterRole", "tollgate-edit"]["rules"]
    assert edit["resources"] == ["efficiencybudgets", "benchmarks"]
    verbs = {verb for rule in chart["ClusterRole", "tollgate-approver"]["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "create", "approve"}
    assert "aggregate-to" not in str(chart["ClusterRole", "tollgate-approver"]["metadata"])
    (view,) = chart["ClusterRole", "tollgate-view"]["rules"]
    assert set(view["verbs"]) == {"get", "list", "watch"}


def test_helm_installs_it(helm: str, kubeconfig: str, namespace: str) -> None:
    done = subprocess.run(
        [helm, "install", "tollgate", CHART, "-n", namespace, "--dry-run=server", "--take-ownership"],
        env={**os.environ, "KUBECONFIG": kubeconfig},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"Tollgate 0.1.0 runs in namespace {namespace}" in done.stdout


def test_the_api_server_takes_every_object(
    helm: str, kubectl: Kubectl, namespace: str, plain: Manifests
) -> None:
    dry = ("apply", "--server-side", "--force-conflicts", "--dry-run=server")
    kubectl(*dry, objects=list(template(helm, namespace=namespace).values()))
    # The namespace of the plain install may not exist yet, and a dry run does not make it.
    moved = [obj for obj in plain.values() if obj["metadata"].get("namespace") != NAMESPACE]
    assert {obj["kind"] for obj in moved} >= {"Namespace", "ClusterRole", "MutatingAdmissionPolicy"}
    kubectl(*dry, objects=moved)


def test_its_pod_meets_the_restricted_standard(helm: str, kubectl: Kubectl, namespace: str) -> None:
    made = template(helm, namespace=namespace)
    kubectl("apply", "--server-side", objects=[made["ServiceAccount", "tollgate"]])
    pod_template = made["Deployment", "tollgate"]["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**pod_template["metadata"], "name": "operator", "namespace": namespace},
        "spec": pod_template["spec"],
    }
    kubectl("create", "--dry-run=server", objects=[pod])
    pod["spec"]["securityContext"].pop("seccompProfile")
    assert "violates PodSecurity" in kubectl.refused("create", "--dry-run=server", objects=[pod])
