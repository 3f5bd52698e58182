"""What of Git's manifest a live template lacks, and the watch that compares every version."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.support.kube import Kube, Object
from tests.support.watch import TemplateWatch, missing

GIT = {"labels": {"app": "digits"}, "spec": {"containers": [{"name": "server", "image": "digits:1"}]}}


def test_defaults_that_only_the_live_object_has_are_no_difference() -> None:
    live = copy.deepcopy(GIT)
    live["spec"]["containers"][0]["terminationMessagePath"] = "/dev/termination-log"  # type: ignore[index]
    live["spec"]["dnsPolicy"] = "ClusterFirst"  # type: ignore[index]
    assert missing(GIT, live) == ""


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("labels", "app"), "other", ".labels.app is 'other' instead of 'digits'"),
        (("labels",), {}, ".labels.app is absent"),
        (("spec", "containers"), [], ".spec.containers has 0 items instead of 1"),
        (
            ("spec", "containers"),
            [{"name": "server", "image": "digits:2"}],
            ".spec.containers[0].image is 'digits:2'",
        ),
    ],
)
def test_a_difference_is_named_by_its_path(path: tuple[str, ...], value: object, said: str) -> None:
    live: Object = copy.deepcopy(GIT)
    inner = live
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert said in missing(GIT, live)


def _deployment(image: str, version: int) -> Object:
    template = {"spec": {"containers": [{"name": "server", "image": image}]}}
    return {"metadata": {"resourceVersion": str(version)}, "spec": {"template": template}}


@pytest.fixture
def watch() -> TemplateWatch:
    """A watch that is never opened: the test hands it the versions."""
    return TemplateWatch(Kube(Path("unused"), "unused"), "digits")


def test_what_git_held_before_is_right_until_the_new_manifest_was_seen(watch: TemplateWatch) -> None:
    watch.expect(_deployment("digits:1", 0))
    watch._saw(_deployment("digits:1", 1))
    watch.expect(_deployment("digits:2", 0))
    watch._saw(_deployment("digits:1", 2))  # not applied yet
    watch._saw(_deployment("digits:2", 3))
    assert watch.differences == []
    watch._saw(_deployment("digits:1", 4))  # somebody put the old one back
    assert watch.differences == [
        "resourceVersion 4: spec.template.spec.containers[0].image is 'digits:1' instead of 'digits:2'"
    ]
    assert watch.versions == 4


def test_a_third_template_is_never_right(watch: TemplateWatch) -> None:
    watch.expect(_deployment("digits:1", 0))
    watch.expect(_deployment("digits:2", 0))
    watch._saw(_deployment("digits:3", 1))
    assert len(watch.differences) == 1
