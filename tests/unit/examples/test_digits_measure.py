"""The example's benchmark without a cluster: what it asks of the load generator, and what was measured with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from handwriting import Split
from inputs import dataset
from measure import HERE

from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.document import BenchmarkRun
from tollgate.api.profiles import BenchmarkProfile
from tollgate.api.transport import digest
from tollgate.bench.dataset import parse_dataset
from tollgate.bench.requests import Requests

PROFILE = yaml.safe_load((HERE / "tollgate" / "benchmark-profile.yaml").read_text())


def test_the_inputs_are_what_the_profile_sends(split: Split) -> None:
    profile = BenchmarkProfile.model_validate(PROFILE).spec
    assert len(Requests(profile, parse_dataset(dataset(split).encode()))) == 300


def test_it_measures_a_version(tmp_path: Path) -> None:
    stage = {"name": "steady", "arrival": "Constant", "rate": "20req/s", "durationSeconds": 2}
    short = tmp_path / "profile.yaml"
    short.write_text(yaml.safe_dump(PROFILE | {"spec": PROFILE["spec"] | {"stages": [stage]}}))
    command = [sys.executable, "measure.py", "v2", "--profile", short]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True, timeout=120)
    (measured,) = BenchmarkRun.model_validate_json(done.stdout).result.stages
    assert (measured.requests, measured.errors) == (40, 0)
    assert [over.limit for over in measured.over_limit] == ["250ms"]
    assert measured.correct >= 36


@pytest.mark.parametrize("name", ["baseline", "result", "slow"])
def test_what_was_measured_is_of_the_profile(name: str) -> None:
    measured = BenchmarkResult.model_validate_json(Path(HERE, "ci", f"{name}.json").read_text())
    profile = BenchmarkProfile.model_validate(PROFILE).spec
    assert measured.profile == digest(profile), (
        "the profile changed: measure again with examples/digits/measure.py"
    )
    assert [stage.name for stage in measured.stages] == [stage.name for stage in profile.stages]
    assert not any(stage.client_limited for stage in measured.stages)
