"""The CRDs on a real API server: what it takes, what it refuses and with which words, and that the models agree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes import client, config
from pydantic import ValidationError

from tests.contract.kubectl import AS_OPERATOR, Kubectl
from tests.unit.decide.objectives import benchmark as measured
from tests.unit.decide.objectives import stage
from tollgate.api.adjustment import AdjustmentState, LimitInForce
from tollgate.api.arms import ArmCounts, ArmSegment
from tollgate.api.base import API_VERSION, GROUP, VERSION
from tollgate.api.benchmark import BenchmarkStatus
from tollgate.api.budget import BudgetStatus, Dimension, EfficiencyBudget, Per, Statistic
from tollgate.api.canonical import digest
from tollgate.api.chain import RecordRef, UnwrittenRecord
from tollgate.api.change import ChangeKind, LimitChange, ProposedChange
from tollgate.api.cold_start import FirstRequests, OverPods, StartTimes
from tollgate.api.conditions import Condition
from tollgate.api.decision import Action, DecisionSpec, ObjectIdentity
from tollgate.api.degradation import (
    DegradationState,
    DegradationStep,
    KeyValue,
    StepBack,
    StepChange,
    TakenStep,
    UndoneStep,
)
from tollgate.api.drift import DriftFinding, DriftOfObjective, DriftState
from tollgate.api.evidence import Judged, JudgedArm
from tollgate.api.hardware import LoadedPods
from tollgate.api.metric_profile import MetricProfile
from tollgate.api.objective import Metric, Objective
from tollgate.api.profiles import BenchmarkProfile
from tollgate.api.release import (
    Approved,
    ApprovedBaseline,
    Carried,
    Detector,
    Rejected,
    Release,
    Stage,
    StageSpan,
)
from tollgate.api.server_side import ServerReadings, SteadyWindow
from tollgate.api.signoff import SignedOff, SignOffVerdict
from tollgate.api.sweep import OperatingPoint
from tollgate.api.verdict import ObjectiveResult, Reason, Relation, Verdict
from tollgate.decide.changes import declared
from tollgate.manifests.benchmark import benchmark
from tollgate.manifests.decision import decision
from tollgate.manifests.names import Identity
from tollgate.ports import BUDGET

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("crds")]

EXAMPLE = Path(__file__).parents[2] / "examples/digits/tollgate"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SERVER_ALONE = ("create", "--dry-run=server", "--validate=false")  # without kubectl's own checks before it
Change = Callable[[dict[str, Any]], object]


def example(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((EXAMPLE / f"{name}.yaml").read_text())
    return loaded


@pytest.fixture
def budget(namespace: str) -> dict[str, Any]:
    obj = example("budget")
    obj["metadata"]["namespace"] = namespace
    return obj


def without_empty_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_empty_lists(inner) for key, inner in value.items() if inner != []}
    return [without_empty_lists(inner) for inner in value] if isinstance(value, list) else value


def objective(index: int, **fields: Any) -> Change:
    return lambda spec: spec["objectives"][index].update(fields)


def without(index: int, field: str) -> Change:
    return lambda spec: spec["objectives"][index].pop(field)


def steps(*shares: str) -> Change:
    return lambda spec: spec["canary"].update(steps=[{"share": share} for share in shares])


def step(does: dict[str, Any]) -> Change:
    """A budget with a step of degradation."""
    return lambda spec: spec.update(degradation={"steps": [{"name": "exit-earlier", **does}]})


def night(**changes: Any) -> Change:
    """A budget with an adjustment; `changes` replace its fields, or those of its window."""
    window = {"schedule": "0 22 * * *", "durationMinutes": 480, "timeZone": "Europe/Berlin"}
    made: dict[str, Any] = {
        "name": "night",
        "when": {"window": {**window, **{key: changes.pop(key) for key in window if key in changes}}},
        "limits": [{"objective": "tail", "max": "400ms"}],
    }
    return lambda spec: spec.update(adjustments=[made | changes])


WRONG_BUDGETS: dict[str, tuple[Change, str]] = {
    "another unit": (
        objective(0, max="0.40USD"),
        "spec.objectives[0].max: Invalid value: Latency: write max as a duration above 0, such as 250ms or 1.5s, "
        "not 0.40USD",
    ),
    "a bare number": (
        objective(0, max="250"),
        "spec.objectives[0].max: Invalid value: Latency: write max as a duration above 0, such as 250ms or 1.5s, "
        "not 250",
    ),
    "a number": (objective(0, max=250), 'spec.objectives[0].max in body must be of type string: "integer"'),
    "a limit of zero": (objective(4, max="0%"), "ErrorRate: write max as a percentage between 0 and 100"),
    "an amount without a currency": (
        objective(2, max="0.40"),
        "Cost: write max as an amount above 0 with its currency",
    ),
    "a cost per nothing": (
        without(2, "per"),
        "spec.objectives[2]: Invalid value: Cost takes exactly max and per",
    ),
    "a latency without a statistic": (without(0, "statistic"), "Latency takes exactly max and statistic"),
    "an unknown dimension": (
        objective(0, dimension="FLOPs"),
        'spec.objectives[0].dimension: Unsupported value: "FLOPs": supported values: "Latency", "TimeToFirstToken", ',
    ),
    "a latency within a time": (
        objective(0, within="1s"),
        "spec.objectives[0]: Invalid value: within is for ViolationRate, and for Quality with the metric Accuracy",
    ),
    "an unknown metric": (objective(3, metric="F2"), 'Unsupported value: "F2"'),
    "an unknown statistic": (objective(0, statistic="P98"), 'Unsupported value: "P98"'),
    "an unknown mode": (lambda spec: spec.update(mode="Block"), 'spec.mode: Unsupported value: "Block"'),
    "two objectives of a name": (
        objective(1, name="tail"),
        'spec.objectives[1]: Duplicate value: {"name":"tail"}',
    ),
    "two steps of a share": (steps("10%", "10%"), 'spec.canary.steps[1]: Duplicate value: {"share":"10%"}'),
    "a step to all pods": (steps("100%"), "spec.canary.steps[0].share in body should match"),
    "too many steps": (
        steps(*(f"{n}%" for n in range(1, 12))),
        "spec.canary.steps: Too many: 11: must have at most 10",
    ),
    "too many objectives": (
        lambda spec: spec.update(
            objectives=[{"name": f"o{n}", "dimension": "ErrorRate", "max": "1%"} for n in range(33)]
        ),
        "spec.objectives: Too many: 33: must have at most 32 items",
    ),
    "nobody who answers for it": (
        lambda spec: spec.update(owners=[]),
        "spec.owners in body should have at least 1",
    ),
    "an approver twice": (
        lambda spec: spec.update(approval={"approvers": ["alice", "alice"]}),
        'spec.approval.approvers[1]: Duplicate value: "alice"',
    ),
    "more sign-offs than people": (
        lambda spec: spec.update(approval={"approvers": ["alice"], "required": 2}),
        "spec.approval: Invalid value: required is more than the people in approvers",
    ),
    "a drift that is none": (
        lambda spec: spec.update(drift={"ratio": "1.0"}),
        "spec.drift.ratio: Invalid value: ratio is a number above 1, such as 1.5, not 1.0",
    ),
    "a stage of what no benchmark judges": (
        lambda spec: spec["objectives"].append(
            {"name": "q", "dimension": "QueueTime", "statistic": "P99", "max": "1s", "stage": "steady"}
        ),
        "QueueTime is judged in live traffic only, and no stage of a benchmark is: leave stage out",
    ),
    "a step of degradation that does nothing": (
        step({"name": "nothing"}),
        "spec.degradation.steps[0]: Invalid value: a step takes exactly one of configMap, scale and webhook",
    ),
    "a step of degradation that does two things": (
        step({"webhook": {"name": "shed"}, "scale": {"name": "small", "replicas": 1}}),
        "a step takes exactly one of configMap, scale and webhook",
    ),
    "a step of degradation for an unknown objective": (
        step({"webhook": {"name": "shed"}, "objectives": ["nope"]}),
        "each objective of a step of degradation is the name of one of the budget's",
    ),
    "a step of degradation that scales the target": (
        step({"scale": {"name": "digits", "replicas": 5}}),
        "a step of degradation scales another Deployment than the target",
    ),
    "a step of degradation with a load without a unit": (
        step({"webhook": {"name": "shed"}, "stepBack": {"loadBelow": "20"}}),
        "spec.degradation.steps[0].stepBack.loadBelow in body should match",
    ),
    "an adjustment in another unit": (
        night(limits=[{"objective": "tail", "max": "2USD"}]),
        "with its max or min and its unit: a time for a time",
    ),
    "an adjustment of nothing": (
        night(limits=[{"objective": "nope", "max": "2s"}]),
        "each limit of an adjustment is one of the budget's objectives",
    ),
    "an adjustment of the other side": (
        night(limits=[{"objective": "tail", "min": "2s"}]),
        "each limit of an adjustment is one of the budget's objectives",
    ),
    "an adjustment that never counts": (
        night(when={}),
        "spec.adjustments[0].when: Invalid value: when takes at least one of window, load, priorityClassName",
    ),
    "a time zone that is none": (
        night(timeZone="Europe/Berln"),
        "unknown time zone Europe/Berln evaluating rule: timeZone is the name of a time zone of the IANA database",
    ),
    "an hour that is none": (
        night(schedule="0 25 * * *"),
        "spec.adjustments[0].when.window.schedule: Invalid value: write the schedule as minute, hour, day of the "
        "month, month and day of the week, such as 0 22 * * 1-5, not 0 25 * * *",
    ),
    "a load in tokens": (
        night(when={"load": {"above": "10tok/s"}}),
        "spec.adjustments[0].when.load.above in body should match",
    ),
    "no target": (lambda spec: spec.pop("target"), "spec.target: Required value"),
    "too much confidence": (lambda spec: spec.update(confidence="1"), "spec.confidence in body should match"),
}


@pytest.mark.parametrize(("change", "message"), WRONG_BUDGETS.values(), ids=WRONG_BUDGETS)
def test_a_wrong_budget_is_refused_in_words_and_by_the_model(
    kubectl: Kubectl, budget: dict[str, Any], change: Change, message: str
) -> None:
    change(budget["spec"])
    assert message in kubectl.refused(*SERVER_ALONE, objects=[budget])
    with pytest.raises(ValidationError):
        EfficiencyBudget.model_validate(budget)


@pytest.mark.parametrize(
    "schedule", ["0 22 * * *", "*/15 0-5,22,23 1 JAN 7", "0 0 1-7 * MON", "30 6 * jan,jul sat,sun"]
)
def test_schedules_of_cron_are_taken(kubectl: Kubectl, budget: dict[str, Any], schedule: str) -> None:
    night(schedule=schedule)(budget["spec"])
    kubectl("create", "--dry-run=server", objects=[budget])
    EfficiencyBudget.model_validate(budget)


def test_a_misspelt_field_is_named(kubectl: Kubectl, budget: dict[str, Any]) -> None:
    budget["spec"]["onDelet"] = "Hold"
    assert re.search(
        'unknown field "(spec.)?onDelet"', kubectl.refused("create", "--dry-run=server", objects=[budget])
    )


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


@pytest.mark.parametrize(("change", "message"), PROFILES.values(), ids=PROFILES)
def test_a_wrong_profile_is_refused_in_words_and_by_the_model(
    kubectl: Kubectl, change: Change, message: str
) -> None:
    profile = example("benchmark-profile")
    change(profile["spec"])
    assert message in kubectl.refused(*SERVER_ALONE, objects=[profile])
    with pytest.raises(ValidationError):
        BenchmarkProfile.model_validate(profile)


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


@pytest.mark.parametrize(("change", "message"), METRICS.values(), ids=METRICS)
def test_a_wrong_metric_profile_is_refused_in_words_and_by_the_model(
    kubectl: Kubectl, change: Change, message: str
) -> None:
    profile = example("metric-profile")
    change(profile["spec"])
    assert message in kubectl.refused(*SERVER_ALONE, objects=[profile])
    with pytest.raises(ValidationError):
        MetricProfile.model_validate(profile)


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


@pytest.mark.parametrize("which", LOADS)
def test_every_form_of_load_is_taken(kubectl: Kubectl, which: str) -> None:
    profile = example("benchmark-profile")
    name = profile["metadata"]["name"] = f"contract-{which}"
    profile["spec"]["stages"] = LOADS[which]
    kubectl("apply", "--server-side", "--force-conflicts", objects=[profile])
    served = kubectl.get(f"benchmarkprofile.{GROUP}", name)
    assert served["spec"] == without_empty_lists(BenchmarkProfile.model_validate(profile).dump()["spec"])
    kubectl("delete", f"benchmarkprofile.{GROUP}", name)


def test_a_search_beside_a_warm_up_is_taken(kubectl: Kubectl) -> None:
    profile = example("benchmark-profile")
    profile["metadata"]["name"] = "contract-search"
    profile["spec"].update(stages=profile["spec"]["stages"][:1], search=SEARCH)
    kubectl("apply", "--server-side", "--force-conflicts", objects=[profile])
    served = kubectl.get(f"benchmarkprofile.{GROUP}", "contract-search")
    assert served["spec"] == without_empty_lists(BenchmarkProfile.model_validate(profile).dump()["spec"])
    kubectl("delete", f"benchmarkprofile.{GROUP}", "contract-search")


def test_the_profile_of_a_language_model_is_taken(kubectl: Kubectl) -> None:
    documents = yaml.safe_load_all((EXAMPLE.parents[1] / "openai/benchmark-profile.yaml").read_text())
    profile = next(document for document in documents if document["kind"] == "BenchmarkProfile")
    profile["metadata"]["name"] = "contract-chat-steady"
    kubectl("apply", "--server-side", "--force-conflicts", objects=[profile])
    served = kubectl.get(f"benchmarkprofile.{GROUP}", "contract-chat-steady")
    assert served["spec"] == without_empty_lists(BenchmarkProfile.model_validate(profile).dump()["spec"])


def test_the_example_is_taken_and_filled_in_as_the_models_do(
    kubectl: Kubectl, budget: dict[str, Any]
) -> None:
    for obj, model in (
        (budget, EfficiencyBudget),
        (example("benchmark-profile"), BenchmarkProfile),
        (example("metric-profile"), MetricProfile),
    ):
        name = obj["metadata"]["name"] = (
            f"contract-{obj['metadata']['name']}"  # the example itself may be in use
        )
        kubectl("apply", "--server-side", "--force-conflicts", objects=[obj])
        namespaced = ["-n", obj["metadata"]["namespace"]] if "namespace" in obj["metadata"] else []
        served = kubectl.get(f"{obj['kind'].lower()}.{GROUP}", name, *namespaced)
        assert served["spec"] == without_empty_lists(model.model_validate(obj).dump()["spec"])
        kubectl("delete", f"{obj['kind'].lower()}.{GROUP}", name, *namespaced)


def test_a_target_is_immutable(kubectl: Kubectl, budget: dict[str, Any]) -> None:
    budget["metadata"]["name"] = "moved"
    kubectl("create", objects=[budget])
    budget["spec"]["target"]["name"] = "another"
    refusal = kubectl.refused("apply", "--server-side", "--force-conflicts", objects=[budget])
    assert "spec.target: Invalid value: target is immutable: make another EfficiencyBudget" in refusal


def test_a_decision_never_changes(kubectl: Kubectl, namespace: str) -> None:
    spec = DecisionSpec(
        action=Action.PROMOTED,
        sequence=1,
        reason="AllWithin",
        budget=ObjectIdentity(name="digits", uid="u1"),
        budget_generation=1,
        target=ObjectIdentity(name="digits", uid="u2"),
        release=1,
        revision="0123456789",
        stage="Promoting",
        decided_at=NOON,
        started_at=NOON,
        policy=EfficiencyBudget.model_validate(example("budget")).spec,
        adjustments=["night"],
        step=StepChange(name="exit-earlier", what="threshold of ConfigMap tuning", was="0.4", now="0.15"),
        degraded=["exit-earlier"],
        changes=[LimitChange(name="tail", kind=ChangeKind.LOOSER, was="p99 <= 250ms", now="p99 <= 400ms")],
    )
    record = decision(spec.dump(), name="digits-1-promoted", namespace=namespace)
    kubectl("create", *AS_OPERATOR, objects=[record])
    changed = spec.model_copy(update={"message": "It was within its limits, honestly."})
    refusal = kubectl.refused("replace", *AS_OPERATOR, objects=[{**record, "spec": changed.dump()}])
    assert "a decision is a record: it never changes" in refusal
    served = kubectl.get("effd", "digits-1-promoted", "-n", namespace)
    assert DecisionSpec.model_validate(served["spec"]) == spec
    assert digest(served["spec"]) == digest(spec.dump()), "what is stored is what was sent"


def test_a_benchmark_is_one_measurement(kubectl: Kubectl, namespace: str) -> None:
    owner = Identity(BUDGET, namespace, "digits", "11111111-2222-3333-4444-555555555555")
    made = benchmark(
        owner,
        name="digits-1",
        profile="digits-steady",
        target="digits-candidate",
        limits=["250ms"],
        revision="0",
    )
    del made["metadata"]["ownerReferences"]  # the garbage collector would miss this owner
    kubectl("create", objects=[made])
    made["spec"]["target"]["name"] = "another"
    refusal = kubectl.refused("replace", objects=[made])
    assert "a Benchmark is one measurement: make another one" in refusal


SIGNED_OFF = SignedOff(
    name="s",
    uid="u3",
    username="alice",
    verdict=SignOffVerdict.ACCEPT,
    accepts=["mean"],
    justification="Worth it.",
    at=NOON,
    digest="sha256:" + "0" * 64,
)


STEP = DegradationStep(
    name="exit-earlier",
    objectives=["tail"],
    config_map=KeyValue(name="tuning", key="threshold", value="0.15"),
    step_back=StepBack(load_below="20req/s"),
)


def full_status() -> BudgetStatus:
    """A status with every field set."""
    result = ObjectiveResult(
        name="tail",
        verdict=Verdict.INCONCLUSIVE,
        reason=Reason.TOO_FEW_REQUESTS,
        message="40 of 459 requests.",
        limit="250ms",
        observed="31.5ms",
        low="30ms",
        high="33ms",
        requests=40,
        over_limit=0,
        evidence_breach="-0.4",
        evidence_within="0.2",
        enough=True,
        relation=Relation.BETTER,
        relation_to_approved=Relation.WORSE,
    )
    good = Approved(
        revision="0123456789",
        image="digits:1",
        replica_set="digits-1",
        benchmark="b",
        decision="d",
        since=NOON,
        release=1,
    )
    approved = ApprovedBaseline(**dict(good), reason="SignedOff")
    release = Release(
        number=2,
        revision="9876543210",
        image="digits:2",
        stage=Stage.CANARY,
        initial=True,
        since=NOON,
        started_at=NOON,
        reason="Waiting",
        message="For requests.",
        step=1,
        share="50%",
        counting_since=NOON,
        benchmark="b2",
        benchmark_objectives=[result],
        judged=Judged(
            budget_generation=3,
            confidence="0.99",
            objectives=[Objective(name="errs", dimension=Dimension.ERROR_RATE, max="1%")],
            candidate=JudgedArm(benchmark="b2", digest="sha256:" + "1" * 64),
            relation="Equal",
        ),
        live_objectives=[result],
        segments=[
            ArmSegment(
                pods="sha256:" + "2" * 64,
                since=NOON,
                counts=[
                    ArmCounts(
                        name="tail",
                        limit="250ms",
                        canary_requests=100,
                        canary_over_limit=1,
                        stable_requests=900,
                        stable_over_limit=9,
                        clumping="1.5",
                    )
                ],
            )
        ],
        rollback_to=good,
        approved_before=approved,
        attempt=2,
        failures=1,
        look=2,
        earlier=["b1"],
        again_at=NOON,
        asked="2026-01-01",
        improves=["tail"],
        overrides=["mean"],
        signable_since=NOON,
        sign_offs=[SIGNED_OFF],
        decision="d2",
        history=[StageSpan(stage=Stage.HELD, since=NOON)],
    )
    return BudgetStatus(
        declared=declared(EfficiencyBudget.model_validate(example("budget")).spec, 3),
        proposal=ProposedChange(
            record="digits-changed-2",
            digest="sha256:" + "1" * 64,
            changes=[LimitChange(name="tail", adjustment="night", kind=ChangeKind.LOOSER)],
            since=NOON,
            signable_since=NOON,
            refused=True,
        ),
        drift=DriftState(
            revision="0123456789",
            since=NOON,
            period_since=NOON,
            objectives=[
                DriftOfObjective(
                    name="tail",
                    statistic="P99",
                    limit="250ms",
                    load_correlation="-0.35",
                    clumping="1.5",
                    evidence="-0.4",
                    strata=["load:-2,InputTokens:20 1000 3 12 0"],
                )
            ],
            found=DriftFinding(objective="tail", at=NOON, message="3% of 100 requests."),
        ),
        degradation=DegradationState(
            taken=[
                TakenStep(
                    name="exit-earlier",
                    step=STEP,
                    was="0.4",
                    since=NOON,
                    done=True,
                    undoing=True,
                    returns=1,
                )
            ],
            changed_at=NOON,
            settle_seconds=120,
            settled=False,
            calm_since=NOON,
            undone=[UndoneStep(name="small-model", at=NOON, returns=2)],
        ),
        adjustments=[
            AdjustmentState(name="night", in_force=True, since=NOON, load_holds=True, load_turning_since=NOON)
        ],
        limits=[LimitInForce(objective="tail", limit="400ms", adjusted_by="night")],
        observed_generation=3,
        conditions=[Condition(type="Ready", status="True", reason="Accepted", last_transition_time=NOON)],
        release=release,
        releases=2,
        last_good=good,
        approved_baseline=approved,
        known_good=[good],
        serving_since=NOON,
        detector=Detector(
            since=NOON,
            given="0.006944",
            carried=[Carried(name="tail", statistic=Statistic.P99, limit="250ms", evidence="1.234e-2")],
        ),
        rejected=[
            Rejected(revision="5", image="digits:0", decision="d0", at=NOON, reason="Slow.", rolled_back=True)
        ],
        objectives=[result],
        traffic="12.5req/s",
        measure_again="2026-01-01",
        governed_uid="u",
        oldest_record=1,
        last_record=RecordRef(sequence=1, name="d0", digest="sha256:" + "0" * 64),
        unwritten=[
            UnwrittenRecord(
                sequence=2, name="d1", digest="sha256:" + "1" * 64, release=2, decided_at=NOON, spec='{"a":1}'
            )
        ],
    )


def test_a_status_comes_back_whole(kubectl: Kubectl, budget: dict[str, Any]) -> None:
    budget["metadata"]["name"] = "whole"
    kubectl("create", objects=[budget])
    status = full_status()
    assert status.model_fields_set == set(BudgetStatus.model_fields)
    assert status.release is not None
    assert status.release.model_fields_set == set(Release.model_fields)
    assert status.detector is not None
    assert status.detector.carried[0].model_fields_set == set(Carried.model_fields)
    kubectl("replace", "--subresource=status", objects=[{**budget, "status": status.dump()}])
    served = kubectl.get("effb", "whole", "-n", budget["metadata"]["namespace"])
    assert BudgetStatus.model_validate(served["status"]) == status


def test_users_see_the_state_of_a_budget_in_one_line(kubectl: Kubectl, budget: dict[str, Any]) -> None:
    budget["metadata"]["name"] = "listed"
    kubectl("create", objects=[budget])
    kubectl("replace", "--subresource=status", objects=[{**budget, "status": full_status().dump()}])
    header, row = kubectl("get", "effb", "listed", "-n", budget["metadata"]["namespace"]).splitlines()
    assert header.split() == ["NAME", "TARGET", "MODE", "READY", "WITHIN", "STAGE", "SHARE", "AGE"]
    assert row.split()[:6] == ["listed", "digits", "Enforce", "True", "Canary", "50%"]


def test_users_see_what_a_benchmark_judged_and_not_its_warm_up(kubectl: Kubectl, namespace: str) -> None:
    warm_up = stage(name="warm-up", warmUp=True, errors=7) | {"overLimit": []}
    warm_up["quantiles"] = warm_up["quantiles"] | {"p99": "9s"}
    made = {
        "apiVersion": API_VERSION,
        "kind": "Benchmark",
        "metadata": {"name": "listed", "namespace": namespace},
        "spec": {"profileRef": {"name": "digits-steady"}, "target": {"name": "digits"}},
    }
    kubectl("create", objects=[made])
    status = BenchmarkStatus(phase="Succeeded", result=measured(warm_up, stage()))
    kubectl("replace", "--subresource=status", objects=[{**made, "status": status.dump()}])
    header, row = kubectl("get", "bench", "listed", "-n", namespace).splitlines()
    assert header.split() == ["NAME", "TARGET", "PROFILE", "PHASE", "P99", "ERRORS", "REVISION", "AGE"]
    assert row.split()[:6] == ["listed", "digits", "digits-steady", "Succeeded", "110ms", "0"]


def test_operating_points_come_back_whole_and_a_sweep_compares_its_own(
    kubectl: Kubectl, namespace: str
) -> None:
    spec = {
        "profileRef": {"name": "digits-points"},
        "target": {"name": "digits"},
        "sweep": {"budgetRef": {"name": "d"}},
    }
    made = {
        "apiVersion": API_VERSION,
        "kind": "Benchmark",
        "metadata": {"name": "points", "namespace": namespace},
        "spec": spec,
    }
    kubectl("create", objects=[made])
    point = OperatingPoint(
        number=2,
        settings="EXIT_THRESHOLD=0.4, 20req/s",
        phase="Measured",
        quality="98.3%",
        p99="110ms",
        throughput="20req/s",
        cost="0.0012USD",
        energy="12.5J",
        feasible="No",
        dominated_by=1,
        message="tail: 40 of 600 requests slower than 250ms",
    )
    assert point.model_fields_set == set(OperatingPoint.model_fields)
    status = BenchmarkStatus(phase="Running", operating_points=[point], cheapest=1)
    kubectl("replace", "--subresource=status", objects=[{**made, "status": status.dump()}])
    assert BenchmarkStatus.model_validate(kubectl.get("bench", "points", "-n", namespace)["status"]) == status
    both = {
        **made,
        "metadata": {"name": "both", "namespace": namespace},
        "spec": {**spec, "baseline": {"name": "old"}},
    }
    assert "a sweep compares its own points" in kubectl.refused("create", objects=[both])


def test_what_the_server_used_and_how_it_started_come_back_whole(kubectl: Kubectl, namespace: str) -> None:
    made = {
        "apiVersion": API_VERSION,
        "kind": "Benchmark",
        "metadata": {"name": "used", "namespace": namespace},
        "spec": {
            "profileRef": {"name": "digits-steady"},
            "target": {"name": "digits"},
            "metricsRef": {"name": "digits-server"},
        },
    }
    kubectl("create", objects=[made])
    readings = ServerReadings(
        scrapes=11,
        covered="50s",
        peak_memory="312.5Mi",
        cpu_seconds="11.2s",
        gpu_utilization="73.1%",
        peak_gpu_memory="20.4Gi",
        energy="2310J",
        attribution="0.5 of GPU-1",
        peak_kv_cache="61.2%",
        flops="42.3TFLOP",
        intervals=10,
        errors={"energy": "0.021"},
        restarts=1,
        unknown={"all": "Nothing."},
    )
    assert readings.model_fields_set == set(ServerReadings.model_fields)
    first = FirstRequests(requests=2, errors=1, median="210ms", worst="1.2s")
    steady = SteadyWindow(since=NOON, until=NOON)
    used = measured(stage(server=readings, steady=steady), firstRequests=first)
    over = OverPods(median="3s", worst="4s")
    starts = StartTimes(
        pods=2,
        restarted=1,
        from_creation=over,
        from_scheduling=over,
        without_pulls=over,
        from_start=over,
        ready_for="5s",
    )
    assert starts.model_fields_set == set(StartTimes.model_fields)
    assert first.model_fields_set == set(FirstRequests.model_fields)
    status = BenchmarkStatus(
        result=used, loaded=LoadedPods(names=["digits-1"], nodes={"node-1": 1}), cold_start=starts
    )
    kubectl("replace", "--subresource=status", objects=[{**made, "status": status.dump()}])
    served = kubectl.get("bench", "used", "-n", namespace)
    assert served["spec"]["metricsRef"] == {"name": "digits-server"}
    assert BenchmarkStatus.model_validate(served["status"]) == status


@pytest.mark.parametrize("short", ["effb", "bench", "benchp", "metp", "effd", "effs", "tollgate"])
def test_every_kind_answers_to_its_short_name_and_category(kubectl: Kubectl, short: str) -> None:
    kubectl("get", short, "-A")


def test_explain_teaches(kubectl: Kubectl) -> None:
    explained = kubectl(
        "explain", "efficiencybudget.spec.canary.onInconclusive", f"--api-version={API_VERSION}"
    )
    assert "Hold keeps the share and says so" in explained
    assert "enum" in explained.lower()
    explained = kubectl("explain", "metricprofile.spec.latency.type", f"--api-version={API_VERSION}")
    assert "a percentile is judged by the benchmark alone" in " ".join(explained.split())


LIMITS = st.one_of(
    st.sampled_from(
        ["250ms", "1.5s", "0ms", "0.000us", "0.40USD", "0USD", "1%", "0%", "99.9%", "100%", "0.95", "1", "0"]
    ),
    st.sampled_from(
        ["30req/s", "0req/s", "250", "250 ms", "-1ms", "1e3ms", ".5s", "5.s", "1.0000000001s", "9" * 13 + "s"]
    ),
    st.from_regex(
        r"[0-9]{1,3}(\.[0-9]{1,2})?(us|ms|s|%|USD|req/s|tok/s|tok|J|kWh|gCO2e|Gi|B|GFLOP|)", fullmatch=True
    ),
)
OBJECTIVES = st.fixed_dictionaries(
    {"dimension": st.sampled_from(list(Dimension)).map(str)},
    optional={
        "statistic": st.sampled_from(list(Statistic)).map(str),
        "per": st.sampled_from(list(Per)).map(str),
        "metric": st.sampled_from(list(Metric)).map(str),
        "within": LIMITS,
        "measured": st.booleans(),
        "meets": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("latency", "timeToFirstToken", "timePerOutputToken"), LIMITS)
        ),
        "max": LIMITS,
        "min": LIMITS,
    },
)


@pytest.fixture(scope="module")
def api(kubeconfig: str) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(config.new_client_from_config(kubeconfig))


@settings(max_examples=40, deadline=None)
@given(objectives=st.lists(OBJECTIVES, min_size=20, max_size=32))
def test_model_and_api_server_refuse_the_same_objectives(
    api: client.CustomObjectsApi, namespace: str, objectives: list[dict[str, str]]
) -> None:
    obj = example("budget")
    obj["metadata"]["namespace"] = namespace
    obj["spec"]["objectives"] = [{"name": f"o{n}", **fields} for n, fields in enumerate(objectives)]
    assert refused_by_server(api, obj) == refused_by_model(obj)


def refused_by_model(obj: dict[str, Any]) -> set[int]:
    try:
        EfficiencyBudget.model_validate(obj)
    except ValidationError as error:
        return {int(e["loc"][2]) for e in error.errors()}
    return set()


def refused_by_server(api: client.CustomObjectsApi, obj: dict[str, Any]) -> set[int]:
    """Indices of the objectives that the causes of a 422 name, as in `spec.objectives[3].max`."""
    namespace = obj["metadata"]["namespace"]
    try:
        api.create_namespaced_custom_object(GROUP, VERSION, namespace, BUDGET.plural, obj, dry_run="All")
    except client.ApiException as error:
        if error.status != 422:
            raise
        causes = json.loads(error.body or "")["details"]["causes"]
        return {int(cause["field"].split("[")[1].split("]")[0]) for cause in causes}
    return set()
