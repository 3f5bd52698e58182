"""Runs a real Prometheus in the cluster: the tests and the demo decide on what it scraped, not on made-up numbers."""

from __future__ import annotations

import hashlib
import json
import os
import time
import urllib.error
import urllib.request
from string import Template

from tests.cluster import paths
from tests.cluster.cluster import Cluster
from tests.cluster.errors import ClusterError
from tests.cluster.kubectl import Kubectl
from tests.cluster.say import step

NAMESPACE, SERVICE, PORT = "tollgate-monitoring", "prometheus", 9090
IN_CLUSTER_URL = f"http://{SERVICE}.{NAMESPACE}.svc:{PORT}"


def ensure(cluster: Cluster) -> str:
    """Applies Prometheus, waits until it answers queries, and returns its address as seen from this machine.

    TOLLGATE_SCRAPE_INTERVAL sets how often it scrapes (default 5s), TOLLGATE_PROMETHEUS_IMAGE the image.
    """
    image = os.environ.get("TOLLGATE_PROMETHEUS_IMAGE") or cluster.prometheus_image()
    interval = os.environ.get("TOLLGATE_SCRAPE_INTERVAL", "5s")
    manifest = (paths.MANIFESTS / "prometheus.yaml").read_text()
    digest = hashlib.sha256((manifest + interval).encode()).hexdigest()[:16]
    kubectl = Kubectl(cluster.kubeconfig)
    kubectl.apply(
        Template(manifest).substitute(namespace=NAMESPACE, image=image, interval=interval, digest=digest)
    )
    kubectl.rolled_out(NAMESPACE, SERVICE)
    return answering_url(cluster)


def answering_url(cluster: Cluster, timeout_seconds: float = 60) -> str:
    """Waits until Prometheus has scraped itself, and so answers a query with a value; returns its address.

    Asks the cluster for the address each time: a port-forward ends with the pod that it led to.
    """
    with step("waiting for Prometheus to answer") as waiting:
        while not _answers(url := cluster.service_url(NAMESPACE, SERVICE, PORT)):
            if waiting.seconds > timeout_seconds:
                raise ClusterError(f"Prometheus at {url} has no data after {timeout_seconds:.0f} s")
            time.sleep(0.25)
    return url


def _answers(url: str) -> bool:
    query = f"{url}/api/v1/query?query=up%7Bjob%3D%22prometheus%22%7D%3D%3D1"
    try:
        with urllib.request.urlopen(query, timeout=2) as answer:
            return bool(json.load(answer)["data"]["result"])
    except (urllib.error.URLError, OSError, ValueError):
        return False
