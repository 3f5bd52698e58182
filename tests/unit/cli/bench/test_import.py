"""Other tools' numbers, judged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.cli.files import Folder, budget
from tests.unit.cli.running import Terminal
from tests.unit.foreign import files
from tollgate.api.document import BenchmarkRun

TAIL = {"name": "tail", "dimension": "Latency", "statistic": "P95", "max": "250ms"}
MEAN = {"name": "mean", "dimension": "Latency", "statistic": "Mean", "max": "250ms"}
ERRORS = {"name": "errs", "dimension": "ErrorRate", "max": "5%"}


def lines(documents: list[dict[str, Any]]) -> str:
    return "\n".join(map(json.dumps, documents)) + "\n"


FILES = {
    "guidellm": lambda **of: json.dumps(files.guidellm(**of)),
    "inference-perf": lambda **of: json.dumps(files.inference_perf_requests(**of)),
    "aiperf": lambda **of: lines(files.aiperf_lines(**of)),
}
SUMMARIES = {
    "guidellm": json.dumps(files.guidellm(sampled=True)),
    "inference-perf": json.dumps(files.inference_perf_stage()),
    "aiperf": json.dumps(files.aiperf_summary()),
}


def verdicts(terminal: Terminal, folder: Folder, tool: str, text: str) -> dict[str, tuple[str, str | None]]:
    """What `check` says of an imported file."""
    ran = terminal.run(
        "bench", "import", "--from", tool, folder.text("theirs", text), "-o", folder.path / "ours.json"
    )
    assert ran.code == 0, ran
    assert BenchmarkRun.model_validate_json((folder.path / "ours.json").read_text()).measured_by.name == tool
    spec = folder.write("b.yaml", budget(objectives=[TAIL, MEAN, ERRORS]))
    said = json.loads(
        terminal.run("check", "-f", spec, "--result", folder.path / "ours.json", "-o", "json").out
    )
    return {o["name"]: (o["verdict"], o.get("reason")) for o in said["objectives"]}


@pytest.mark.parametrize("tool", ["guidellm", "aiperf"])
def test_requests_with_their_schedule_are_judged_as_ours_are(
    terminal: Terminal, folder: Folder, tool: str
) -> None:
    good = verdicts(terminal, folder, tool, FILES[tool]())
    assert good["tail"] == ("Within", None)
    assert good["errs"] == ("Within", None)
    assert verdicts(terminal, folder, tool, FILES[tool](slow=80))["tail"] == ("Breach", None)
    assert verdicts(terminal, folder, tool, FILES[tool](failed=80))["errs"] == ("Breach", None)


def test_requests_without_a_schedule_can_breach_and_never_pass(terminal: Terminal, folder: Folder) -> None:
    good = verdicts(terminal, folder, "inference-perf", FILES["inference-perf"]())
    assert good["tail"] == good["mean"] == ("Inconclusive", "Uncertified")
    assert good["errs"] == ("Within", None), "errors need no clock"
    bad = verdicts(terminal, folder, "inference-perf", FILES["inference-perf"](slow=80))
    assert bad["tail"] == ("Breach", None)


@pytest.mark.parametrize("tool", sorted(SUMMARIES))
def test_a_summary_certifies_no_latency(terminal: Terminal, folder: Folder, tool: str) -> None:
    said = verdicts(terminal, folder, tool, SUMMARIES[tool])
    assert said["tail"] == said["mean"] == ("Inconclusive", "Uncertified")


def test_the_page_of_an_imported_result_is_drawn(terminal: Terminal, folder: Folder) -> None:
    theirs = folder.text("theirs", FILES["guidellm"]())
    ours = folder.path / "ours.json"
    terminal.run("bench", "import", "--from", "guidellm", theirs, "-o", ours)
    ran = terminal.run("bench", "report", ours, "-o", "-")
    assert ran.code == 0
    assert "a BenchmarkRun of guidellm 0.5.0" in ran.out


@pytest.mark.parametrize(
    ("tool", "text", "complaint"),
    [
        ("guidellm", "{}", "no benchmarks.json of guidellm"),
        ("aiperf", "no json", "is neither JSON nor JSON in lines"),
        ("aiperf", lines(files.aiperf_lines()[:20]), "no line is of the phase profiling"),
        ("inference-perf", "[]", "has 0 requests"),
        ("inference-perf", '[{"start_time": 1}]', "request 0 has no number at end_time"),
    ],
)
def test_wrong_files_are_said_to_be_wrong(
    terminal: Terminal, folder: Folder, tool: str, text: str, complaint: str
) -> None:
    said = terminal.refuses(
        "bench", "import", "--from", tool, folder.text("f", text), "-o", folder.path / "o"
    )
    assert complaint in said
    assert not (folder.path / "o").exists()
