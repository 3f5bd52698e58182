"""What the work queue holds and a reconciler is asked to look at: a name, never an object, as objects go stale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Controller = Literal["budget", "benchmark", "deployment"]


@dataclass(frozen=True, slots=True)
class Key:
    """One thing to reconcile. `deployment` stands for a governed Deployment that no budget is known for."""

    controller: Controller
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.controller} {self.namespace}/{self.name}"
