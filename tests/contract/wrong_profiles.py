"""Profiles that are refused, each with what is said about it, and every form of load that is taken."""

from __future__ import annotations

from typing import Any

from tests.contract.wrong_budgets import Change

SWEEP = {
    "rates": ["20req/s", "40req/s"],
    "environment": [{"name": "EXIT_THRESHOLD", "values": ["0.2", "0.4"]}],
}
SEARCH: dict[str, Any] = {
    "objective": {"statistic": "P99", "max": "250ms"},
    "lowest": "20req/s",
    "highest": "640req/s",
    "requests": 1000,
}
PROFILES: dict[str, tuple[Change, str]] = {
    "no model to ask for": (lambda spec: spec.pop("model"), "OpenInference needs model, the model's name"),
    "no path to ask at": (lambda spec: spec.update(protocol="JSON"), "JSON needs path, such as /predict"),
    "nothing but warm-up": (lambda spec: spec["stages"].pop(), "at least one stage must not be warmUp"),
    "no load": (
        lambda spec: spec["stages"][1].update(rate="0req/s"),
        "spec.stages[1].rate: Invalid value: write rate as requests per second above 0, such as 40req/s, not 0req/s",
    ),
    "two lengths": (
        lambda spec: spec["stages"][1].update(requests=1000),
        "a stage has either durationSeconds or requests: write one of them",
    ),
    "no length": (
        lambda spec: spec["stages"][1].pop("durationSeconds"),
        "a stage has either durationSeconds or requests: write one of them",
    ),
    "a rate and a closed loop": (
        lambda spec: spec["stages"][1].update(concurrency=4),
        "a stage has either a rate, or a concurrency or one of the scenarios",
    ),
    "neither a rate nor a closed loop": (
        lambda spec: spec["stages"][1].pop("rate"),
        "a stage has either a rate, or a concurrency or one of the scenarios",
    ),
    "a ramp to nowhere": (
        lambda spec: spec["stages"][1].update(arrival="Ramp"),
        "a Ramp goes from rate to toRate",
    ),
    "a ramp to nothing": (
        lambda spec: spec["stages"][1].update(arrival="Ramp", toRate="0req/s"),
        "spec.stages[1].toRate: Invalid value: write toRate as requests per second above 0",
    ),
    "a burst of unknown size": (
        lambda spec: spec["stages"][1].update(arrival="Burst"),
        "a Burst needs burst, the number of requests that are due at once",
    ),
    "a peak and a rate": (
        lambda spec: spec["stages"][1].update(peak={"of": "warm-up", "times": "2"}),
        "a stage has either a rate, or a concurrency or one of the scenarios",
    ),
    "a peak of nobody": (
        lambda spec: (
            spec["stages"][1].pop("rate"),
            spec["stages"][1].update(peak={"of": "nobody", "times": "2"}),
        ),
        "a peak is of a stage of the profile that has a rate",
    ),
    "a surge in a closed loop": (
        lambda spec: (
            spec["stages"][1].pop("rate"),
            spec["stages"][1].pop("arrival"),
            spec["stages"][1].update(concurrency=4, surge=50),
        ),
        "a surge comes on top of a rate",
    ),
    "a surge in a ramp": (
        lambda spec: spec["stages"][1].update(arrival="Ramp", toRate="80req/s", surge=50),
        "a peak or a surge is of a steady rate",
    ),
    "a surge from two pods": (
        lambda spec: (spec.update(pods=2), spec["stages"][1].update(surge=50)),
        "a surge is sent, and its recovery seen, by one pod",
    ),
    "a mix of more than all": (
        lambda spec: spec["stages"][1].update(
            mix=[{"group": "long", "share": "60%"}, {"group": "short", "share": "50%"}]
        ),
        "the shares of a mix are at most 100% together",
    ),
    "a trace and a rate": (
        lambda spec: spec["stages"][1].update(arrival="Trace", trace={"name": "monday"}),
        "a stage has either a rate, or a concurrency or one of the scenarios",
    ),
    "a trace of nothing": (
        lambda spec: (
            spec["stages"][1].pop("rate"),
            spec["stages"][1].update(arrival="Trace", concurrency=4),
        ),
        "a Trace needs trace, the ConfigMap with its times",
    ),
    "a trace for so long": (
        lambda spec: (
            spec["stages"][1].pop("rate"),
            spec["stages"][1].update(arrival="Trace", trace={"name": "monday"}),
        ),
        "a Trace needs requests, how many of its arrivals are replayed",
    ),
    "more runs than a result has room for": (
        lambda spec: spec["stages"][1].update(repeats=8),
        "a benchmark has room for 8 runs of stages, repeats and probes of a search counted",
    ),
    "an arrival of a scenario": (
        lambda spec: spec["stages"][1].update(scenario="Server", arrival="Constant"),
        "requests do not come in an arrival of your choice",
    ),
    "a closed loop of several pods": (
        lambda spec: spec.update(pods=2, stages=[{"name": "s", "concurrency": 4, "requests": 100}]),
        "is kept by one pod: set pods to 1, and raise workers",
    ),
    "many streams that are one": (
        lambda spec: spec.update(
            stages=[{"name": "s", "scenario": "SingleStream", "concurrency": 4, "requests": 100}]
        ),
        "SingleStream keeps one request with the server",
    ),
    "more probes than a result has room for": (
        lambda spec: spec.update(search=SEARCH | {"probes": 7}),
        "a benchmark has room for 8 runs of stages, repeats and probes of a search counted",
    ),
    "a search of several pods": (
        lambda spec: spec.update(search=SEARCH, pods=2),
        "each probe of a search depends on the one before",
    ),
    "a stage that is called as a probe": (
        lambda spec: (spec.update(search=SEARCH), spec["stages"][1].update(name="search-1")),
        "a name that begins with search- is that of a probe",
    ),
    "a search that goes down": (
        lambda spec: spec.update(search=SEARCH | {"lowest": "100req/s", "highest": "20req/s"}),
        "the search goes from lowest to highest",
    ),
    "a search from nothing": (
        lambda spec: spec.update(search=SEARCH | {"lowest": "0req/s"}),
        "spec.search.lowest: Invalid value: write lowest as requests per second above 0, such as 20req/s, not 0req/s",
    ),
    "a search for hours": (
        lambda spec: spec.update(search=SEARCH | {"lowest": "0.1req/s"}),
        "a probe at the lowest rate takes more than 3600 s",
    ),
    "a search for answers before they are asked for": (
        lambda spec: spec.update(search=SEARCH | {"objective": {"statistic": "P99", "max": "0ms"}}),
        "write max as a duration above 0, such as 250ms, not 0ms",
    ),
    "a search for a mean": (
        lambda spec: spec.update(search=SEARCH | {"objective": {"statistic": "Mean", "max": "9ms"}}),
        'spec.search.objective.statistic: Unsupported value: "Mean"',
    ),
    "a sweep of nothing": (lambda spec: spec.update(sweep={}), "a sweep varies something"),
    "a sweep of two loads": (
        lambda spec: spec.update(sweep={"rates": ["5req/s"], "concurrencies": [4]}),
        "a sweep varies rates or concurrencies, not both",
    ),
    "a sweep from nothing": (
        lambda spec: spec.update(sweep={"rates": ["0req/s"]}),
        "rates of a sweep are above 0",
    ),
    "a sweep of too many points": (
        lambda spec: spec.update(
            sweep={
                "rates": [f"{n}req/s" for n in range(1, 6)],
                "parameters": [
                    {"name": "depth", "values": list("12")},
                    {"name": "width", "values": list("123")},
                ],
            }
        ),
        "a sweep has at most 24 points",
    ),
    "a sweep of repeats": (
        lambda spec: (spec.update(sweep=SWEEP), spec["stages"][1].update(repeats=2)),
        "a sweep varies one stage",
    ),
    "a sweep of a warm-up": (
        lambda spec: (spec.update(sweep=SWEEP, search=SEARCH), spec["stages"][1].update(warmUp=True)),
        "a sweep varies one stage",
    ),
    "two stages of a name": (lambda spec: spec["stages"][1].update(name="warm-up"), "Duplicate value"),
    "no worker": (
        lambda spec: spec.update(workers=0),
        "spec.workers in body should be greater than or equal to 1",
    ),
    "too many pods": (
        lambda spec: spec.update(pods=17),
        "spec.pods in body should be less than or equal to 16",
    ),
    "an address for a path": (
        lambda spec: spec.update(path="http://elsewhere"),
        "spec.path in body should match",
    ),
    "a protocol that is not spoken": (
        lambda spec: spec.update(protocol="OpenInferenceGRPC"),
        'spec.protocol: Unsupported value: "OpenInferenceGRPC": supported values: "OpenInference", "JSON", '
        '"OpenAIChat", "OpenAICompletions"',
    ),
    "a served model without a name": (
        lambda spec: (spec.pop("model"), spec.update(protocol="OpenAIChat")),
        "OpenAIChat and OpenAICompletions need model",
    ),
    "tokens of several pods": (
        lambda spec: spec.update(protocol="OpenAIChat", pods=2),
        "several pods add up latencies, errors and what was right or accepted",
    ),
    "a tolerance that nothing is held to": (
        lambda spec: spec.update(scoring={"relative": "1%"}),
        "absolute and relative are tolerances of match Numeric",
    ),
    "numbers held to no tolerance": (
        lambda spec: spec.update(scoring={"match": "Numeric"}),
        "match Numeric needs a tolerance",
    ),
    "numbers as classes": (
        lambda spec: spec.update(scoring={"match": "Numeric", "relative": "1%", "classes": True}),
        "a number is no class",
    ),
    "a model that leaves its path": (lambda spec: spec.update(model="a/b"), "no slash and no colon"),
    "a parameter that the protocol sets": (
        lambda spec: spec.update(protocol="OpenAIChat", parameters=[{"name": "stream", "value": "false"}]),
        "parameters must not set model, messages, prompt, stream, stream_options, n",
    ),
    "a credential in a header": (
        lambda spec: spec.update(headers=[{"name": "AUTHORIZATION", "value": "Bearer x"}]),
        "put the token into a Secret and name it in bearerToken",
    ),
    "a header of the protocol": (
        lambda spec: spec.update(headers=[{"name": "Content-Type", "value": "text/plain"}]),
        "this header is set by the protocol",
    ),
    "a header in two lines": (
        lambda spec: spec.update(headers=[{"name": "X-A", "value": "a\r\nX-B: b"}]),
        "spec.headers[0].value in body should match",
    ),
    "a header twice": (
        lambda spec: spec.update(headers=[{"name": "X-A", "value": "a"}] * 2),
        "Duplicate value",
    ),
    "two authorities": (
        lambda spec: spec.update(tls={"ca": {"configMap": {"name": "a"}, "secret": {"name": "b"}}}),
        "ca takes exactly one of configMap and secret",
    ),
    "no authority": (
        lambda spec: spec.update(tls={"ca": {}}),
        "ca takes exactly one of configMap and secret",
    ),
    "a check that is not made": (
        lambda spec: spec.update(tls={"serverName": "a.b.svc", "insecureSkipVerify": True}),
        "insecureSkipVerify trusts every certificate",
    ),
}


