"""Something is given up while users send what is hard, and had back when they do not: a key, and a second model."""

from __future__ import annotations

from typing import Any

import yaml
from examples.digits.demo.vision import FOLDER, image

from tests.e2e.scene import NAME, Scene, Version, budget, deployment, slow_on_hard_inputs
from tests.support.kube import Object, is_ready, wait_until
from tests.support.operator import NAME as OPERATOR
from tests.support.operator import NAMESPACE
from tests.support.traffic import failed
from tollgate.api.budget import Stage
from tollgate.api.conditions import Condition
from tollgate.api.decision import Action, DecisionSpec
from tollgate.api.verdict import Verdict
from tollgate.decide.replay import replay

MAP, SMALL = "digits-tuning", "digits-small"
KEY = "exit-threshold"
QUICK = {"settleSeconds": 25, "stepBack": {"afterSeconds": 10}}
EXIT = {"name": "exit-earlier", "configMap": {"name": MAP, "key": KEY, "value": "0"}, **QUICK}
STANDBY = {"name": "small-model", "scale": {"name": SMALL, "replicas": 2, "takesTraffic": True}, **QUICK}


def example(name: str) -> Object:
    """An object of the example's folder, for the namespace of the test."""
    made: Object = yaml.safe_load((FOLDER / "degradation" / f"{name}.yaml").read_text())
    made.get("metadata", {}).pop("namespace", None)
    return made


def tuned(version: Version) -> Object:
    """The model with its exit threshold from the ConfigMap; what else it is the version says, not the example."""
    made, mount = deployment(version), example("mount")["spec"]["template"]["spec"]
    pod, mounted = made["spec"]["template"]["spec"], mount["containers"][0]
    pod["containers"][0]["env"] += [v for v in mounted["env"] if v["name"] == "EXIT_THRESHOLD_FILE"]
    pod["containers"][0]["volumeMounts"] = mounted["volumeMounts"]
    pod["volumes"] = mount["volumes"]
    return made


def threshold(scene: Scene) -> str:
    return str(scene.kube.get("configmap", MAP)["data"][KEY])


def adopt(scene: Scene, model: Object, version: Version, *steps: dict[str, Any]) -> None:
    """The model serves under a budget with these steps."""
    scene.git.commit(model)
    wait_until(f"{version.name} serves", lambda: scene.serves(version, 2), 90)
    scene.kube.apply(budget(degradation={"steps": list(steps)}))
    scene.reaches(1, Stage.PROMOTED)


def says(scene: Scene, reason: str) -> Condition:
    return scene.says("Degraded", reason, timeout=180)


def steps(scene: Scene) -> list[DecisionSpec]:
    return [record for record in scene.decisions() if record.step is not None]


def test_exits_earlier_until_users_are_easy_again(scene: Scene) -> None:
    version = slow_on_hard_inputs("v1")
    own = version.settings["EXIT_THRESHOLD"]
    tuning = example("tuning")
    tuning["data"][KEY] = own
    scene.kube.apply(tuning)
    adopt(scene, tuned(version), version, EXIT)
    not_allowed = scene.says("Fallback", "StepNotReady")
    assert "bind the ClusterRole tollgate-degradation" in not_allowed.message

    account = f"--serviceaccount={NAMESPACE}:{OPERATOR}"
    scene.kube.run(
        "create", "rolebinding", "tollgate-degradation", "--clusterrole=tollgate-degradation", account
    )
    scene.says("Fallback", "StepsReady", timeout=120)
    scene.users.start(rate=10, hard_share=0.0)
    scene.says("WithinBudget", "Within", timeout=180)

    scene.users.set(hard_share=0.6)
    taken = says(scene, "StepTaken")
    assert f"{KEY} of ConfigMap {MAP} from '{own}' to '0'" in taken.message
    wait_until("the key is set", lambda: threshold(scene) == "0", 30)
    scene.says("WithinBudget", "Within", timeout=300)
    assert threshold(scene) == "0", "it is the step that keeps the budget"

    scene.users.set(hard_share=0.0)
    says(scene, "NotDegraded")
    assert threshold(scene) == own
    wait_until("both records", lambda: len(steps(scene)) >= 2, 60)
    down, up = steps(scene)[-2:]
    assert (down.action, down.reason) == (Action.DEGRADED, "ServingBreach")
    assert {r.name: r.verdict for r in down.live_objectives}["tail"] is Verdict.BREACH
    assert (up.action, up.reason, up.degraded) == (Action.RESTORED, "WithinBudget", ["exit-earlier"])
    assert all(replay(record).same for record in steps(scene))
    scene.users.stop()


def test_smaller_model_takes_a_share_and_gives_it_back(scene: Scene) -> None:
    version = slow_on_hard_inputs("v1")
    small = example("small")
    small["spec"]["template"]["spec"]["containers"][0]["image"] = image()
    scene.kube.apply(small)
    adopt(scene, deployment(version), version, STANDBY)
    scene.says("Fallback", "StepsReady")
    scene.users.start(rate=10, hard_share=0.6)
    says(scene, "StepTaken")

    def standing_by() -> list[str]:
        return [pod["metadata"]["name"] for pod in scene.kube.list("pods", f"model={SMALL}") if is_ready(pod)]

    wait_until("its pods are reached", lambda: len({*standing_by()} & {*scene.endpoints()}) == 2, 90)
    assert len(scene.endpoints()) == 4
    wait_until(
        "users are answered by it",
        lambda: any(answer.version == "small" for answer in scene.users.recent(5)),
        60,
    )
    scene.users.set(hard_share=0.0)
    says(scene, "NotDegraded")
    assert scene.kube.get("deployment", SMALL)["spec"]["replicas"] == 0
    wait_until("its pods have gone", lambda: not scene.kube.list("pods", f"model={SMALL}"), 60)
    assert len(scene.endpoints()) == 2
    assert scene.kube.get("deployment", NAME)["spec"]["replicas"] == 2
    assert failed(scene.users.stop()) == []
