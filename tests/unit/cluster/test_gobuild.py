"""What the build of the cluster's programs says and decides, without compiling anything."""

from __future__ import annotations

import pytest

from tests.cluster import gobuild
from tests.cluster.errors import ClusterError
from tests.cluster.gobuild import CompileProgress


def test_progress_counts_packages_and_nothing_else() -> None:
    progress = CompileProgress(total=3)
    assert progress.see("go: downloading k8s.io/api v0.36.3\n") == "0/3 packages"
    assert progress.see("k8s.io/api/core/v1\n") == "1/3 packages"
    assert progress.see("# k8s.io/broken: undefined: x\n") == "1/3 packages"
    assert progress.see("vendor/golang.org/x/net/http2\n") == "2/3 packages"
    assert progress.see("tollgate.dev/tests/cluster/pause\n") == "linking"


def test_progress_never_exceeds_its_total() -> None:
    progress = CompileProgress(total=1)
    progress.see("a\n")
    assert progress.see("b\n") == "linking"
    assert progress.done == 1


@pytest.mark.parametrize(
    ("total", "cores", "forecast"),
    [(2700, 2, "about 7 minutes on 2 cores"), (2700, 16, "about a minute"), (10, 0, "about a minute")],
)
def test_forecast_scales_with_cores(total: int, cores: int, forecast: str) -> None:
    assert CompileProgress(total).forecast(cores) == forecast


def test_kubernetes_is_stamped_with_the_version_that_the_module_requires() -> None:
    version = gobuild.module_version("k8s.io/kubernetes")
    assert version.startswith("v1.")
    assert f"gitVersion={version}" in gobuild.flags()[-1]


def test_an_unknown_module_is_an_error() -> None:
    with pytest.raises(ClusterError, match=r"example\.com/nothing"):
        gobuild.module_version("example.com/nothing")


def test_an_unknown_tool_is_an_error() -> None:
    with pytest.raises(ClusterError, match="no-such-tool is not one of"):
        gobuild.tool("no-such-tool")


@pytest.mark.parametrize(
    ("package", "name"),
    [("go.etcd.io/etcd/server/v3", "server"), ("helm.sh/helm/v4/cmd/helm", "helm"), ("./coredns", "coredns")],
)
def test_program_names_follow_go(package: str, name: str) -> None:
    assert gobuild.output_name(package) == name
