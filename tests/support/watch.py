"""Watches one object through `kubectl get --watch`: every version that the API server stored, not samples of it.

One kubectl process and one thread an object; the callback runs in that thread.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any

from tests.cluster import gobuild
from tests.support.kube import Kube, Object


class Watch:
    """Calls `saw(object)` for each version of an object while the context is open; None once it is deleted."""

    def __init__(self, kube: Kube, kind: str, name: str, saw: Callable[[Object | None], None]) -> None:
        self._saw = saw
        self._argv = [
            gobuild.tool("kubectl"), f"--kubeconfig={kube.kubeconfig}", "-n", kube.namespace, "get", kind, name,
            "--watch", "--output-watch-events", "-o", "json",
        ]  # fmt: skip
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self.interruptions = 0
        """How often the stream ended by itself and was taken up again: versions in between may be missing."""

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._run, name=f"watch {self._argv[5]}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        if self._process is not None:
            self._process.terminate()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopping:
            # The object may not exist yet: kubectl then ends at once, and is tried again.
            self._process = subprocess.Popen(
                self._argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._process.stdout is not None
            seen = self._read(self._process.stdout)
            self._process.wait()
            if seen and not self._stopping:
                self.interruptions += 1
            time.sleep(0.5)

    def _read(self, stream: IO[str]) -> int:
        """Pass on every event of the stream; how many there were."""
        text, seen = "", 0
        for line in stream:
            text += line
            # An event is a line of its own, or is indented with its brackets in the first column.
            if not (line.startswith(("{", "}")) and line.rstrip().endswith("}")):
                continue
            event: dict[str, Any] = json.loads(text)
            text = ""
            seen += 1
            self._saw(None if event["type"] == "DELETED" else event["object"])
        return seen


def missing(wanted: Any, live: Any, path: str = "") -> str:
    """Where `live` differs from what `wanted` says, as a path; "" if it holds all of it.

    Fields that only the live object has (the API server's defaults) are no difference. Lists are compared in order.
    """
    if isinstance(wanted, dict) and isinstance(live, dict):
        for key, value in wanted.items():
            if key not in live:
                return f"{path}.{key} is absent"
            if found := missing(value, live[key], f"{path}.{key}"):
                return found
        return ""
    if isinstance(wanted, list) and isinstance(live, list):
        if len(wanted) != len(live):
            return f"{path} has {len(live)} items instead of {len(wanted)}"
        differences = (
            missing(one, other, f"{path}[{i}]")
            for i, (one, other) in enumerate(zip(wanted, live, strict=True))
        )
        return next((text for text in differences if text), "")
    return "" if wanted == live else f"{path} is {live!r} instead of {wanted!r}"


class TemplateWatch:
    """Holds every version of a Deployment's `spec.template` against the manifest in Git."""

    def __init__(self, kube: Kube, deployment: str) -> None:
        self._watch = Watch(kube, "deployment", deployment, self._saw)
        self._lock = threading.Lock()
        self._git: list[
            Object
        ] = []  # the template in Git, after its predecessor as long as only that was seen
        self.versions = 0
        """How many versions were compared."""
        self.differences: list[str] = []
        """Each version that was not as in Git."""

    def __enter__(self) -> TemplateWatch:
        self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.__exit__(kind, error, trace)

    @property
    def interruptions(self) -> int:
        """See Watch.interruptions."""
        return self._watch.interruptions

    def expect(self, manifest: Object) -> None:
        """From now on Git holds this manifest; until it has been applied, what Git held before is right, too."""
        with self._lock:
            self._git = [*self._git[-1:], manifest["spec"]["template"]]

    def _saw(self, deployment: Object | None) -> None:
        if deployment is None:
            return
        template = deployment["spec"]["template"]
        with self._lock:
            if not self._git:
                return
            self.versions += 1
            difference = missing(self._git[-1], template, "spec.template")
            if not difference:
                self._git = self._git[-1:]
            elif len(self._git) == 1 or missing(self._git[0], template):
                version = deployment["metadata"]["resourceVersion"]
                self.differences.append(f"resourceVersion {version}: {difference}")
