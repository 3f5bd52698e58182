"""A folder that stands for a Git repository, and a loop that applies what it holds, as Argo CD and Flux do."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

import yaml

from tests.cluster.errors import ClusterError
from tests.support.kube import Kube, Object

EVERY_SECONDS = 2.0
MANAGER = "gitops"


class GitOps:
    """Re-applies the committed manifest every two seconds, by server-side apply, while the context is open."""

    def __init__(self, kube: Kube, folder: Path) -> None:
        self._kube = kube
        self._file = folder / "deployment.yaml"
        self._stop = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._thread: threading.Thread | None = None
        self.head: Object = {}
        """The manifest that Git holds."""
        self.applied = 0
        """How often Git's manifest was applied."""
        self.failures: list[str] = []
        """What kubectl said each time that it could not be."""

    def __enter__(self) -> GitOps:
        self._thread = threading.Thread(target=self._loop, name="gitops", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def commit(self, manifest: Object) -> None:
        """Git holds this manifest from now on; it is applied at once."""
        self.head = manifest
        draft = self._file.with_suffix(".draft")
        draft.write_text(yaml.safe_dump(manifest))
        os.replace(draft, self._file)
        self._apply()

    def _loop(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            if self._file.exists():
                self._apply()

    def _apply(self) -> None:
        with self._one_at_a_time:
            try:
                self._kube.run(
                    "apply", "--server-side", "--force-conflicts", f"--field-manager={MANAGER}", "-f", str(self._file)
                )  # fmt: skip
                self.applied += 1
            except ClusterError as error:
                self.failures.append(str(error))
