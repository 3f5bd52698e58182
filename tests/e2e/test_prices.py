"""New prices in the operator's configuration count without a restart."""

from __future__ import annotations

import yaml

from tests.e2e.scene import Scene, fast
from tests.support.kube import Object, wait_until
from tests.support.operator import NAME
from tollgate.api import units

COST = [{"name": "cost", "dimension": "Cost", "per": "1kRequests", "max": "1000USD"}]


def config_map(operator: Object) -> str:
    """The ConfigMap that the operator's pod has mounted."""
    volumes = operator["spec"]["template"]["spec"]["volumes"]
    return str(next(volume["configMap"]["name"] for volume in volumes if "configMap" in volume))


def test_new_prices_count_without_a_restart(scene: Scene) -> None:
    kube = scene.operator.kube
    name = config_map(kube.get("deployment", NAME))
    text = kube.get("configmap", name)["data"]["config.yaml"]
    before = {pod["metadata"]["uid"]: _restarts(pod) for pod in scene.operator.pods()}

    def spent() -> float | None:
        """What 1,000 requests cost, as the status has it."""
        found = next((o for o in scene.status().objectives if o.name == "cost"), None)
        return float(units.parse_money(found.observed).amount) if found and found.observed else None

    scene.adopt(fast("v1"), objectives=COST)
    scene.users.start(rate=10)
    cheap = wait_until("the cost", spent, 120)
    try:
        dear = yaml.safe_load(text)
        dear["prices"] |= {"cpuCoreHour": "31.611", "memoryGiBHour": "4.237"}
        kube.patch("configmap", name, {"data": {"config.yaml": yaml.safe_dump(dear)}})
        wait_until("a thousand times as much", lambda: (spent() or 0) > 300 * cheap, 180)
    finally:
        kube.patch("configmap", name, {"data": {"config.yaml": text}})
    wait_until("the former price", lambda: (spent() or 1e9) < 3 * cheap, 180)
    assert {pod["metadata"]["uid"]: _restarts(pod) for pod in scene.operator.pods()} == before
    scene.users.stop()


def _restarts(pod: Object) -> int:
    return sum(container["restartCount"] for container in pod["status"]["containerStatuses"])
