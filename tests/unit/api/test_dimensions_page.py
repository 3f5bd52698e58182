"""docs/dimensions.md has the table that the code has. UPDATE_DOCS=1 writes it anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

import yaml

from tollgate.api.dimension import SHAPES, Dimension, Per, Shape, Statistic
from tollgate.api.objective import Objective

PAGE = Path(__file__).parents[3] / "docs" / "dimensions.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.S)
HEAD = "| dimension | what it is | takes | judged | read from |\n|---|---|---|---|---|\n"


def row(dimension: Dimension, shape: Shape) -> str:
    taken = [f"`{' or '.join(shape.bounds)}`: {shape.form.example}"]
    taken += [f"`{field}`: {', '.join(values)}" for field, values in shape.choices.items()]
    taken += [f"`{field}`" for field in shape.needs]
    judged = "benchmark, live" if shape.live else "benchmark"
    return f"| `{dimension}` | {shape.meaning} | {'; '.join(taken)} | {judged} | {shape.source} |\n"


def test_the_table_is_that_of_the_code() -> None:
    page = PAGE.read_text()
    told = TABLE.sub(lambda _: HEAD + "".join(row(d, shape) for d, shape in SHAPES.items()), page)
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
