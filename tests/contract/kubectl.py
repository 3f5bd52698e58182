"""kubectl against the test cluster, as a user runs it: what is said on a refusal counts as much as the refusal."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence

from tollgate.manifests.guard import service_account
from tollgate.ports import Object

OPERATOR = service_account("tollgate-system")
AS_OPERATOR = (f"--as={OPERATOR}", "--as-group=system:masters")
"""The operator's name, which alone may write records, with every right: its role need not be installed."""


class Kubectl:
    """kubectl; `objects` go in as its file."""

    def __init__(self, program: str, kubeconfig: str) -> None:
        self._program = program
        self._environment = {**os.environ, "KUBECONFIG": kubeconfig}

    def run(self, *arguments: str, objects: Sequence[Object] = ()) -> subprocess.CompletedProcess[str]:
        """What became of it."""
        return subprocess.run(
            [self._program, *arguments, *(["-f", "-"] if objects else [])],
            input="\n".join(map(json.dumps, objects)),
            env=self._environment,
            capture_output=True,
            text=True,
        )

    def __call__(self, *arguments: str, objects: Sequence[Object] = ()) -> str:
        """What it prints; it must succeed."""
        done = self.run(*arguments, objects=objects)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments: str, objects: Sequence[Object] = ()) -> str:
        """What the user reads; the API server must refuse."""
        done = self.run(*arguments, objects=objects)
        assert done.returncode != 0, f"accepted: {done.stdout}"
        return done.stderr

    def get(self, *arguments: str) -> Object:
        """The object, as the API server has it."""
        found: Object = json.loads(self("get", *arguments, "--show-managed-fields", "-o", "json"))
        return found
