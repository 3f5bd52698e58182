"""The example's benchmark without a cluster: what it asks of the load generator, and what was measured with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from handwriting import Split
from inputs import dataset
from measure import HERE, plan

from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.profiles import BenchmarkProfile
from tollgate.api.transport import digest
from tollgate.bench.dataset import parse_dataset
from tollgate.bench.plan import parse_plan
from tollgate.bench.requests import Requests

PROFILE, BUDGET = (
    yaml.safe_load((HERE / "tollgate" / f"{name}.yaml").read_text())
    for name in ("benchmark-profile", "budget")
)


def test_the_plan_is_one_that_the_load_generator_runs(split: Split) -> None:
    made = parse_plan(json.dumps(plan(PROFILE, BUDGET, "http://127.0.0.1:8080")))
    assert made.targets == ["127.0.0.1:8080"]
    assert made.limits == ["250ms"]
    assert len(Requests(made.profile, parse_dataset(dataset(split).encode()))) == 300


@pytest.mark.parametrize("name", ["baseline", "result", "slow"])
def test_what_was_measured_is_of_the_profile(name: str) -> None:
    measured = BenchmarkResult.model_validate_json(Path(HERE, "ci", f"{name}.json").read_text())
    profile = BenchmarkProfile.model_validate(PROFILE).spec
    assert measured.profile == digest(profile), (
        "the profile changed: measure again with examples/digits/measure.py"
    )
    assert [stage.name for stage in measured.stages] == [stage.name for stage in profile.stages]
    assert not any(stage.client_limited for stage in measured.stages)
