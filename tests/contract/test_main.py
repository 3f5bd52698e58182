"""The operator as a process: it starts, says how it is, and ends as it should."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.contract.kubectl import Kubectl

pytestmark = pytest.mark.cluster

Start = Callable[..., "Process"]


class Process:
    """`python -m tollgate.main` with a settings file of its own."""

    def __init__(self, folder: Path, kubeconfig: str, **settings: object) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = folder / "config.yaml"
        config.write_text(
            yaml.safe_dump(
                {
                    "prometheus": {"url": "http://127.0.0.1:9"},
                    "benchmark": {"image": "tollgate.dev/operator:dev"},
                    "leaderElection": {"enabled": False},
                    "healthPort": port,
                    **settings,
                }
            )
        )
        self._url = f"http://127.0.0.1:{port}"
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tollgate.main"],
                env={**os.environ, "KUBECONFIG": kubeconfig, "TOLLGATE_CONFIG": str(config)},
                stderr=log,
            )

    def get(self, path: str) -> tuple[int, str]:
        """Status and text; (0, "") when there is no answer."""
        try:
            with urllib.request.urlopen(self._url + path, timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)

    def messages(self) -> list[str]:
        """What it logged; every line must be JSON."""
        return [json.loads(line)["message"] for line in self._log.read_text().splitlines()]


@pytest.fixture
def start(tmp_path: Path, kubeconfig: str) -> Iterator[Start]:
    started: list[Process] = []

    def begin(**settings: object) -> Process:
        started.append(Process(tmp_path, settings.pop("kubeconfig", kubeconfig), **settings))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.mark.usefixtures("crds")
def test_it_becomes_ready_and_stops_by_a_signal(start: Start) -> None:
    operator = start()
    operator.wait_for(lambda: operator.get("/readyz")[0] == 200)
    assert operator.get("/healthz") == (200, "ok\n")
    _, metrics = operator.get("/metrics")
    assert "tollgate_leader 1.0" in metrics
    assert "tollgate_queue_depth" in metrics
    assert "process_resident_memory_bytes" in metrics
    operator.process.send_signal(signal.SIGTERM)
    assert operator.process.wait(10) == 0
    assert operator.messages()[-1] == "Stopping"


@pytest.mark.usefixtures("crds")
def test_a_leader_that_stops_gives_its_lease_back(start: Start, kubectl: Kubectl) -> None:
    operator = start(leaderElection={"enabled": True})
    operator.wait_for(lambda: any(line.startswith("Leading as") for line in operator.messages()))
    operator.process.send_signal(signal.SIGTERM)
    assert operator.process.wait(10) == 0
    spec = kubectl.get("lease", "tollgate", "-n", "default")["spec"]
    assert not spec.get("holderIdentity")
    kubectl("delete", "lease", "tollgate", "-n", "default")


def test_without_a_cluster_it_says_so_and_ends(start: Start, tmp_path: Path) -> None:
    operator = start(kubeconfig=str(tmp_path / "absent"))
    assert operator.process.wait(20) == 1
    assert "No usable credentials" in operator.messages()[-1]


def test_while_the_api_server_cannot_be_reached_it_waits_and_is_not_ready(
    start: Start, kubectl: Kubectl, tmp_path: Path
) -> None:
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    path = tmp_path / "unreachable"
    path.write_text(json.dumps(config))
    operator = start(kubeconfig=str(path))
    operator.wait_for(lambda: operator.get("/readyz")[0] == 503)
    operator.wait_for(lambda: any("Waiting for efficiencybudgets" in line for line in operator.messages()))
    assert operator.get("/healthz")[0] == 200
    operator.process.send_signal(signal.SIGTERM)
    assert operator.process.wait(10) == 0


def test_two_on_one_port_is_an_error(start: Start, tmp_path: Path) -> None:
    first = start()
    first.wait_for(lambda: first.get("/healthz")[0] == 200)
    settings = yaml.safe_load((tmp_path / "config.yaml").read_text())
    second = start(healthPort=settings["healthPort"])
    assert second.process.wait(20) == 1
    assert "address already in use" in second.messages()[-1]


def test_unusable_settings_are_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("prometheus: {url: 'http://x', password: hunter2}\nbenchmark: {image: x}\n")
    done = subprocess.run(
        [sys.executable, "-m", "tollgate.main"],
        env={**os.environ, "TOLLGATE_CONFIG": str(config)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == f"{config}: prometheus.password is no setting.\n"
