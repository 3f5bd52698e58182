"""One test's world: a namespace with a small digits service, its users, its Git repository and its budget.

Everything is smaller than in the demo, so that a release takes half a minute: tails are P95, certified by few requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from examples.digits.demo.vision import FOLDER, dataset, image

from tests.support.gitops import GitOps
from tests.support.kube import Kube, Object, is_ready, wait_until
from tests.support.operator import Operator
from tests.support.pace import augmentations
from tests.support.traffic import Traffic
from tollgate.api.benchmark import Benchmark, BenchmarkResult
from tollgate.api.budget import BudgetStatus, Release, Stage, parse_budget
from tollgate.api.conditions import Condition, find_condition
from tollgate.api.decision import DecisionSpec, EfficiencyDecision

NAME = "digits"
CANDIDATE = "digits-candidate"
BASELINE = "digits-baseline"
BENCHMARK_PROFILE = "e2e-short"
METRIC_PROFILE = "e2e-digits"
FORWARD = (
    *(Stage.HELD, Stage.STARTING, Stage.BENCHMARKING, Stage.AWAITING_SIGN_OFF),
    *(Stage.CANARY, Stage.PROMOTING, Stage.WATCHING),
)


@dataclass(frozen=True)
class Version:
    """A version of the model: its name, what its settings are, and how much CPU its pods reserve."""

    name: str
    settings: Mapping[str, str]
    cpu: str = "20m"


def fast(name: str) -> Version:
    """Answers everything in the first stage, in about a millisecond, and starts quickly."""
    return Version(name, {"STAGES": "1"})


def fast_and_dear(name: str) -> Version:
    """As `fast`; its pods cost three times as much."""
    return Version(name, {"STAGES": "1"}, cpu="100m")


def thrifty(name: str) -> Version:
    """Takes some milliseconds for every input, several times as long as `fast`."""
    return Version(name, _thorough("1") | {"AUGMENTATIONS": "40"})


def slow(name: str) -> Version:
    """Takes long for a fifth of the benchmark's inputs."""
    return Version(name, _thorough("0.75"))


def slow_on_hard_inputs(name: str) -> Version:
    """As fast as `fast` on the benchmark's clean inputs; takes long for half of the hard ones."""
    return Version(name, _thorough("0.15"))


def _thorough(threshold: str) -> dict[str, str]:
    """Settings whose second stage works for 0.15 s on a core, of which a pod has less than half."""
    work = str(augmentations(0.15))
    return {"STAGES": "2", "EXIT_THRESHOLD": threshold, "ENSEMBLE_SIZE": "1", "AUGMENTATIONS": work}


def profiles() -> list[Object]:
    """The cluster-scoped profiles that the tests share."""
    group = {"apiVersion": "tollgate.dev/v1alpha1"}
    return [
        {
            **group,
            "kind": "BenchmarkProfile",
            "metadata": {"name": BENCHMARK_PROFILE},
            "spec": {
                "protocol": "OpenInference",
                "port": 8080,
                "model": "digits",
                "dataset": {"configMap": {"name": "digits-dataset", "key": "dataset.json"}},
                "stages": [
                    {"name": "steady", "arrival": "Constant", "rate": "25req/s", "durationSeconds": 5}
                ],
                "resources": {"cpu": "500m", "memory": "256Mi"},
                "deadlineSeconds": 120,
            },
        },
        {
            **group,
            "kind": "MetricProfile",
            "metadata": {"name": METRIC_PROFILE},
            "spec": {
                "scrapeIntervalSeconds": 5,
                "latency": {"series": "digits_request_duration_seconds", "unit": "s"},
                "errors": {"series": "digits_errors_total"},
            },
        },
    ]


def budget(name: str = NAME, **changes: Any) -> Object:
    """A small budget of the digits Deployment; `changes` replace fields of its spec."""
    spec = {
        "target": {"name": NAME},
        "owners": [{"role": "SRE", "team": "tests"}],
        "metrics": {"profileRef": {"name": METRIC_PROFILE}},
        "confidence": "0.95",
        "objectives": [
            {"name": "tail", "dimension": "Latency", "statistic": "P95", "max": "250ms"},
            {"name": "errs", "dimension": "ErrorRate", "max": "5%"},
            {"name": "acc", "dimension": "Quality", "metric": "Accuracy", "min": "0.80"},
        ],
        "benchmark": {"profileRef": {"name": BENCHMARK_PROFILE}},
        "tradeOffs": "Allow",
        "canary": {"steps": [{"share": "50%"}], "maxDurationSeconds": 600, "onInconclusive": "Hold"},
        "rollback": {"watchSeconds": 3600, "maxPerDay": 3},
    }
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "EfficiencyBudget",
        "metadata": {"name": name},
        "spec": {**spec, **changes},
    }


def deployment(version: Version, replicas: int | None = 2, name: str = NAME) -> Object:
    """The example's Deployment with a version's settings; no `replicas` leaves the field to whoever scales it."""
    made: Object = yaml.safe_load((FOLDER / "manifests" / "v1.yaml").read_text())
    made["metadata"] = {"name": name, "labels": {"app.kubernetes.io/name": name}}
    spec, template = made["spec"], made["spec"]["template"]
    spec.pop("replicas")
    if replicas is not None:
        spec["replicas"] = replicas
    labels = {"app.kubernetes.io/name": name}
    spec["selector"]["matchLabels"] = labels
    template["metadata"]["labels"] = {**labels, "app.kubernetes.io/version": version.name}
    container = template["spec"]["containers"][0]
    container["image"] = image()
    settings = {
        "MODEL_VERSION": version.name,
        "OMP_NUM_THREADS": "1",
        "DRAIN_SECONDS": "3",
        **version.settings,
    }
    container["env"] = [{"name": key, "value": value} for key, value in settings.items()]
    container["resources"] = {"requests": {"cpu": version.cpu, "memory": "128Mi"}, "limits": {"cpu": "400m"}}
    return made


