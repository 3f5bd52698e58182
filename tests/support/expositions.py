"""What model servers, meshes and ingresses export, and what the shipped profiles must count in it.

Each file of tests/contract/expositions has three scrapes in the server's own format, with its names, labels and bucket
edges; the numbers are made up. Before the first one 40 requests were served. Until the second there are 100 more, of
which 10 are slow, and 3 errors. Then the process was restarted: 20 requests, 2 of them slow, and 1 error. What is
counted from the first scrape on was worked out by hand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import yaml

from tollgate.api.dimension import Dimension
from tollgate.api.metric_profile import InputName, MetricProfile, MetricProfileSpec, Scope
from tollgate.measure.counts import LiveCounts
from tollgate.measure.promql import BehindService, OwnedBy, Selector
from tollgate.ports import Samples

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "charts/tollgate/files/metric-profiles"
NAMESPACE, TARGET = "vision", "digits"
POD, OTHER_POD = "digits-7c9f8b6d5-x2x9k", "digits-66b7c4d9f-k8k2p"


@dataclass(frozen=True)
class Times:
    """Times with a series of their own: the limit and the sum in seconds, how many there are, and the slow ones."""

    limit: str
    total: float
    number: int = 120
    slow: int | None = 12

    def check(self, live: LiveCounts) -> None:
        """That just this was counted."""
        found = live.total
        assert found.requests == self.number
        assert abs(found.latency_sum - self.total) < 1e-6
        expected = (0, self.number) if self.slow is None else (self.slow, self.slow)
        assert found.slow[Decimal(self.limit)] == expected
        assert (live.sums_seen, live.garbled, live.silent) == (True, (), ())


@dataclass(frozen=True)
class Server:
    """A server, the limit in seconds at which its slow requests are counted, and what there is after three scrapes.

    `total` are seconds; `slow` is None where there is only a mean, `errors` where there is no counter of them.
    `place` is the namespace and pod that are scraped.
    """

    name: str
    limit: str
    total: float
    requests: int = 120
    slow: int | None = 12
    attempts: int = 124
    errors: int | None = 4
    place: tuple[str, str] = (NAMESPACE, POD)
    times: dict[Dimension, Times] = field(default_factory=dict)
    inputs: dict[InputName, float] = field(default_factory=dict)  # the sum over its 120 requests

    @property
    def profile(self) -> MetricProfileSpec:
        """The shipped profile, scraped as often as the test does."""
        path = SHIPPED / f"{self.name}.yaml"
        if self.name == "digits-server":
            path = ROOT / "examples/digits/tollgate/metric-profile.yaml"
        spec = MetricProfile.model_validate(yaml.safe_load(path.read_text())).spec
        return spec.model_copy(update={"scrape_interval_seconds": SCRAPE_SECONDS})

    @property
    def selector(self) -> Selector:
        """What is asked for."""
        behind = self.profile.scope is Scope.SERVICE
        return BehindService(TARGET) if behind else OwnedBy(POD.rpartition("-")[0])

    @property
    def scrapes(self) -> list[str]:
        """What it exports at each scrape."""
        text = (ROOT / f"tests/contract/expositions/{self.name}.txt").read_text()
        return [part.partition("\n")[2] for part in text.split("# ---- scrape")[1:]]

    def check(self, live: LiveCounts) -> None:
        """That just this was counted."""
        found = live.total
        assert (found.requests, found.attempts) == (self.requests, self.attempts)
        assert abs(found.latency_sum - self.total) < 1e-6
        assert live.sums_seen
        everybody = (0, self.requests)
        assert found.slow[Decimal(self.limit)] == (everybody if self.slow is None else (self.slow, self.slow))
        assert live.errors_seen is (self.errors is not None)
        assert found.errors == (self.errors or 0)
        assert (live.garbled, live.silent, live.requests_missing) == ((), (), False)


SCRAPE_SECONDS = 10
TOKENS = {InputName.OUTPUT_TOKENS: 108 * 150.0 + 12 * 300}
SERVERS = [
    Server(
        "vllm",
        "1.5",
        108 * 0.7 + 12 * 2.2,
        times={
            Dimension.TIME_TO_FIRST_TOKEN: Times("0.25", 108 * 0.05 + 12 * 0.6),
            Dimension.TIME_PER_OUTPUT_TOKEN: Times("0.05", 108 * 0.02 + 12 * 0.12),
            Dimension.INTER_TOKEN_LATENCY: Times("0.05", 1080 * 0.02 + 120 * 0.12, 1200, 120),
            Dimension.QUEUE_TIME: Times("0.5", 108 * 0.01 + 12 * 0.9),
        },
        inputs=TOKENS | {InputName.INPUT_TOKENS: 108 * 200 + 12 * 4000},
    ),
    Server(
        "sglang",
        "2",
        108 * 0.7 + 12 * 3.0,
        attempts=120,
        errors=None,
        times={
            Dimension.TIME_TO_FIRST_TOKEN: Times("0.4", 108 * 0.15 + 12 * 0.7),
            Dimension.INTER_TOKEN_LATENCY: Times("0.04", 1080 * 0.012 + 120 * 0.09, 1200, 120),
            Dimension.QUEUE_TIME: Times("1", 108 * 0.05 + 12 * 1.5),
        },
    ),
    Server(
        "tgi",
        "1",
        108 * 0.25 + 12 * 1.75,
        times={Dimension.QUEUE_TIME: Times("0.1", 108 * 0.01 + 12 * 0.6)},
        inputs=TOKENS | {InputName.INPUT_TOKENS: 108 * 200 + 12 * 2000},
    ),
    Server(
        "triton",
        "0.1",
        108 * 0.004 + 12 * 0.25,
        slow=None,
        attempts=120,
        errors=None,
        times={Dimension.QUEUE_TIME: Times("0.1", 0.3432, slow=None)},
    ),
    Server("kserve", "0.1", 108 * 0.03 + 12 * 0.3, attempts=120, errors=None),
    Server("knative-queue-proxy", "0.1", 108 * 0.03 + 12 * 0.3 + 4 * 0.004, requests=124),
    Server("ray-serve", "0.1", 108 * 0.03 + 12 * 0.35),
    Server(
        "torchserve",
        "0.1",
        108 * 0.004 + 12 * 0.25,
        slow=None,
        attempts=120,
        errors=None,
        times={Dimension.QUEUE_TIME: Times("0.1", 0.3432, slow=None)},
    ),
    Server("tensorflow-serving", "0.1", 108 * 0.004 + 12 * 0.25),
    Server("bentoml", "0.1", 108 * 0.03 + 12 * 0.3 + 4 * 0.004, requests=124),
    Server("seldon-core-2", "0.1", 108 * 0.03 + 12 * 0.3, place=(NAMESPACE, "mlserver-0")),
    Server("mlserver", "0.1", 108 * 0.03 + 12 * 0.3 + 4 * 0.004, requests=124),
    Server("inference-gateway", "1", 108 * 0.7 + 12 * 2.2, place=(NAMESPACE, "digits-epp-5d8f7b-2l8xq")),
    Server("istio", "0.1", 108 * 0.03 + 12 * 0.35 + 4 * 0.00075, requests=124),
    Server("linkerd", "0.1", 108 * 0.03 + 12 * 0.35 + 4 * 0.001, requests=124),
    Server("envoy", "0.1", 108 * 0.03 + 12 * 0.35, attempts=120, place=("gateways", "envoy-6c4b9-7jwzs")),
    Server(
        "nginx-ingress",
        "0.1",
        108 * 0.03 + 12 * 0.3 + 4 * 0.004,
        requests=124,
        place=("ingress-nginx", "controller-6d9f-tx5vb"),
    ),
    Server(
        "traefik",
        "0.3",
        108 * 0.03 + 12 * 0.9 + 4 * 0.004,
        requests=124,
        place=("traefik", "traefik-58f7-qm2hs"),
    ),
    Server(
        "digits-server",
        "0.25",
        108 * 0.03 + 12 * 0.3,
        attempts=120,
        inputs={InputName.EXIT_STAGE: 108 * 1 + 12 * 2},
    ),
]

_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)?\{(.*)\}\[(\d+)s\]$")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"')


class Recorded:
    """`ports.Metrics` over scrapes of some places: enough of Prometheus to answer a range selector."""

    def __init__(self) -> None:
        self._series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = defaultdict(list)

    def scrape(self, text: str, place: tuple[str, str], at: float) -> None:
        """What a pod exported at that instant. A label of its own that the scraper sets is put aside."""
        mine = {"namespace": place[0], "pod": place[1], "instance": f"{place[1]}:8080", "job": "pods"}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            parsed = _LINE.match(line)
            assert parsed, line
            own = {f"exported_{k}" if k in mine else k: v for k, v in _LABEL.findall(parsed[2] or "")}
            self._add({**own, **mine, "__name__": parsed[1]}, at, float(parsed[3]))
        self._add({**mine, "__name__": "up"}, at, 1.0)

    def _add(self, labels: dict[str, str], at: float, value: float) -> None:
        held = tuple(sorted((key, text) for key, text in labels.items() if text))
        self._series[held].append((at, value))

    async def samples(self, query: str, at: datetime) -> list[Samples]:
        """See ports.Metrics."""
        parsed = _SELECTOR.match(query)
        assert parsed, query
        wanted = [(key, how, value.replace("\\\\", "\\")) for key, how, value in _MATCHER.findall(parsed[2])]
        wanted += [("__name__", "=", parsed[1])] if parsed[1] else []
        since, until = at.timestamp() - int(parsed[3]), at.timestamp()
        found = []
        for key, points in self._series.items():
            labels = dict(key)
            inside = [point for point in points if since < point[0] <= until]
            if inside and all(_matches(labels.get(label, ""), how, value) for label, how, value in wanted):
                found.append(Samples(labels, inside))
        return found


def _matches(text: str, how: str, value: str) -> bool:
    same = re.fullmatch(value, text) is not None if how.endswith("~") else text == value
    return same is not how.startswith("!")
