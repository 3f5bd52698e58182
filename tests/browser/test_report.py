"""The page of a benchmark, looked at. TOLLGATE_PICTURES=FOLDER keeps what it looked like."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.browser.chromium import Tab, browsing
from tests.unit.report.contents import XSS, hostile, rich
from tollgate.report.content import Content
from tollgate.report.page import page

WIDTHS = {"phone": 360, "tablet": 820, "desk": 1400}
PICTURES = os.environ.get("TOLLGATE_PICTURES", "")

OVERFLOWING = """
[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll') && !e.closest('svg') && e.getBoundingClientRect().right > innerWidth + 0.5)
  .map(e => e.tagName + ' ' + e.textContent.slice(0, 40))
"""
OUTSIDE = """
[...document.querySelectorAll('svg')].flatMap(s => [...s.querySelectorAll('text')]
  .filter(t => { const a = t.getBoundingClientRect(), b = s.getBoundingClientRect();
    return a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1 || a.bottom > b.bottom + 1 })
  .map(t => t.textContent))
"""
OVERLAPPING = """
[...document.querySelectorAll('svg')].flatMap(s => { const found = [];
  const texts = [...s.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  texts.forEach(([one, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
    if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2)
      found.push(one + ' / ' + other) }));
  return found })
"""
SMALLEST = (
    "Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))"
)


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    async with browsing() as opened:
        yield opened


async def shown(
    tab: Tab, folder: Path, name: str, content: Content, width: int, *, dark: bool = False
) -> None:
    path = write(folder, name, content)
    await tab.open(path, width=width, dark=dark)
    if PICTURES:
        keep(f"{name}-{width}-{'dark' if dark else 'light'}.png", await tab.picture())


def write(folder: Path, name: str, content: Content) -> Path:
    path = folder / f"{name}.html"
    path.write_text(page(content), encoding="utf-8")
    return path


def keep(name: str, picture: bytes) -> None:
    Path(PICTURES, name).write_bytes(picture)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("device", WIDTHS)
async def test_everything_is_there_and_nothing_runs_over(
    tab: Tab, tmp_path: Path, device: str, dark: bool
) -> None:
    await shown(tab, tmp_path, "rich", rich(), WIDTHS[device], dark=dark)
    assert await tab.value("document.documentElement.scrollWidth") <= WIDTHS[device]
    assert await tab.value(OVERFLOWING) == []
    assert await tab.value(OUTSIDE) == []
    assert await tab.value(OVERLAPPING) == []
    assert await tab.value(SMALLEST) >= 9, "text on a plot can be read"
    text = await tab.value("document.body.innerText")
    for words in (
        "NeedsSignOff",
        "Latency against rate",
        "Accuracy against latency",
        "sent on time",
        "p99.9",
    ):
        assert words in text
    heights = await tab.value(
        "[...document.querySelectorAll('svg')].map(s => s.getBoundingClientRect().height)"
    )
    assert len(heights) >= 6
    assert min(heights) > 150
    complaints = [told for told in tab.said if told["method"] != "Network.requestWillBeSent"]
    assert complaints == []
    asked = [told["params"]["request"]["url"] for told in tab.said]
    assert all(url.startswith("file:///") and url.endswith("rich.html") for url in asked), "no network"


async def test_the_colour_scheme_is_that_of_the_reader(tab: Tab, tmp_path: Path) -> None:
    colours = {}
    for dark in (False, True):
        await shown(tab, tmp_path, "rich", rich(), 820, dark=dark)
        colours[dark] = [
            await tab.value(f"getComputedStyle(document.querySelector('{element}')).{what}")
            for element, what in (
                ("body", "backgroundColor"),
                ("body", "color"),
                ("svg .line.candidate", "stroke"),
                ("svg text", "fill"),
            )
        ]
    assert colours[False][0] == "rgb(255, 255, 255)"
    assert colours[True][0] == "rgb(18, 22, 29)"
    assert all(light != dark for light, dark in zip(colours[False], colours[True], strict=True))


async def test_what_a_result_says_is_text_and_never_runs(tab: Tab, tmp_path: Path) -> None:
    await shown(tab, tmp_path, "hostile", hostile(), 360)
    assert await tab.value("window.pwned === undefined")
    assert (
        await tab.value("document.querySelectorAll('script, img, iframe, [onload], [onerror]').length") == 0
    )
    assert XSS in await tab.value("document.body.innerText")
    assert await tab.value("document.documentElement.scrollWidth") <= 360
    assert [told for told in tab.said if told["method"] != "Network.requestWillBeSent"] == []


async def test_plots_and_tables_are_told_to_those_who_do_not_see(tab: Tab, tmp_path: Path) -> None:
    await shown(tab, tmp_path, "rich", rich(), 820)
    tree = (await tab.call("Accessibility.getFullAXTree"))["nodes"]
    named = {
        role: [node["name"]["value"] for node in tree if node.get("role", {}).get("value") == role]
        for role in ("image", "region", "heading", "rowheader", "columnheader")
    }
    assert "Latency of stage steady" in " ".join(named["image"])
    assert all(named["image"])
    assert len(named["region"]) >= len(named["image"]), "a table beside each plot"
    assert all(named["region"])
    assert {"p99", "median"} <= set(named["rowheader"])
