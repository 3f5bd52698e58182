"""Every object of Tollgate's kinds under examples/ is one that the models take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tollgate.api.base import API_VERSION, Model
from tollgate.api.benchmark import Benchmark
from tollgate.api.budget import EfficiencyBudget
from tollgate.api.metric_profile import MetricProfile
from tollgate.api.profiles import BenchmarkProfile
from tollgate.api.signoff import EfficiencySignOff

EXAMPLES = Path(__file__).parents[3] / "examples"
MODELS: dict[str, type[Model]] = {
    model.__name__: model
    for model in (EfficiencyBudget, Benchmark, BenchmarkProfile, MetricProfile, EfficiencySignOff)
}


def objects() -> list[dict[str, Any]]:
    documents = (
        document
        for path in sorted(EXAMPLES.rglob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    )
    return [document for document in documents if document and document.get("apiVersion") == API_VERSION]


def test_the_example_has_a_budget_and_both_of_its_profiles() -> None:
    assert {"EfficiencyBudget", "BenchmarkProfile", "MetricProfile"} <= {obj["kind"] for obj in objects()}


@pytest.mark.parametrize("obj", objects(), ids=lambda obj: f"{obj['kind']}/{obj['metadata']['name']}")
def test_an_example_is_valid(obj: dict[str, Any]) -> None:
    parsed = MODELS[obj["kind"]].model_validate(obj)
    assert parsed.dump()["spec"]


def test_a_budget_refers_to_profiles_that_are_there() -> None:
    listed = objects()
    names = {(obj["kind"], obj["metadata"]["name"]) for obj in listed}
    for obj in listed:
        if obj["kind"] == "EfficiencyBudget":
            spec = obj["spec"]
            assert ("BenchmarkProfile", spec["benchmark"]["profileRef"]["name"]) in names
            assert ("MetricProfile", spec["metrics"]["profileRef"]["name"]) in names
