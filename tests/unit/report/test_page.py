from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.unit.decide.objectives import benchmark, stage
from tests.unit.report.contents import hostile, rich
from tollgate.report.content import Content, Measured
from tollgate.report.page import page
from tollgate.report.style import DARK, LIGHT, style

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Holds that each element is closed, and notes the elements, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


def test_a_stage_tells_what_it_owes_to_its_inputs_and_where_the_model_was_done() -> None:
    inputs = {
        "inputs": 300, "repeated": 300, "between": "13ms", "within": "9ms", "share": "0.68",
        "worst": [{"input": 17, "requests": 5, "median": "95ms"}],
        "hard": "0.1", "p99": "90ms", "p99IfHardDoubles": "120ms",
    }  # fmt: skip
    told = benchmark(stage(variability=inputs, exitStages={"1": 2000, "2": 400}, accepted=2100))
    text = Reader(page(Content("t", [], Measured(told, {})))).text
    for words in (
        "68% of the variance of latency is between inputs",
        "p99 120ms instead of 90ms with twice as many of the hard inputs",
        "17 (95ms)",
        "1: 2,000, 2: 400",
        "accepted2,100",
    ):
        assert words in text


def test_the_page_has_a_plot_with_words_and_a_table_for_each_thing() -> None:
    read = Reader(page(rich()))
    plots = read.elements.count("svg")
    assert plots == 3 + 1 + 1 + 3  # a distribution and a delay a stage, rates, accuracy
    assert read.elements.count("desc") == plots
    assert read.elements.count("table") == plots
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids)) == 2 * plots
    for words in ("knee ", "tail 250ms", "at least", "baseline", "timeout 6", "CostUnknown"):
        assert words in read.text


def test_it_loads_nothing_and_runs_nothing() -> None:
    for content in (rich(), hostile()):
        text = page(content)
        read = Reader(text)
        assert not {"script", "img", "link", "iframe", "object", "base", "form"} & set(read.elements)
        assert not any(
            name.startswith("on") or name in ("href", "src", "action") for name, _ in read.attributes
        )
        assert not re.search(r"https?:|//|url\(|@import", style())
        assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in read.attributes
        assert text.count("<style>") == 1


def test_what_a_result_says_stays_text() -> None:
    text = page(hostile())
    assert "window.pwned=1</script>" not in text
    assert "&lt;script&gt;window.pwned=1&lt;/script&gt;" in text
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_what_was_not_measured_is_not_drawn() -> None:
    bare = Content("t", [], Measured(benchmark(stage(scored=0, correct=0, overLimit=[]))))
    read = Reader(page(bare))
    assert read.elements.count("svg") == 1
    for heading in ("Latency against rate", "Accuracy against latency", "sent on time", "baseline"):
        assert heading not in read.text


def test_a_stage_of_which_the_client_was_the_limit_says_so_first() -> None:
    limited = replace(rich(), measured=Measured(benchmark(stage(clientLimited="sent late"))))
    text = Reader(page(limited)).text
    assert text.index("certifies nothing") < text.index("Latency and its limits")


@pytest.mark.parametrize("empty", [{"requests": 0, "errors": 0, "scored": 0, "correct": 0, "blocks": []}])
def test_a_stage_without_a_request_is_still_a_page(empty: dict[str, object]) -> None:
    nothing = stage(overLimit=[], sketch={"growth": "1.05", "bins": ""}, **empty)
    zero = dict.fromkeys(("p50", "p90", "p95", "p99", "p999", "max"), "0us")
    Reader(page(Content("t", [], Measured(benchmark(nothing | {"quantiles": zero})))))


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_have_a_contrast_of_four_and_a_half(colours: dict[str, str]) -> None:
    for back in ("back", "card"):
        for name in set(colours) - {"back", "card", "edge"}:
            ratio = contrast(colours[name], colours[back])
            assert ratio >= 4.5, f"{name} on {back}: {ratio:.2f}"


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
