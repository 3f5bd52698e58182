from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from tollgate.manifests.candidate import candidate
from tollgate.manifests.names import GOVERNED, Identity, owned_by
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