GATEWAY = [{"label": "namespace", "value": "${namespace}"}, {"label": "service", "value": "${target}"}]
METRICS: dict[str, tuple[Change, str]] = {
    "an unknown type": (lambda spec: spec["latency"].update(type="Mean"), "Unsupported value"),
    "a sum of nothing": (
        lambda spec: spec["latency"].update(type="CounterMean"),
        "CounterMean takes count",
    ),
    "a histogram with a count": (
        lambda spec: spec["latency"].update(count={"series": "requests_total"}),
        "the other types have none",
    ),
    "an alias that is a query": (
        lambda spec: spec["latency"].update(aliases=["sum(x)"]),
        "spec.latency.aliases[0] in body should match",
    ),
    "a Service without a name": (
        lambda spec: spec.update(scope="Service", serviceMatchers=GATEWAY[:1]),
        "scope Service takes serviceMatchers",
    ),
    "a Service of any namespace": (
        lambda spec: spec.update(scope="Service", serviceMatchers=GATEWAY[1:]),
        "scope Service takes serviceMatchers",
    ),
    "every Service but one": (
        lambda spec: spec.update(
            scope="Service", serviceMatchers=[GATEWAY[0], {**GATEWAY[1], "operator": "!="}]
        ),
        "scope Service takes serviceMatchers",
    ),
    "pods by a Service": (lambda spec: spec.update(serviceMatchers=GATEWAY), "scope Pod has none"),
}


