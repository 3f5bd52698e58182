"""What a profile names for the way to the server: the bearer token and the certificate authorities, as volumes.

The kubelet mounts them from the namespace of the benchmarked model, so no profile can send a token of another one, and
the operator needs no right to read a Secret. They are optional to the pod: the load generator then says which object
lacks what, where the kubelet would only let the pod wait.
"""

from __future__ import annotations

from tollgate.api.profiles import BenchmarkProfileSpec
from tollgate.ports import Object

_TOKEN, _CA = "token", "ca.crt"


def volumes(profile: BenchmarkProfileSpec) -> list[Object]:
    """Each with the one key that is needed."""
    made: list[Object] = []
    if secret := profile.bearer_token:
        made.append({"name": "token", "secret": _secret(secret.name, secret.key, _TOKEN)})
    authority = profile.tls.ca if profile.tls else None
    if authority and authority.secret:
        made.append({"name": "ca", "secret": _secret(authority.secret.name, authority.secret.key, _CA)})
    if authority and (source := authority.config_map):
        items = [{"key": source.key, "path": _CA}]
        made.append({"name": "ca", "configMap": {"name": source.name, "items": items, "optional": True}})
    return made


def mounts(profile: BenchmarkProfileSpec) -> list[Object]:
    """Where the container finds them."""
    return [
        {"name": volume["name"], "mountPath": f"/{volume['name']}", "readOnly": True}
        for volume in volumes(profile)
    ]


def environment(profile: BenchmarkProfileSpec) -> list[Object]:
    """The names of the files, for the load generator."""
    files = {"token": ("TOLLGATE_TOKEN", f"/token/{_TOKEN}"), "ca": ("TOLLGATE_CA", f"/ca/{_CA}")}
    named = [files[volume["name"]] for volume in volumes(profile)]
    return [{"name": name, "value": path} for name, path in named]


def _secret(name: str, key: str, path: str) -> Object:
    return {"secretName": name, "items": [{"key": key, "path": path}], "optional": True}
