"""The traces that a profile's stages replay, as one volume: a folder with a file for each, called as its stage.

The kubelet mounts it from the namespace of the benchmarked model. It is optional to the pod: the load generator then
says whose trace lacks what, where the kubelet would only let the pod wait.
"""

from __future__ import annotations

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.ports import Object

_FOLDER = "/traces"


def volumes(profile: BenchmarkProfileSpec) -> list[Object]:
    """One, with the key of each stage that replays a trace; none where no stage does."""
    sources = [
        {
            "configMap": {
                "name": stage.trace.name,
                "items": [{"key": stage.trace.key, "path": stage.name}],
                "optional": True,
            }
        }
        for stage in profile.stages
        if stage.trace is not None
    ]
    return [{"name": "traces", "projected": {"sources": sources}}] if sources else []


def mounts(profile: BenchmarkProfileSpec) -> list[Object]:
    """Where the container finds it."""
    return [{"name": v["name"], "mountPath": _FOLDER, "readOnly": True} for v in volumes(profile)]


def environment(profile: BenchmarkProfileSpec) -> list[Object]:
    """Its name, for the load generator."""
    return [{"name": "TOLLGATE_TRACES", "value": _FOLDER} for _ in volumes(profile)]
