"""The result's file: what it refuses, and its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.decide.objectives import benchmark, stage
from tollgate.api import schema
from tollgate.api.document import BenchmarkRun

ROOT = Path(__file__).parents[3]


def document(**samples: Any) -> dict[str, Any]:
    """A run of three requests, one of which timed out."""
    made = stage(
        requests=3, errors=1, errorKinds={"timeout": 1}, scored=0, correct=0, blocks=[], overLimit=[]
    )
    columns = {
        "name": made["name"],
        "scheduled": [0, 1000, 2000],
        "sent": [10, None, 2010],
        "ended": [500, 10_001_000, 2900],
        "outcome": ["answered", "timeout", "answered"],
    }
    return {
        "apiVersion": "results.tollgate.dev/v1",
        "kind": "BenchmarkRun",
        "measuredBy": {"name": "tollgate", "version": "1"},
        "result": benchmark(made).dump(),
        "samples": [columns | samples],
    }


def test_it_is_read_as_it_is_written() -> None:
    run = BenchmarkRun.model_validate(document())
    assert BenchmarkRun.model_validate_json(run.model_dump_json(by_alias=True)) == run
    assert run.samples[0].sent == [10, None, 2010]


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        ({"name": "other"}, "stage other, which is not in the result"),
        ({"sent": [10, 20]}, "differ in length"),
        ({"correct": [None]}, "differ in length"),
        ({"correct": [True, None, None]}, "not as often correct as the result says"),
        ({"outcome": ["answered"] * 3}, "are not the 3 requests"),
        ({"outcome": ["answered", "connect", "answered"]}, "are not the 3 requests"),
        ({"outcome": ["answered", "<script>", "answered"]}, "Input should be"),
        ({"scheduled": [0, -1, 2]}, "greater than or equal to 0"),
        ({"ended": [0, 10**15, 2]}, "less than or equal to"),
    ],
)
def test_requests_that_are_not_those_of_the_result_are_refused(
    samples: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        BenchmarkRun.model_validate(document(**samples))


def test_the_committed_schema_is_what_the_model_says() -> None:
    assert schema.main([str(ROOT / "schemas"), "--check"]) == 0


def test_check_fails_on_a_difference_and_writing_repairs_it(tmp_path: Path) -> None:
    assert schema.main([str(tmp_path), "--check"]) == 1
    assert schema.main([str(tmp_path)]) == 0
    assert schema.main([str(tmp_path), "--check"]) == 0
    (tmp_path / schema.NAME).write_text("{}")
    assert schema.main([str(tmp_path), "--check"]) == 1


def test_the_schema_names_the_version_and_explains_each_field() -> None:
    made = json.loads(schema.schema())
    assert made["properties"]["apiVersion"]["const"] == "results.tollgate.dev/v1"
    assert {"apiVersion", "kind", "measuredBy", "result"} <= set(made["required"])
    assert "x-kubernetes" not in schema.schema()
    unexplained = [
        f"{name}.{field}"
        for name, model in {"": made, **made["$defs"]}.items()
        for field, of in model.get("properties", {}).items()
        if not of.get("description")
    ]
    assert unexplained == []
