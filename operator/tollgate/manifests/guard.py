"""The admission policy that keeps records: nobody but the operator writes, changes or deletes an EfficiencyDecision.

The API server evaluates it, also for cluster administrators and while the operator is down. What it cannot stop is
somebody who takes the binding away first; then the chain of the records shows what was done.
"""

from __future__ import annotations

from tollgate.api.base import GROUP
from tollgate.ports import DECISION, Object

GUARD = "guard.tollgate.dev"
_ADMISSION = "admissionregistration.k8s.io/v1"
_LABELS = {"app.kubernetes.io/part-of": "tollgate"}
_ME = "request.userInfo.username"

# They delete what is in a namespace that goes. Without them it would hang, half deleted.
_CARETAKERS = (
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:kube-controller-manager",  # both, where controllers have no service accounts of their own
)


def service_account(namespace: str, name: str = "tollgate") -> str:
    """A service account's user name."""
    return f"system:serviceaccount:{namespace}:{name}"


def guard_policy(operator: str) -> Object:
    """The ValidatingAdmissionPolicy; `operator` is the operator's user name. It fails closed."""
    caretakers = ", ".join(f"'{name}'" for name in _CARETAKERS)
    going = f"{_ME} in [{caretakers}] || namespaceObject.status.phase == 'Terminating'"
    return {
        "apiVersion": _ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": GUARD, "labels": dict(_LABELS)},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE", "DELETE"],
                        "resources": [DECISION.plural],
                    }
                ]
            },
            "validations": [
                {
                    "expression": f"{_ME} == '{operator}' || (request.operation == 'DELETE' && ({going}))",
                    "reason": "Forbidden",
                    "message": "a decision is a record: only Tollgate writes and deletes it",
                    "messageExpression": f"'a decision is a record: only {operator} writes and deletes it, and you "
                    f"are ' + {_ME}",
                }
            ],
        },
    }


def guard_binding() -> Object:
    """The ValidatingAdmissionPolicyBinding: the policy holds in all namespaces, denies, and tells the audit log."""
    return {
        "apiVersion": _ADMISSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": GUARD, "labels": dict(_LABELS)},
        "spec": {"policyName": GUARD, "validationActions": ["Deny", "Audit"]},
    }
