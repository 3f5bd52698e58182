from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from tollgate.manifests.candidate import baseline, candidate, operating_point
from tollgate.manifests.names import CANDIDATE, GOVERNED, Identity, owned_by
from tollgate.manifests.revision import join_labels, selects
from tollgate.ports import Object

JOIN = {"app": "digits", "tier": "model"}


def build(target: Object, budget: Identity) -> Object:
    return candidate(target, budget, revision="0123456789", replicas=2, join_labels=JOIN)


def test_the_candidate(target: Object, budget: Identity, golden: Callable[..., None]) -> None:
    golden("candidate", build(target, budget))


def test_no_service_of_the_target_finds_its_pods_until_they_join(target: Object, budget: Identity) -> None:
    labels = build(target, budget)["spec"]["template"]["metadata"]["labels"]
    service = {"spec": {"selector": JOIN}}
    assert not selects(JOIN, labels)
    assert selects(JOIN, labels | JOIN)
    assert join_labels([service], {"metadata": {"labels": labels}}) == {}


def test_its_selector_selects_its_own_pods_alone(target: Object, budget: Identity) -> None:
    made = build(target, budget)
    selector = made["spec"]["selector"]["matchLabels"]
    assert selects(selector, made["spec"]["template"]["metadata"]["labels"])
    assert not selects(selector, target["spec"]["template"]["metadata"]["labels"])


def test_it_is_neither_latched_nor_governed(target: Object, budget: Identity) -> None:
    made = build(target, budget)
    assert "paused" not in made["spec"]
    assert GOVERNED not in made["metadata"]["labels"]
    assert owned_by(made, budget)


def test_the_target_is_left_as_it_was(target: Object, budget: Identity) -> None:
    before = deepcopy(target)
    build(target, budget)["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    assert target == before


def test_a_long_name_fits_into_the_labels_of_its_pods(target: Object, budget: Identity) -> None:
    target["metadata"]["name"] = "a" * 200
    made = build(target, budget)
    values = [made["metadata"]["name"], *made["metadata"]["labels"].values()]
    assert max(map(len, values)) <= 63


def last_good(target: Object) -> Object:
    """The ReplicaSet that the Deployment controller made of an older template of the target."""
    template = deepcopy(target["spec"]["template"])
    template["spec"]["containers"][0]["image"] = "digits:older"
    template["metadata"]["labels"] |= {"pod-template-hash": "5d4f8c7b9"}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": {"template": template, "replicas": 3}}


def built_baseline(target: Object, budget: Identity) -> Object:
    return baseline(target, last_good(target), budget, revision="9876543210", replicas=2, join_labels=JOIN)


def test_the_baseline(target: Object, budget: Identity, golden: Callable[..., None]) -> None:
    golden("baseline", built_baseline(target, budget))


def test_the_baseline_runs_last_good_where_no_service_finds_it(target: Object, budget: Identity) -> None:
    made = built_baseline(target, budget)
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "digits:older"
    assert not selects(JOIN, labels)
    assert "pod-template-hash" not in labels
    assert owned_by(made, budget)
    assert "paused" not in made["spec"]


def test_neither_copy_counts_the_pods_of_the_other(target: Object, budget: Identity) -> None:
    copies = [build(target, budget), built_baseline(target, budget)]
    for mine, other in (copies, copies[::-1]):
        selector = mine["spec"]["selector"]["matchLabels"]
        assert selects(selector, mine["spec"]["template"]["metadata"]["labels"])
        assert not selects(selector, other["spec"]["template"]["metadata"]["labels"])
    assert CANDIDATE not in copies[1]["spec"]["template"]["metadata"]["labels"]


def test_the_replica_set_is_left_as_it_was(target: Object, budget: Identity) -> None:
    source = last_good(target)
    before = deepcopy(source)
    made = baseline(target, source, budget, revision="9876543210", replicas=2, join_labels=JOIN)
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    assert source == before


def a_point(target: Object, sweep: Identity, port: int = 8080) -> Object:
    environment = {"EXIT_THRESHOLD": "0.4"}
    return operating_point(
        target, sweep, number=1, environment=environment, port=port, replicas=1, join_labels=JOIN
    )


def test_the_copy_of_an_operating_point(
    target: Object, measurement: Identity, golden: Callable[..., None]
) -> None:
    golden("operating-point", a_point(target, measurement))


def test_its_environment_is_of_the_container_that_serves_and_replaces_what_was_set(
    target: Object, measurement: Identity
) -> None:
    serving = {
        "name": "server",
        "ports": [{"containerPort": 9000}],
        "env": [{"name": "EXIT_THRESHOLD", "value": "0.1"}, {"name": "KEPT", "value": "1"}],
    }
    target["spec"]["template"]["spec"]["containers"].append(serving)
    first, *_, server = a_point(target, measurement, port=9000)["spec"]["template"]["spec"]["containers"]
    assert server["env"] == [{"name": "KEPT", "value": "1"}, {"name": "EXIT_THRESHOLD", "value": "0.4"}]
    assert "EXIT_THRESHOLD" not in str(first)
    first, *_ = a_point(target, measurement, port=1)["spec"]["template"]["spec"]["containers"]
    assert {"name": "EXIT_THRESHOLD", "value": "0.4"} in first["env"], "no container declares the port"