class Scene:
    """Acts on the test's namespace as its users do, and reads what the operator says."""

    def __init__(self, kube: Kube, operator: Operator, folder: Path) -> None:
        self.kube = kube
        self.operator = operator
        self.git = GitOps(kube, folder)
        self.users = Traffic(kube, image())

    def set_up(self) -> None:
        """A clean namespace with the Service and the dataset."""
        self.kube.fresh_namespace({"pod-security.kubernetes.io/enforce": "restricted"})
        service = yaml.safe_load((FOLDER / "manifests" / "service.yaml").read_text())
        service["metadata"] = {"name": NAME}
        self.kube.apply(service, dataset())

    def serve(self, version: Version, replicas: int | None = 2) -> None:
        """Push a version and wait until it serves, with nothing to hold it."""
        self.git.commit(deployment(version, replicas))
        wait_until(f"{version.name} serves", lambda: self.serves(version, replicas or 1), 90)

    def adopt(self, version: Version, *, replicas: int | None = 2, **changes: Any) -> Release:
        """Serve a version, and declare a budget that takes it as last-good."""
        self.serve(version, replicas)
        self.kube.apply(budget(**changes))
        return self.reaches(1, Stage.PROMOTED)

    def push(self, version: Version, replicas: int | None = 2) -> None:
        """Commit another version to Git, which is applied at once."""
        self.git.commit(deployment(version, replicas))

    def serves(self, version: Version, replicas: int) -> bool:
        """Whether the Deployment's own pods are all ready, and all of this version."""
        copies = {"tollgate.dev/candidate", "tollgate.dev/baseline"}
        pods = [pod for pod in self.pods() if not copies & pod["metadata"]["labels"].keys()]
        there = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        return (
            len(there) == replicas
            and all(version_of(pod) == version.name for pod in there)
            and all(is_ready(pod) for pod in there)
        )

    def pods(self) -> list[Object]:
        """The pods of the model, the candidate's included."""
        return self.kube.list("pods", "app.kubernetes.io/version")

    def endpoints(self) -> list[str]:
        """Names of the pods that the Service sends users to."""
        slices = self.kube.list("endpointslices", f"kubernetes.io/service-name={NAME}")
        endpoints = (endpoint for part in slices for endpoint in part.get("endpoints") or [])
        return sorted(e["targetRef"]["name"] for e in endpoints if e["conditions"]["ready"])

    def target(self) -> Object:
        """The governed Deployment."""
        return self.kube.get("deployment", NAME)

    def status(self, name: str = NAME) -> BudgetStatus:
        """The status of a budget."""
        return parse_budget(self.kube.get("efficiencybudget", name)).status

    def release(self) -> Release:
        """The release in progress, or the last one."""
        release = self.status().release
        assert release is not None, "no release has begun"
        return release

    def condition(self, kind: str, name: str = NAME) -> Condition | None:
        """A condition of a budget."""
        return find_condition(self.status(name).conditions, kind)

    def decisions(self) -> list[DecisionSpec]:
        """The records, in the order in which they were decided."""
        found = [EfficiencyDecision.model_validate(raw).spec for raw in self.kube.list("efficiencydecisions")]
        return sorted(found, key=lambda decision: decision.decided_at)

    def benchmarks(self) -> list[BenchmarkResult]:
        """The results of its Benchmarks, the oldest first; each must have one."""
        raws = sorted(self.kube.list("benchmarks"), key=lambda raw: str(raw["metadata"]["creationTimestamp"]))
        results = [Benchmark.model_validate(raw).status.result for raw in raws]
        assert None not in results, raws
        return [result for result in results if result is not None]

    def actions(self) -> list[str]:
        """What was decided so far, in order: `["1 Adopted", "2 Promoted"]`."""
        return [f"{decision.release} {decision.action.value}" for decision in self.decisions()]

    def reaches(self, number: int, stage: Stage, timeout: float = 240.0) -> Release:
        """Wait until that release is in that stage, or past it on the way forward; fail once it ends in another."""

        def there() -> Release | None:
            release = self.status().release
            if release is None or release.number < number:
                return None
            assert release.number == number, f"release {release.number} has begun instead: {release.message}"
            if release.stage is stage:
                return release
            assert not release.stage.ended, (
                f"{release.stage.value} instead: {release.reason}: {release.message}"
            )
            if stage in FORWARD and release.stage in FORWARD and _past(release.stage, stage):
                return release
            return None

        return wait_until(f"release {number} reaches {stage.value}", there, timeout, otherwise=self._state)

    def says(self, kind: str, reason: str, name: str = NAME, timeout: float = 60.0) -> Condition:
        """Wait until a budget's condition has that reason."""

        def there() -> Condition | None:
            found = self.condition(kind, name)
            return found if found is not None and found.reason == reason else None

        state = lambda: self._state(name)  # noqa: E731
        return wait_until(f"{kind} of {name} says {reason}", there, timeout, otherwise=state)

    def _state(self, name: str = NAME) -> str:
        return "; ".join(f"{c.type}={c.status} {c.reason}: {c.message}" for c in self.status(name).conditions)


def _past(stage: Stage, of: Stage) -> bool:
    return FORWARD.index(stage) > FORWARD.index(of)


def version_of(pod: Object) -> str:
    """The version that the pod runs."""
    return str(pod["metadata"]["labels"].get("app.kubernetes.io/version", ""))


def client_limited(result: BenchmarkResult) -> bool:
    """Whether the load generator was the limit in any stage."""
    return any(stage.client_limited for stage in result.stages)
