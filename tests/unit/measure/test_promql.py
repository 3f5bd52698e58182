from __future__ import annotations

import re
from typing import Any

import pytest

from tollgate.api.metric_profile import LatencyType, MetricProfileSpec
from tollgate.api.series import Meter, MetricLabels
from tollgate.measure.promql import (
    BehindService,
    OwnedBy,
    PodNames,
    holders_query,
    live_queries,
    meter_query,
    regex_escape,
    string,
    window_seconds,
)

PROFILE = MetricProfileSpec.model_validate(
    {
        "labels": {"namespace": "kube_namespace", "pod": "kube_pod"},
        "scrapeIntervalSeconds": 15,
        "latency": {"series": "lat", "matchers": [{"label": "route", "operator": "!~", "value": 'a"b\\c'}]},
        "errors": {"series": "errors_total"},
    }
)


def profiled(latency: dict[str, Any], **fields: Any) -> MetricProfileSpec:
    return MetricProfileSpec.model_validate({"latency": latency, **fields})


def test_queries_are_range_selectors_that_carry_namespace_and_pods() -> None:
    queries = live_queries(PROFILE, "vision", PodNames(("b-1", "a.x")), 90)
    rest = r'{kube_namespace="vision",kube_pod=~"^(?:a\\.x|b-1)$",route!~"a\"b\\c"}[90s]'
    assert queries.counts == "lat_count" + rest
    assert queries.buckets == "lat_bucket" + rest
    assert queries.sums == "lat_sum" + rest
    assert queries.errors == 'errors_total{kube_namespace="vision",kube_pod=~"^(?:a\\\\.x|b-1)$"}[90s]'
    assert (queries.requests, queries.histograms) == (None, None)
    assert queries.up == 'up{kube_namespace="vision",kube_pod=~"^(?:a\\\\.x|b-1)$"}[90s]'


def test_native_histogram_is_one_series() -> None:
    latency = PROFILE.latency.model_copy(update={"type": LatencyType.NATIVE})
    queries = live_queries(PROFILE.model_copy(update={"latency": latency}), "vision", PodNames(("a",)), 90)
    assert queries.histograms == r'lat{kube_namespace="vision",kube_pod=~"^(?:a)$",route!~"a\"b\\c"}[90s]'
    assert (queries.buckets, queries.counts, queries.sums) == (None, None, None)


def test_a_summary_and_two_counters_have_no_buckets() -> None:
    rest = '{namespace="vision",pod=~"^(?:a)$"}[90s]'
    summary = profiled({"series": "lat", "type": "Summary"})
    queries = live_queries(summary, "vision", PodNames(("a",)), 90)
    assert (queries.counts, queries.sums) == ("lat_count" + rest, "lat_sum" + rest)
    assert (queries.buckets, queries.histograms) == (None, None)
    counters = profiled({"series": "us", "type": "CounterMean", "count": {"series": "done"}})
    queries = live_queries(counters, "vision", PodNames(("a",)), 90)
    assert (queries.counts, queries.sums) == ("done" + rest, "us" + rest)
    assert (queries.buckets, queries.histograms) == (None, None)


def test_all_names_of_a_series_are_asked_for_at_once() -> None:
    queries = live_queries(
        profiled({"series": "new:lat", "aliases": ["lat", "latency"]}), "vision", PodNames(("a",)), 90
    )
    rest = r',namespace="vision",pod=~"^(?:a)$"}[90s]'
    assert queries.buckets == '{__name__=~"^(?:new:lat_bucket|lat_bucket|latency_bucket)$"' + rest
    assert queries.sums == '{__name__=~"^(?:new:lat_sum|lat_sum|latency_sum)$"' + rest


def test_what_is_behind_a_service_is_asked_for_by_its_name() -> None:
    matchers = [
        {"label": "ns", "value": "${namespace}"},
        {"label": "service", "operator": "=~", "value": "${namespace}-${target}-[0-9]+@kubernetes"},
    ]
    profile = profiled({"series": "lat"}, scope="Service", serviceMatchers=matchers)
    queries = live_queries(profile, "vision", BehindService("digits.v2"), 90)
    assert queries.counts == (r'lat_count{ns="vision",service=~"vision-digits\\.v2-[0-9]+@kubernetes"}[90s]')
    assert queries.up is None


def test_no_pods_are_no_query() -> None:
    with pytest.raises(ValueError, match="no pods"):
        PodNames(())


def test_pods_of_a_replica_set() -> None:
    pattern = OwnedBy("digits-7c9f").pattern
    assert re.fullmatch(pattern, "digits-7c9f-x2x9k")
    assert not re.fullmatch(pattern, "digits-7c9f-canary-x2x9k")
    assert not re.fullmatch(pattern, "other-digits-7c9f-x2x9k")


def test_pods_of_a_replica_set_with_a_long_name() -> None:
    name = "a" * 60 + "-7c9f8b6d5"
    assert re.fullmatch(OwnedBy(name).pattern, name[:58] + "x2x9k")


@pytest.mark.parametrize("char", list("\\.+*?()|[]{}^$"))
def test_special_characters_match_themselves(char: str) -> None:
    assert re.fullmatch(regex_escape(f"a{char}b"), f"a{char}b")
    assert regex_escape(char) == "\\" + char


def test_string_literal() -> None:
    assert string('say "hi"\n\\d') == r'"say \"hi\"\n\\d"'


def test_window_holds_its_base() -> None:
    assert window_seconds(PROFILE, since=100.2, until=160.0) == 60 + 75


def test_who_holds_parts_of_a_gpu_is_asked_for_of_all_namespaces() -> None:
    meter = Meter.model_validate({"series": "mJ", "matchers": [{"label": "job", "value": "dcgm"}]})
    assert holders_query(meter, ["GPU-1", 'GPU-"2"'], 61) == (
        r'mJ{UUID=~"^(?:GPU-1|GPU-\"2\")$",job="dcgm"}[61s]'
    )


def test_a_meter_has_labels_of_its_own_or_those_of_the_profile() -> None:
    meter = Meter.model_validate(
        {"series": "used_total", "matchers": [{"label": "container", "operator": "!=", "value": ""}]}
    )
    labels = MetricLabels(namespace="exported_namespace", pod="exported_pod")
    asked = [
        meter_query(PROFILE, each, "vision", PodNames(("a", "b")), 61)
        for each in (meter, meter.model_copy(update={"labels": labels}))
    ]
    mine = PROFILE.labels
    assert asked == [
        f'used_total{{{ns}="vision",{pod}=~"^(?:a|b)$",container!=""}}[61s]'
        for ns, pod in ((mine.namespace, mine.pod), ("exported_namespace", "exported_pod"))
    ]
