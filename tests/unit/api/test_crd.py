from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tollgate.api import crd
from tollgate.ports import BENCHMARK, BENCHMARK_PROFILE, BUDGET, DECISION, METRIC_PROFILE, SIGN_OFF

ROOT = Path(__file__).parents[3]
SCHEMAS = {
    manifest["spec"]["names"]["kind"]: manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for manifest in crd.definitions()
}


def walk(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within, each with its path; object metadata is the API server's own."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        if (path.count("."), name) != (0, "metadata"):
            yield from walk(inner, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from walk(schema[key], path + mark)


NODES = [node for kind, schema in SCHEMAS.items() for node in walk(schema, kind)]


@pytest.mark.parametrize("folder", ["crds", "charts/tollgate/files/crds"])
def test_the_committed_files_are_what_the_models_say(folder: str) -> None:
    assert crd.drift(ROOT / folder) == []


def test_check_fails_on_a_difference_and_writing_repairs_it(tmp_path: Path) -> None:
    assert crd.main([str(tmp_path), "--check"]) == 1
    assert crd.main([str(tmp_path)]) == 0
    assert crd.main([str(tmp_path), "--check"]) == 0
    next(tmp_path.iterdir()).write_text("changed")
    assert crd.main([str(tmp_path), "--check"]) == 1


def test_the_kustomization_lists_every_file() -> None:
    listed = yaml.safe_load((ROOT / "crds/kustomization.yaml").read_text())["resources"]
    assert listed == sorted(crd.files())


@pytest.mark.parametrize("kind", [BUDGET, BENCHMARK, BENCHMARK_PROFILE, METRIC_PROFILE, DECISION, SIGN_OFF])
def test_the_kinds_are_those_that_the_ports_speak_of(kind: Any) -> None:
    (spec,) = (m["spec"] for m in crd.definitions() if m["spec"]["names"]["kind"] == kind.kind)
    assert spec["names"]["plural"] == kind.plural
    assert (spec["scope"] == "Namespaced") == kind.namespaced
    assert f"{spec['group']}/{spec['versions'][0]['name']}" == kind.api_version


def test_every_field_explains_itself() -> None:
    unexplained = [p for p, s in NODES if not s.get("description") and not p.endswith(("[]", "{}"))]
    assert unexplained == []


def test_everything_is_bounded_so_that_rules_have_a_cost() -> None:
    bounds = {"string": {"maxLength", "enum", "format"}, "array": {"maxItems"}}
    unbounded = [
        path
        for path, schema in NODES
        if (needed := bounds.get(schema["type"])) and not needed & schema.keys() and path.count(".") > 1
    ]
    assert unbounded == []
    assert [p for p, s in NODES if "additionalProperties" in s and "maxProperties" not in s] == []


def test_there_are_no_floats() -> None:
    assert [path for path, schema in NODES if schema["type"] == "number"] == []


def test_patterns_are_ones_that_go_understands() -> None:
    patterns = [schema["pattern"] for _, schema in NODES if "pattern" in schema]
    assert patterns
    assert [p for p in patterns if re.search(r"\(\?|\\[1-9]|\\[zZ]", p)] == []


def test_a_status_is_filled_in_by_nobody_but_its_writer() -> None:
    assert [p for p, s in NODES if ".status" in p and "default" in s] == []


def test_files_hold_no_anchors() -> None:
    assert [name for name, text in crd.files().items() if re.search(r"[&*]id\d", text)] == []
