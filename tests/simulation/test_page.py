"""The numbers of docs/statistics.md are those that the code computes."""

from __future__ import annotations

import os
import re
from functools import cache

import pytest

from tests.simulation.page import PAGE, TABLES, filled, tables_of

FENCES = re.compile(r"<!-- (?:table: \S+|end) -->")


@cache
def computed(name: str) -> str:
    return TABLES[name]()


def test_every_table_has_its_place() -> None:
    page = PAGE.read_text()
    assert sorted(tables_of(page)) == sorted(TABLES)
    assert len(FENCES.findall(page)) == 2 * len(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_table_is_what_the_code_computes(name: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(filled(PAGE.read_text(), tables_of(PAGE.read_text()) | {name: computed(name)}))
    assert tables_of(PAGE.read_text())[name] == computed(name), (
        "docs/statistics.md says otherwise: run UPDATE_GOLDEN=1 pytest tests/simulation/test_page.py, and see that "
        "the text around the table is still true"
    )


def test_plots_are_there() -> None:
    shown = re.findall(r"!\[[^\]]+\]\((plots/[a-z-]+\.svg)\)", PAGE.read_text())
    assert sorted(shown) == sorted(f"plots/{plot.name}" for plot in (PAGE.parent / "plots").glob("*.svg"))
