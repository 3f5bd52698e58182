"""The Job that loads a candidate, and the ConfigMap that tells it how.

The pod reads a plan and a dataset and writes nothing but its termination message. It has no token of the API
server and passes the restricted pod security standard. A namespaced object gives it a name, never a command.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.manifests import benchmark_credentials, benchmark_traces
from tollgate.manifests.names import BENCHMARK, MANAGED_BY, MANAGER, Identity, fit, host
from tollgate.ports import Object

_PLAN_KEY = "plan.json"
_USER = 65532


@dataclass(frozen=True)
class JobSettings:
    """What the operator's settings say about benchmark pods."""

    image: str
    pull_policy: str = "IfNotPresent"


def job_name(benchmark: Identity, pods: int) -> str:
    """Name of the Job of a Benchmark. The hosts of an Indexed Job are called after it, with -15 at the end at most."""
    return host(benchmark.name, 60) if pods > 1 else fit(benchmark.name)


def benchmark_config_map(benchmark: Identity, plan: Mapping[str, Any]) -> Object:
    """The plan (profile, limits, targets) for the load generator."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(benchmark, fit(benchmark.name)),
        "data": {_PLAN_KEY: json.dumps(plan, sort_keys=True)},
    }


def benchmark_job(
    benchmark: Identity, profile: BenchmarkProfileSpec, settings: JobSettings, *, paired: bool = False
) -> Object:
    """The Job: one try, done by the profile's deadline; later where a baseline is loaded in turn, or pods wait."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(benchmark, job_name(benchmark, profile.pods)),
        "spec": {
            **_tries(profile),
            "podReplacementPolicy": "Failed",
            "activeDeadlineSeconds": profile.deadline_seconds
            + (_for_turns(profile) if paired else 0)
            + (for_pods(profile) if profile.pods > 1 else 0),
            "ttlSecondsAfterFinished": profile.ttl_seconds,
            "template": {
                "metadata": {"labels": _labels(benchmark)},
                "spec": _pod(benchmark, profile, settings),
            },
        },
    }


def _for_turns(profile: BenchmarkProfileSpec) -> int:
    """Seconds that a baseline may add, even where nothing is answered.

    A warm-up is run once more. A measured stage has its turns, of which the last may begin at the very end, and one for
    each arm before them: four more than there is time for, each a sixth of the stage at most.
    """
    timeout = profile.timeout_seconds
    return sum(
        stage.seconds + (timeout if stage.warm_up else stage.turns_seconds + 4 * timeout)
        for stage in profile.stages
    )


def _tries(profile: BenchmarkProfileSpec) -> dict[str, Any]:
    """One for each pod. Where there are several, the others go on without one that fails: each knows its own share."""
    if profile.pods == 1:
        return {"backoffLimit": 0}
    return {
        "completionMode": "Indexed",
        "completions": profile.pods,
        "parallelism": profile.pods,
        "backoffLimitPerIndex": 0,
    }


def for_pods(profile: BenchmarkProfileSpec) -> int:
    """Seconds that several pods wait for each other: for the start, and in every stage for its last answer."""
    return profile.start_seconds + len(profile.runs) * (profile.timeout_seconds + 1)


def _pod(benchmark: Identity, profile: BenchmarkProfileSpec, settings: JobSettings) -> Object:
    dataset = profile.dataset.config_map
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **(_apart(benchmark) if profile.pods > 1 else {}),
        "containers": [_container(profile, settings)],
        "volumes": [
            {"name": "plan", "configMap": {"name": fit(benchmark.name)}},
            {
                "name": "dataset",
                "configMap": {"name": dataset.name, "items": [{"key": dataset.key, "path": dataset.key}]},
            },
            *benchmark_traces.volumes(profile),
            *benchmark_credentials.volumes(profile),
        ],
    }


def _apart(benchmark: Identity) -> dict[str, Any]:
    """On a node each, where there are enough: two on one machine are hardly more than one."""
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": _labels(benchmark)},
    }
    return {"topologySpreadConstraints": [spread]}


def _container(profile: BenchmarkProfileSpec, settings: JobSettings) -> Object:
    asked, workers = profile.resources, profile.workers
    requests = {"cpu": _times(workers, asked.cpu), "memory": _times(workers, asked.memory)}
    limits = {"cpu": _times(workers, _burst(asked.cpu)), "memory": requests["memory"]}
    return {
        "name": "bench",
        "image": settings.image,
        "imagePullPolicy": settings.pull_policy,
        "command": ["python", "-m", "tollgate.bench"],
        "env": [
            {"name": "TOLLGATE_PLAN", "value": f"/plan/{_PLAN_KEY}"},
            {"name": "TOLLGATE_DATASET", "value": f"/dataset/{profile.dataset.config_map.key}"},
            {"name": "OPENBLAS_NUM_THREADS", "value": "1"},
            *benchmark_traces.environment(profile),
            *benchmark_credentials.environment(profile),
        ],
        "resources": {"requests": requests, "limits": limits},
        "terminationMessagePolicy": "File",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "plan", "mountPath": "/plan", "readOnly": True},
            {"name": "dataset", "mountPath": "/dataset", "readOnly": True},
            *benchmark_traces.mounts(profile),
            *benchmark_credentials.mounts(profile),
        ],
    }


def _labels(benchmark: Identity) -> dict[str, str]:
    return {MANAGED_BY: MANAGER, BENCHMARK: fit(benchmark.name)}


def _metadata(benchmark: Identity, name: str) -> Object:
    return {
        "name": name,
        "namespace": benchmark.namespace,
        "labels": _labels(benchmark),
        "ownerReferences": [benchmark.owner_reference()],
    }


def _times(number: int, quantity: str) -> str:
    """So many times a quantity such as 500m, 2 or 256Mi, as the API server writes it."""
    digits = quantity.rstrip("mMGi")
    unit, total = quantity[len(digits) :], number * int(digits)
    for small, size, large in (("m", 1000, ""), ("Mi", 1024, "Gi")):
        if unit == small and total % size == 0:
            return f"{total // size}{large}"
    return f"{total}{unit}"


def _burst(request: str) -> str:
    """A worker's CPU limit: one core, which is all that one process can use, or the request where that is more.

    A limit as small as the request would stop the process for most of each 100 ms period in which it works: the
    schedule would be late, and the stage would certify nothing.
    """
    millicores = int(request[:-1]) if request.endswith("m") else 1000 * int(request)
    return request if millicores > 1000 else "1"
