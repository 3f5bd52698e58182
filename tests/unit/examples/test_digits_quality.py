"""The example of quality objectives: what it declares is counted, and its stages are long enough."""

from __future__ import annotations

from typing import Any

import inputs
import pytest
import yaml
from calibrate import HERE
from handwriting import Split

from tollgate.api.budget import EfficiencyBudget
from tollgate.api.profiles import BenchmarkProfile
from tollgate.bench.dataset import parse_dataset
from tollgate.bench.inputs import check_mix
from tollgate.bench.requests import Requests
from tollgate.decide.planning import benchmark_problems


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in yaml.safe_load_all((HERE / "quality.yaml").read_text())}


def test_the_profile_can_show_what_the_budget_asks_for(documents: dict[str, dict[str, Any]]) -> None:
    budget = EfficiencyBudget.model_validate(documents["EfficiencyBudget"]).spec
    profile = BenchmarkProfile.model_validate(documents["BenchmarkProfile"]).spec
    assert benchmark_problems(budget.objectives, profile, confidence=float(budget.confidence)) == []


def test_its_dataset_has_each_image_clean_and_rough(
    documents: dict[str, dict[str, Any]], split: Split
) -> None:
    profile = BenchmarkProfile.model_validate(documents["BenchmarkProfile"]).spec
    requests = Requests(profile, parse_dataset(inputs.dataset_with_rough(split).encode()))
    check_mix(profile.stages, requests.groups)
    assert sorted(requests.asked.labels) == [str(digit) for digit in range(10)]
    assert requests.classes[:300] == requests.classes[300:]
