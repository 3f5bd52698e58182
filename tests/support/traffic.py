"""Users of the digits model: a pod that sends requests at a steady rate, and the log in which each has a line.

The log is the proof of who was answered by which version, so it is read from the pod, whole, and checked for gaps.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import yaml

from tests.support.kube import Kube, Object, wait_until

NAME = "users"
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits" / "users.yaml"


@dataclass(frozen=True)
class Answer:
    """What became of one request. Status 0: no answer at all."""

    scheduled: float  # Unix time, seconds
    latency_ms: float  # from the scheduled time
    status: int
    version: str | None
    hard: bool

    @property
    def answered(self) -> float:
        """When the answer came, Unix time in seconds."""
        return self.scheduled + self.latency_ms / 1e3


def parse(log: Iterable[str]) -> list[Answer]:
    """The answers in a client's log, by the time they were due; lines that are no JSON objects are its chatter."""
    records = (json.loads(line) for line in log if line.startswith("{"))
    fields = Answer.__dataclass_fields__
    return sorted(
        (Answer(**{name: record[name] for name in fields}) for record in records),
        key=lambda answer: answer.scheduled,
    )


class Traffic:
    """The pod that plays the users of a Service."""

    def __init__(self, kube: Kube, image: str) -> None:
        self._kube = kube
        self._image = image

    def start(self, *, rate: float, hard_share: float = 0.0, poisson: bool = False) -> None:
        """Send `rate` requests a second, evenly spaced unless `poisson`, and wait for the first good answer."""
        arrivals = ("--poisson",) if poisson else ()
        self._kube.apply(self._pod(*arrivals, RATE=rate, HARD_SHARE=hard_share))
        wait_until("the first answer to a user", self._serves, 60, otherwise=self._tail)

    def set(self, **mix: float) -> None:
        """Change `rate`, `hard_share` or `feedback_rate` (batches of labelled images a second) within a second."""
        command = f"echo '{json.dumps(mix)}' > /control/next && mv /control/next /control/mix.json"
        self._kube.run("exec", NAME, "--", "sh", "-c", command)

    def answers(self) -> list[Answer]:
        """Every answer so far."""
        return parse(self._kube.run("logs", NAME).splitlines())

    def recent(self, seconds: int) -> list[Answer]:
        """The answers of the last seconds; none before the users have begun."""
        return parse(self._kube.run("logs", NAME, f"--since={seconds}s", "--ignore-errors").splitlines())

    def stop(self) -> list[Answer]:
        """Send no more, wait for what is under way, and return all answers."""
        self._kube.run("exec", NAME, "--", "sh", "-c", "kill -TERM 1")
        wait_until("the end of the users' requests", self._ended, 60, otherwise=self._tail)
        return self.answers()

    def _serves(self) -> bool:
        pod = self._kube.find("pod", NAME)
        if pod is None or pod.get("status", {}).get("phase") != "Running":
            return False
        return any(answer.status == 200 for answer in parse(self._tail().splitlines()))

    def _ended(self) -> bool:
        return self._kube.get("pod", NAME)["status"]["phase"] in ("Succeeded", "Failed")

    def _tail(self) -> str:
        return self._kube.run("logs", NAME, "--tail=20", "--ignore-errors")

    def _pod(self, *options: str, **settings: float) -> Object:
        """The example's users, told what to send by a file, so that it can change without a new pod."""
        spec: Object = yaml.safe_load(EXAMPLE.read_text())["spec"]["template"]["spec"]
        (client,) = spec["containers"]
        client["image"] = self._image
        client["args"] = ["--control=/control/mix.json", "--log=/dev/stdout", *options]
        client["env"] = [v for v in client["env"] if v["name"] not in settings]
        client["env"] += [{"name": name, "value": str(value)} for name, value in settings.items()]
        client["volumeMounts"] = [{"name": "control", "mountPath": "/control"}]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": NAME, "labels": {"app.kubernetes.io/name": NAME}},
            "spec": spec | {"restartPolicy": "Never", "volumes": [{"name": "control", "emptyDir": {}}]},
        }


def between(answers: Iterable[Answer], since: float, until: float) -> list[Answer]:
    """The answers to requests that were under way at some instant of a stretch of Unix time."""
    return [answer for answer in answers if answer.answered >= since and answer.scheduled <= until]


def failed(answers: Iterable[Answer]) -> list[Answer]:
    """Those that were not answered with 200."""
    return [answer for answer in answers if answer.status != 200]


def by_version(answers: Iterable[Answer]) -> Counter[str]:
    """How many good answers each version gave."""
    return Counter(answer.version or "?" for answer in answers if answer.status == 200)


def longest_gap(answers: list[Answer]) -> float:
    """Seconds between two requests in a row at most: evenly spaced requests leave no gap if the log is complete."""
    times = [answer.scheduled for answer in answers]
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)
