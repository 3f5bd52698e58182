"""Finds the API server and the credentials for it, the way kubectl does, or those of the pod.

The client reads a pod's service account token again every minute, so a rotated token is picked up. A proxy is taken
from the kubeconfig (proxy-url), never from the environment.
"""

from __future__ import annotations

import os
from pathlib import Path

from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import list_kube_config_contexts, load_incluster_config, load_kube_config

from tollgate.errors import ClusterError

_CONNECTIONS = 32
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_DEFAULT_KUBECONFIG = "~/.kube/config"
_SERVICE_HOST = "KUBERNETES_SERVICE_HOST"


async def connect() -> ApiClient:
    """A client by KUBECONFIG, else by the pod's service account, else by ~/.kube/config. Close it at the end.

    ClusterError when none of them is there or usable.
    """
    configuration = Configuration(
        connection_pool_maxsize=_CONNECTIONS,
        client_session_kwargs={"trust_env": False},  # looking for proxies costs two thread switches a call
    )
    kubeconfig = os.environ.get("KUBECONFIG", "")
    try:
        if not kubeconfig and os.environ.get(_SERVICE_HOST):
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        else:
            path = kubeconfig or _DEFAULT_KUBECONFIG
            await load_kube_config(  # type: ignore[no-untyped-call]
                config_file=path, client_configuration=configuration, persist_config=False
            )
    except Exception as error:  # the client lets through whatever a malformed file makes it stumble over
        reason = " ".join(str(error).split())
        raise ClusterError(
            f"No usable credentials for a Kubernetes cluster: {reason}. Set KUBECONFIG, or run in a pod that "
            "mounts its service account token."
        ) from error
    configuration.host = configuration.host.rstrip("/")
    return ApiClient(configuration)


def pod_namespace() -> str:
    """The namespace of the pod that this process runs in; "default" outside of one."""
    return _NAMESPACE_FILE.read_text().strip() if _NAMESPACE_FILE.exists() else "default"


def default_namespace() -> str:
    """The namespace that a command means which names none: of the pod, or of the kubeconfig's current context."""
    kubeconfig = os.environ.get("KUBECONFIG", "")
    if not kubeconfig and os.environ.get(_SERVICE_HOST):
        return pod_namespace()
    try:
        _, current = list_kube_config_contexts(kubeconfig or None)  # type: ignore[no-untyped-call]
        return str(current["context"].get("namespace") or "default")
    except Exception:  # whatever is wrong with the file is said when it is used to connect
        return "default"
