"""What is seen of the machines that a benchmark's pods are on."""

from __future__ import annotations

from typing import Any

from tests.unit.reconcile.setting import node
from tests.unit.reconcile.world import World
from tollgate.api.hardware import Hardware
from tollgate.ports import Object
from tollgate.reconcile.hardware import loaded_pods

RESOURCES = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"nvidia.com/gpu": "1"}}


def pod(on: str, resources: dict[str, Any] = RESOURCES) -> Object:
    spec = {"nodeName": on, "containers": [{"name": "model", "resources": resources}]}
    return {"metadata": {"name": f"digits-{on}"}, "spec": spec}


def world(*nodes: Object) -> World:
    made = World()
    for one in nodes:
        made.put(one)
    return made


async def test_kinds_of_machines_are_counted_whatever_their_names() -> None:
    there = world(node("a", "m5.xlarge"), node("b", "m5.xlarge"), node("c", "m6i.xlarge"))
    seen = await loaded_pods(there, [pod("c"), pod("a"), pod("b")])
    assert seen.hardware == [
        Hardware(pods=2, instance_type="m5.xlarge", architecture="amd64", cpus="4"),
        Hardware(pods=1, instance_type="m6i.xlarge", architecture="amd64", cpus="4"),
    ]
    assert str(seen.hardware[0]) == "2 on m5.xlarge (amd64, 4 CPUs)"
    assert seen.names == ["digits-a", "digits-b", "digits-c"]
    assert seen.nodes == {"a": 1, "b": 1, "c": 1}


async def test_processor_and_accelerator_are_read_from_labels() -> None:
    machine = node("a", "g5.xlarge")
    machine["metadata"]["labels"] |= {
        "nvidia.com/gpu.product": "NVIDIA-A10G",
        "feature.node.kubernetes.io/cpu-model.vendor_id": "AMD",
        "feature.node.kubernetes.io/cpu-model.family": "23",
    }
    (kind,) = (await loaded_pods(world(machine), [pod("a")])).hardware
    assert (kind.processor, kind.accelerator) == ("AMD 23", "NVIDIA-A10G")


async def test_machine_that_says_nothing_is_a_kind_of_its_own() -> None:
    seen = await loaded_pods(world(), [pod("gone")])
    assert seen.hardware == [Hardware(pods=1)]
    assert str(seen.hardware[0]) == "1 on a machine without instance type"


async def test_nodes_are_all_named_or_none() -> None:
    many = [pod(f"n{i}") for i in range(65)]
    assert len((await loaded_pods(world(), many[:64])).nodes) == 64
    assert (await loaded_pods(world(), many)).nodes == {}
    assert (await loaded_pods(world(), [pod("a"), pod("")])).nodes == {}


async def test_without_permission_nothing_is_known() -> None:
    there = world(node("a", "m5.xlarge"))
    there.hidden.add("nodes")
    assert (await loaded_pods(there, [pod("a")])).hardware == []


async def test_what_each_pod_reserves_is_kept_for_its_price() -> None:
    seen = await loaded_pods(world(), [pod("a")])
    assert seen.requests == {"cpu": "0.25", "memory": "268435456", "nvidia.com/gpu": "1"}
    assert (await loaded_pods(world(), [pod("a", {})])).requests == {}
