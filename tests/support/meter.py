"""A FAKE energy meter: test data, as no machine of the tests has a real one.

A pod that exports fake_meter_joules_total for each pod that it was told of, growing by so many watts, as the exporters
of real meters do: for others, under their names. What is scraped, stored and judged of it is real.
"""

from __future__ import annotations

import json

from tests.support.kube import Kube, Object, is_ready, wait_until

NAME = "fake-meter"
SERIES = "fake_meter_joules_total"
_PORT = 9100
_EXPORTER = f"""
import http.server, json, time
began = {{}}
class Meter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        now = time.monotonic()
        rows = ['{SERIES}{{pod="%s"}} %.6f' % (pod, 1 + watts * (now - at)) for pod, (at, watts) in began.items()]
        self.answer("# TYPE {SERIES} counter\\n" + "".join(row + "\\n" for row in rows))
    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        began.update({{pod: (time.monotonic(), watts) for pod, watts in told.items() if pod not in began}})
        self.answer("")
    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("", {_PORT}), Meter).serve_forever()
"""


class FakeMeter:
    """The meter of a namespace."""

    def __init__(self, kube: Kube, image: str) -> None:
        self._kube = kube
        self._image = image

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._kube.apply(self._pod())
        wait_until("the fake meter", lambda: is_ready(self._kube.get("pod", NAME)), 60)

    def attach(self, pods: list[str], watts: float) -> None:
        """Meter these pods from now on, unless they are metered already."""
        told = json.dumps(dict.fromkeys(pods, watts))
        send = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{_PORT}', data={told.encode()!r})"
        self._kube.run("exec", NAME, "--", "python", "-c", send)

    def _pod(self) -> Object:
        scraped = {"scrape": "true", "port": str(_PORT), "path": "/metrics"}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": NAME,
                "annotations": {f"prometheus.io/{key}": value for key, value in scraped.items()},
            },
            "spec": {
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 1,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "meter",
                        "image": self._image,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["python", "-c", _EXPORTER],
                        "ports": [{"containerPort": _PORT}],
                        "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
                        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]},
                        },
                    }
                ],
            },
        }
