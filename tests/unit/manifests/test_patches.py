from __future__ import annotations

from tollgate.manifests import patches
from tollgate.manifests.names import ANNOTATION_TARGET_UID, RELEASED, REVISION
from tollgate.ports import Object


def merged(value: object, patch: object) -> object:
    """A JSON merge patch applied (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), change)
    return result


def test_a_latch_is_undone_without_a_trace() -> None:
    deployment = {"spec": {"replicas": 3}}
    latched = merged(deployment, patches.latch())
    assert latched == {"spec": {"replicas": 3, "paused": True}}
    assert merged(latched, patches.unlatch()) == deployment


def test_the_mark_of_governing_is_undone_without_a_trace() -> None:
    deployment = {"metadata": {"labels": {"app": "digits"}}}
    governed = merged(deployment, patches.govern("Hold"))
    assert governed == {"metadata": {"labels": {"app": "digits", "tollgate.dev/governed": "Hold"}}}
    assert merged(governed, patches.ungovern()) == deployment


def test_a_pod_leaves_as_it_joined() -> None:
    pod = {"metadata": {"labels": {"tollgate.dev/candidate": "digits"}}}
    labels = {"app": "digits", "tier": "model"}
    joined = merged(pod, patches.join(labels))
    assert joined == {"metadata": {"labels": {"tollgate.dev/candidate": "digits", **labels}}}
    assert merged(joined, patches.leave(labels)) == pod


def test_scaling_touches_nothing_else() -> None:
    assert merged({"spec": {"replicas": 3, "paused": True}}, patches.scale(1)) == {
        "spec": {"replicas": 1, "paused": True}
    }


def test_a_released_replica_set_no_longer_matches_and_says_whose_it_was(target: Object) -> None:
    target["spec"]["selector"]["matchExpressions"] = [{"key": "tier", "operator": "Exists"}]
    replica_set = {
        "metadata": {"labels": {"app": "digits", "tier": "model", "pod-template-hash": "6d4b75cb6d"}},
        "spec": {"selector": {"matchLabels": {"app": "digits"}}},
    }
    released = merged(replica_set, patches.release(target, revision="0123456789"))
    assert released == {
        "metadata": {
            "labels": {"pod-template-hash": "6d4b75cb6d", RELEASED: "digits"},
            "annotations": {ANNOTATION_TARGET_UID: target["metadata"]["uid"], REVISION: "0123456789"},
        },
        "spec": {"selector": {"matchLabels": {"app": "digits"}}},
    }
