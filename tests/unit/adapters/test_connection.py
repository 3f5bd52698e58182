"""Where credentials come from, and that a pod's token is read again after it was rotated."""

from __future__ import annotations

import datetime
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest
from kubernetes.aio.config import incluster_config

from tollgate.adapters.connection import connect, default_namespace
from tollgate.errors import ClusterError

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: "https://cluster.example.com/prefix/"}}]
users: [{name: test, user: {token: secret}}]
"""


class Token:
    """The mounted token."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rotate(self, word: str) -> None:
        self.path.write_text(word)

    def remove(self) -> None:
        self.path.unlink()


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Token:
    """The token of a pod, whose environment this is."""
    token = Token(tmp_path / "token")
    token.rotate("first")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token.path))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", certifi.where())
    return token


async def test_in_a_pod_a_rotated_token_is_used_within_a_minute(
    token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = datetime.timedelta(0)
    clock = SimpleNamespace(now=lambda: datetime.datetime.now() + later)
    monkeypatch.setattr(
        incluster_config, "datetime", SimpleNamespace(datetime=clock, timedelta=datetime.timedelta)
    )
    client = await connect()
    assert client.configuration.host == "https://10.0.0.1:443"
    sent = []
    for seconds, word in ((0, "first"), (30, "second"), (61, "second"), (3600, "third"), (7200, "fourth")):
        later = datetime.timedelta(seconds=seconds)
        token.rotate(word)
        _, _, headers, _, _ = await client.param_serialize("GET", "/", auth_settings=["BearerToken"])
        sent.append(headers["authorization"])
    assert sent == ["bearer first", "bearer first", "bearer second", "bearer third", "bearer fourth"]
    await client.close()


async def test_kubeconfig_comes_before_the_pod(
    token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(path))
    client = await connect()
    assert client.configuration.host == "https://cluster.example.com/prefix"
    await client.close()


@pytest.mark.parametrize("content", [None, "", "kind: Config", "{"])
async def test_unusable_credentials_are_one_sentence(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(ClusterError, match="No usable credentials for a Kubernetes cluster"):
        await connect()


@pytest.mark.parametrize(
    ("context", "namespace"),
    [("cluster: test, user: test", "default"), ("cluster: test, user: test, namespace: vision", "vision")],
)
def test_a_command_means_the_namespace_of_the_context(
    context: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG.replace("cluster: test, user: test", context))
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert default_namespace() == namespace


async def test_a_pod_without_a_token(token: Token) -> None:
    token.remove()
    with pytest.raises(ClusterError, match="token file does not exist"):
        await connect()
