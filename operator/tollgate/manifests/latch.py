"""The latch: the admission policy that pauses a governed Deployment in the write that changes its template.

The API server evaluates it, so it holds while the operator is down. The install ships these two objects.
"""

from __future__ import annotations

from tollgate.manifests.names import GOVERNED
from tollgate.ports import Object

LATCH = "latch.tollgate.dev"
_API_VERSION = "admissionregistration.k8s.io/v1"
_LABELS = {"app.kubernetes.io/part-of": "tollgate"}


def latch_policy() -> Object:
    """The MutatingAdmissionPolicy.

    The Deployment counts as governed by its old labels too: a write that takes the label away with one hand
    and changes the template with the other is still held. It fails closed: a template change that cannot be
    judged is refused, never let through.
    """
    governed = " || ".join(
        f"'{GOVERNED}' in {version}.metadata.?labels.orValue({{}})" for version in ("oldObject", "object")
    )
    return {
        "apiVersion": _API_VERSION,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": LATCH, "labels": dict(_LABELS)},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["UPDATE"],
                        "resources": ["deployments"],
                    }
                ]
            },
            "matchConditions": [
                {"name": "governed", "expression": governed},
                {"name": "template-changes", "expression": "object.spec.template != oldObject.spec.template"},
            ],
            "mutations": [
                {
                    "patchType": "ApplyConfiguration",
                    "applyConfiguration": {"expression": "Object{spec: Object.spec{paused: true}}"},
                }
            ],
        },
    }


def latch_binding() -> Object:
    """The MutatingAdmissionPolicyBinding: the latch holds in all namespaces."""
    return {
        "apiVersion": _API_VERSION,
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": LATCH, "labels": dict(_LABELS)},
        "spec": {"policyName": LATCH},
    }
