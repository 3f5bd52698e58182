"""docs/dimensions.md has the tables that the code and the shipped profiles have. UPDATE_DOCS=1 writes them anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

import yaml

from tests.support.expositions import SHIPPED
from tollgate.api.dimension import SHAPES, Dimension, Per, Shape, Statistic
from tollgate.api.metric_profile import LatencySeries, MetricProfile, MetricProfileSpec, Scope
from tollgate.api.objective import Objective
from tollgate.api.series import Series, ServerSeries

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "dimensions.md"
EXAMPLE = ROOT / "examples/digits/tollgate/metric-profile.yaml"
TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.S)
SERVERS = re.compile(r"(?<=<!-- servers -->\n).*?(?=<!-- end of servers -->)", re.S)
SERVERS_HEAD = (
    "| profile | Latency, ViolationRate | times of tokens and of the queue | ErrorRate | Cost | in the benchmark |\n"
    "|---|---|---|---|---|---|\n"
)
METERED = {
    "memory": "Memory",
    "cpu": "Energy",
    "gpu_utilization": "GPUUtilization",
    "gpu_memory": "GPUMemory",
    "energy": "Energy",
    "kv_cache": "KVCache",
    "flops": "Compute, ModelFlopsUtilization",
}
"""What each meter of a profile is read for. CPU seconds give an estimate of the energy."""

HEAD = "| dimension | what it is | takes | judged | read from |\n|---|---|---|---|---|\n"


def row(dimension: Dimension, shape: Shape) -> str:
    taken = [f"`{' or '.join(shape.bounds)}`: {shape.form.example}"]
    taken += [f"`{field}`: {', '.join(values)}" for field, values in shape.choices.items()]
    taken += [f"`{field}`" for field in shape.needs]
    judged = ", ".join(where for where in ("benchmark", "live") if getattr(shape, where))
    return f"| `{dimension}` | {shape.meaning} | {'; '.join(taken)} | {judged} | {shape.source} |\n"


def series(*given: Series | None) -> str:
    """The names by which a series is asked for; - where there is none."""
    names = [f"`{name}`" for one in given if one is not None for name in one.names]
    return " or ".join(names) or "-"


def times(one: LatencySeries | None) -> str:
    """The same of times, of which a counter tells the mean alone."""
    return series(one) + ("" if one is None or one.type.has_buckets else ", means only")


def server_row(name: str, spec: MetricProfileSpec) -> str:
    latency = times(spec.latency)
    others = "; ".join(f"{d}: {times(spec.times_of(d))}" for d in spec.timed)
    counted = series(spec.requests) if spec.requests else "as the latency"
    cost = "-" if spec.scope is Scope.SERVICE else counted
    errors = f"{series(spec.errors)} of {counted}" if spec.errors else "-"
    meters = [
        f"{METERED[field]}: {series(one)}" for field, one in (spec.server or ServerSeries()).meters.items()
    ]
    return f"| {name} | {latency} | {others or '-'} | {errors} | {cost} | {'; '.join(meters) or '-'} |\n"


def server_rows() -> str:
    profiles = {path.stem: path for path in SHIPPED.glob("*.yaml") if path.stem != "kustomization"}
    profiles["the example, digits"] = EXAMPLE
    specs = {
        name: MetricProfile.model_validate(yaml.safe_load(path.read_text())).spec
        for name, path in profiles.items()
    }
    return "".join(server_row(name, specs[name]) for name in sorted(specs))


def test_each_meter_is_of_a_dimension() -> None:
    assert set(METERED) == set(ServerSeries.model_fields)
    assert {name for names in METERED.values() for name in names.split(", ")} <= {d.value for d in Dimension}


def test_the_tables_are_those_of_the_code() -> None:
    page = PAGE.read_text()
    told = TABLE.sub(lambda _: HEAD + "".join(row(d, shape) for d, shape in SHAPES.items()), page)
    told = SERVERS.sub(lambda _: SERVERS_HEAD + server_rows(), told)
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(told)
        page = told
    assert page == told, (
        "run UPDATE_DOCS=1 pytest tests/unit/api/test_dimensions_page.py, and read what changed"
    )


def test_the_example_is_valid() -> None:
    (example,) = re.findall(r"```yaml\n  objectives:\n(.*?)```", PAGE.read_text(), re.S)
    objectives = [Objective.model_validate(each) for each in yaml.safe_load(example)]
    assert len({o.dimension for o in objectives}) == len(objectives) == 8


def test_the_shapes_name_what_there_is() -> None:
    for shape in SHAPES.values():
        assert set(shape.statistics) <= set(Statistic)
        assert set(shape.per) <= set(Per)
        assert shape.meaning.endswith(".")
        assert not shape.source.endswith(".")