LOADS: dict[str, list[Any]] = {
    "loads": [
        {"name": "warm-up", "warmUp": True, "scenario": "Server", "rate": "20req/s", "requests": 200},
        {"name": "burst", "arrival": "Burst", "burst": 20, "rate": "40req/s", "durationSeconds": 10},
        {"name": "ramp", "arrival": "Ramp", "rate": "40req/s", "toRate": "80req/s", "requests": 600},
        {"name": "monday", "arrival": "Trace", "trace": {"name": "week"}, "requests": 100},
        {"name": "closed", "concurrency": 4, "durationSeconds": 10},
        {"name": "alone", "scenario": "SingleStream", "requests": 100},
        {"name": "streams", "scenario": "MultiStream", "concurrency": 4, "requests": 100},
        {"name": "offline", "scenario": "Offline", "requests": 1000},
    ],
    "stress": [
        {"name": "steady", "rate": "40req/s", "requests": 1000},
        {"name": "peak", "peak": {"of": "steady", "times": "2.5"}, "durationSeconds": 30},
        {"name": "surge", "rate": "40req/s", "durationSeconds": 30, "surge": 200},
        {
            "name": "long",
            "rate": "40req/s",
            "requests": 500,
            "inputRepeats": 5,
            "mix": [{"group": "long", "share": "30%"}, {"group": "odd", "share": "70%"}],
        },
    ],
}
