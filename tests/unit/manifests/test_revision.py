from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest

from tollgate.manifests.revision import VOLATILE, images, join_labels, revision, selects
from tollgate.ports import Object


def service(**spec: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "spec": spec}


@pytest.fixture
def template(target: Object) -> Object:
    return deepcopy(target["spec"]["template"])


def test_a_revision_is_ten_hexadecimal_digits_and_knows_no_order(template: Object) -> None:
    assert re.fullmatch("[0-9a-f]{10}", revision(template))
    template["spec"] = dict(reversed(template["spec"].items()))
    labels = template["metadata"]["labels"]
    shuffled = {**template, "metadata": {"labels": dict(reversed(labels.items()))}}
    assert revision(shuffled) == revision(template)


def test_a_deployment_and_its_replica_set_have_one_revision(template: Object) -> None:
    of_replica_set = deepcopy(template)
    of_replica_set["metadata"]["labels"]["pod-template-hash"] = "6d4b75cb6d"
    assert revision(of_replica_set) == revision(template)


@pytest.mark.parametrize("annotation", VOLATILE)
def test_a_restart_is_no_new_revision(template: Object, annotation: str) -> None:
    before = revision(template)
    template["metadata"]["annotations"] = {annotation: "2026-01-01T00:00:00Z"}
    assert revision(template) == before


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"annotations": {"checksum/config": "1"}}},
        {"metadata": {"labels": {"app": "digits"}}},
        {"spec": {"containers": [{"name": "server", "image": "digits:3"}]}},
    ],
)
def test_whatever_else_changes_is_a_new_revision(template: Object, change: dict[str, Any]) -> None:
    assert revision({**template, **change}) != revision(template)


def test_images_are_listed_in_order_and_cut_where_a_status_ends(template: Object) -> None:
    template["spec"]["containers"].append({"name": "proxy", "image": "proxy:1"})
    assert images(template) == "digits:2, proxy:1"
    template["spec"]["containers"] = [{"name": "long", "image": "x" * 2000}]
    assert len(images(template)) == 1024


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({"app": "digits"}, True),
        ({"app": "digits", "tier": "model"}, True),
        ({"app": "digits", "tier": "web"}, False),
        ({"other": "digits"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_selector_selects_what_has_all_its_labels(selector: dict[str, str] | None, selected: bool) -> None:
    assert selects(selector, {"app": "digits", "tier": "model"}) is selected


def test_the_labels_to_join_are_those_of_every_service_that_selects(template: Object) -> None:
    services = [
        service(selector={"app": "digits"}),
        service(selector={"app": "digits", "tier": "model"}),
        service(selector={"team": "speech"}),
        service(selector={"team": "vision"}, type="ExternalName"),
        service(),
    ]
    assert join_labels(services, template) == {"app": "digits", "tier": "model"}


def test_without_a_service_there_is_nothing_to_join(template: Object) -> None:
    assert join_labels([service(selector={"app": "other"})], template) == {}
