"""No name can widen a query or break out of it."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tollgate.api.metric_profile import MetricProfileSpec
from tollgate.measure.promql import BehindService, OwnedBy, PodNames, live_queries, string

STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
PROFILE = MetricProfileSpec.model_validate({"latency": {"series": "latency"}})
MATCHERS = [
    {"label": "ns", "value": "${namespace}"},
    {"label": "service", "operator": "=~", "value": "${target}-[0-9]+"},
]
OF_SERVICE = MetricProfileSpec.model_validate(
    {"scope": "Service", "serviceMatchers": MATCHERS, "latency": {"series": "latency"}}
)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def read(literal: str) -> str:
    """The value of a PromQL string literal that uses the escapes we write."""
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), literal[1:-1], flags=re.DOTALL)


@given(text)
def test_string_is_one_literal_and_reads_back(value: str) -> None:
    literal = string(value)
    assert STRING.fullmatch(literal)
    assert read(literal) == value


@given(text, st.lists(text, min_size=1, max_size=3))
def test_query_selects_this_namespace_and_these_pods_only(namespace: str, names: list[str]) -> None:
    query = live_queries(PROFILE, namespace, PodNames(tuple(names)), 60).counts
    assert query is not None
    literals = STRING.findall(query)
    assert STRING.sub("?", query) == "latency_count{namespace=?,pod=~?}[60s]"
    assert read(literals[0]) == namespace
    pattern = re.compile(read(literals[1]))
    assert all(pattern.fullmatch(name) for name in names)


@given(text, text)
def test_query_of_a_service_selects_just_its_names(namespace: str, target: str) -> None:
    query = live_queries(OF_SERVICE, namespace, BehindService(target), 60).counts
    assert query is not None
    literals = STRING.findall(query)
    assert STRING.sub("?", query) == "latency_count{ns=?,service=~?}[60s]"
    assert read(literals[0]) == namespace
    assert re.fullmatch(read(literals[1]), f"{target}-80")


@given(st.lists(text, min_size=1, max_size=3), text)
def test_other_names_do_not_match(names: list[str], other: str) -> None:
    assert bool(re.fullmatch(PodNames(tuple(names)).pattern, other)) == (other in names)


@given(st.from_regex(r"[a-z0-9.-]{1,80}", fullmatch=True), text)
def test_pods_of_a_replica_set_are_its_prefix_and_five_characters(replica_set: str, suffix: str) -> None:
    prefix = (replica_set + "-")[:58]
    generated = re.fullmatch(r"[a-z0-9]{5}", suffix) is not None
    assert bool(re.fullmatch(OwnedBy(replica_set).pattern, prefix + suffix)) == generated
