"""`tollgate bench report` on the results of the example."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.files import Folder
from tests.unit.cli.running import Terminal

DIGITS = Path(__file__).parents[4] / "examples" / "digits"
BUDGET = DIGITS / "tollgate" / "budget.yaml"


def test_a_judged_page_says_what_check_says(terminal: Terminal, tmp_path: Path) -> None:
    prices = ("--prices", DIGITS / "ci" / "prices.yaml", "--target", DIGITS / "manifests" / "v2.yaml")
    compared = ("--baseline", DIGITS / "ci" / "baseline.json", *prices)
    slow = DIGITS / "ci" / "slow.json"
    ran = terminal.run("bench", "report", slow, "-f", BUDGET, *compared, "-o", tmp_path / "r.html")
    assert ran.code == 0, "the page was written, whatever it says"
    page = (tmp_path / "r.html").read_text()
    said = terminal.run("check", "-f", BUDGET, "--result", slow, *compared)
    assert said.code == 1
    headline = said.out.splitlines()[0].removeprefix("Breach: ")
    assert headline in page
    assert "verdict bad" in page
    assert "tail 250ms" in page


def test_without_a_budget_the_counted_latencies_are_drawn(terminal: Terminal, tmp_path: Path) -> None:
    ran = terminal.run("bench", "report", DIGITS / "ci" / "result.json", "-o", "-")
    assert ran.code == 0
    assert ">250ms</text>" in ran.out
    assert 'class="verdict' not in ran.out


def test_an_older_result_of_another_dataset_is_said_to_be_one(terminal: Terminal, folder: Folder) -> None:
    old = (DIGITS / "ci" / "baseline.json").read_text().replace("sha256:180f", "sha256:0000")
    ran = terminal.run(
        "bench", "report", DIGITS / "ci" / "result.json", "--baseline", folder.text("o.json", old), "-o", "-"
    )
    assert "another one than the baseline&#x27;s" in ran.out


def test_wrong_input_is_said(terminal: Terminal, tmp_path: Path) -> None:
    assert "cannot be read" in terminal.refuses("bench", "report", tmp_path / "none.json", "-o", "-")
    said = terminal.refuses(
        "bench", "report", DIGITS / "ci" / "result.json", "-o", tmp_path / "no" / "r.html"
    )
    assert "there is no folder" in said
    assert "is a folder" in terminal.refuses("bench", "report", DIGITS / "ci" / "result.json", "-o", tmp_path)
