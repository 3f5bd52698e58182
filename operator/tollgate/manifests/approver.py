"""The admission policy that checks who signs: an EfficiencySignOff is made by the person it names, who may approve.

The API server evaluates it for each sign-off, so the operator can take the name in one for true; that it does is
proven by trying (`false_sign_off`). The install ships the two objects.
"""

from __future__ import annotations

from tollgate.api.base import API_VERSION, GROUP
from tollgate.manifests.names import MANAGED_BY, MANAGER
from tollgate.ports import Object

APPROVER = "approver.tollgate.dev"
FALSE_NAME = "tollgate:somebody-else"
NOT_BY_THAT_PERSON = "a sign-off is made by the person it names"
_ADMISSION = "admissionregistration.k8s.io/v1"
_LABELS = {"app.kubernetes.io/part-of": "tollgate"}
_ME = "request.userInfo.username"
_SPEC = "object.spec"


def approver_policy() -> Object:
    """The ValidatingAdmissionPolicy. It has no parameters: the verb is asked of RBAC, where rights are kept anyway.

    It fails closed, and its first check is that of the name: what it says of a false one is the proof of it.
    """
    budget = f"{_SPEC}.budget.name"
    may_approve = (
        f"authorizer.group('{GROUP}').resource('efficiencybudgets').namespace(request.namespace)"
        f".name({budget}).check('approve').allowed()"
    )
    return {
        "apiVersion": _ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": APPROVER, "labels": dict(_LABELS)},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["efficiencysignoffs"],
                    }
                ]
            },
            "matchConditions": [
                {
                    "name": "signs",
                    "expression": f"request.operation == 'CREATE' || {_SPEC} != oldObject.spec",
                }
            ],
            "validations": [
                _validation(
                    f"{_SPEC}.approver.username == {_ME}",
                    f"{NOT_BY_THAT_PERSON}: put your own name into spec.approver.username",
                    f"'{NOT_BY_THAT_PERSON}: you are ' + {_ME} + ', and spec.approver.username is ' + "
                    f"{_SPEC}.approver.username",
                ),
                _validation(
                    f"{_SPEC}.approver.?groups.orValue([]).all(g, g in request.userInfo.?groups.orValue([]))",
                    "spec.approver.groups names a group that you are not in: see kubectl auth whoami",
                ),
                _validation(
                    may_approve,
                    "you may not approve this EfficiencyBudget: ask for the ClusterRole tollgate-approver",
                    f"{_ME} + ' may not approve EfficiencyBudget ' + {budget} + ': whoever administers namespace ' + "
                    "request.namespace + ' can allow it with: kubectl create rolebinding approvers "
                    "--clusterrole=tollgate-approver --user=' + "
                    f"{_ME} + ' -n ' + request.namespace",
                ),
            ],
        },
    }


def _validation(expression: str, message: str, message_expression: str = "") -> Object:
    said = {"expression": expression, "message": message, "reason": "Forbidden"}
    return {**said, "messageExpression": message_expression} if message_expression else said


def approver_binding() -> Object:
    """The ValidatingAdmissionPolicyBinding: the policy holds in all namespaces, and denies."""
    return {
        "apiVersion": _ADMISSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": APPROVER, "labels": dict(_LABELS)},
        "spec": {"policyName": APPROVER, "validationActions": ["Deny"]},
    }


def false_sign_off(namespace: str, budget: str) -> Object:
    """A sign-off in a name that nobody has, to try in a dry run: an API server that takes it checks no names."""
    return {
        "apiVersion": API_VERSION,
        "kind": "EfficiencySignOff",
        "metadata": {
            "name": "tollgate-tries-a-false-name",
            "namespace": namespace,
            "labels": {MANAGED_BY: MANAGER},
        },
        "spec": {
            "budget": {"name": budget},
            "decision": {"name": "none", "digest": "sha256:" + "0" * 64},
            "verdict": "Refuse",
            "approver": {"username": FALSE_NAME},
            "justification": "None: this is a dry run, which has to be refused.",
        },
    }


def denies_false_names(refusal: str) -> bool:
    """Whether what the API server said of `false_sign_off` comes from this policy and is about the name."""
    return f"ValidatingAdmissionPolicy '{APPROVER}'" in refusal and NOT_BY_THAT_PERSON in refusal
