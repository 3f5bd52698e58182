"""`tollgate bench run` against real servers: its result is what `tollgate check` judges."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.unit.bench.servers import serving
from tests.unit.cli.files import Folder, budget
from tests.unit.cli.running import Terminal
from tollgate.api.document import BenchmarkRun
from tollgate.cli.live import Live

STAGE = {"name": "steady", "arrival": "Constant", "rate": "100req/s", "durationSeconds": 1}
SEARCH = {
    "objective": {"statistic": "P50", "max": "9s"},
    "lowest": "100req/s",
    "highest": "150req/s",
    "requests": 20,
}
DATASET = {"items": [{"input": [1, 2], "expected": 3}, {"input": [2, 2], "expected": 4}]}


async def add(request: web.Request) -> web.Response:
    return web.json_response({"prediction": sum((await request.json())["input"])})


def profile(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "tollgate.dev/v1alpha1",
        "kind": "BenchmarkProfile",
        "metadata": {"name": "short"},
        "spec": {
            "protocol": "JSON",
            "port": 8080,
            "path": "/predict",
            "dataset": {"configMap": {"name": "inputs"}},
            "stages": [STAGE],
        }
        | spec,
    }


@pytest.fixture
def arguments(folder: Folder) -> list[object]:
    """All but the URL."""
    shown = folder.write("profile.yaml", profile())
    return ["bench", "run", "--profile", shown, "--dataset", folder.write("inputs.json", DATASET)]


def test_its_result_is_judged(terminal: Terminal, folder: Folder, arguments: list[object]) -> None:
    p90 = {"name": "tail", "dimension": "Latency", "statistic": "P90", "max": "9s"}
    right = {"name": "acc", "dimension": "Quality", "metric": "Accuracy", "min": "0.9"}
    limits = folder.write("budget.yaml", budget(objectives=[p90, right]))
    out = folder.path / "result.json"
    with serving(add) as one, serving(add) as other:
        urls = ["--url", f"http://{one}", "--url", f"http://{other}/"]
        ran = terminal.run(*arguments, *urls, "-f", limits, "--limit", "5s", "-o", out)
    assert ran.code == 0
    assert ran.out == ""
    run = BenchmarkRun.model_validate_json(out.read_text())
    (stage,), (samples,) = run.result.stages, run.samples
    assert (run.measured_by.name, len(samples.scheduled), set(samples.outcome)) == (
        "tollgate",
        100,
        {"answered"},
    )
    assert [over.limit for over in stage.over_limit] == ["9s", "5s"]
    assert (stage.requests, stage.errors, stage.correct) == (100, 0, 100)
    assert "steady: done: 100 requests" in ran.err
    assert ran.err.splitlines()[-3].split() == "STAGE REQUESTS ERRORS RATE MEAN P50 P99 SENT LATE".split()  # noqa: SIM905
    assert "of the variance of latency is between inputs" in ran.err.splitlines()[-1]
    assert {path.name for path in folder.path.iterdir()} == {
        "budget.yaml",
        "inputs.json",
        "profile.yaml",
        "result.json",
    }
    judged = terminal.run("check", "-f", limits, "--result", out).code
    assert judged == (2 if stage.client_limited else 0)
    later = folder.write("later.yaml", budget(objectives=[p90 | {"max": "8s"}]))
    said = terminal.run("check", "-f", later, "--result", out).out
    assert "0 of 100 requests slower than 8s" in said or stage.client_limited, "counted from the requests"


def test_without_a_file_it_prints_the_result(terminal: Terminal, arguments: list[object]) -> None:
    with serving(add) as target:
        ran = terminal.run(*arguments, "--url", f"http://{target}")
    assert json.loads(ran.out)["result"]["stages"][0]["requests"] == 100


def test_a_search_says_what_it_found(terminal: Terminal, folder: Folder, arguments: list[object]) -> None:
    folder.write("profile.yaml", profile(search=SEARCH))
    with serving(add) as target:
        ran = terminal.run(*arguments, "--url", f"http://{target}")
    document = BenchmarkRun.model_validate_json(ran.out)
    result = document.result
    assert result.search is not None
    assert [one.label for one in document.samples] == [stage.label for stage in result.stages]
    assert [probe.name for probe in result.probes] == ["search-1", "search-2"]
    assert ran.err.splitlines()[-1] == f"  {result.search.message}"
    assert "search-2 (150req/s)" in ran.err


def test_a_dead_server_is_a_result(terminal: Terminal, arguments: list[object]) -> None:
    ran = terminal.run(*arguments, "--url", "http://127.0.0.1:1")
    assert ran.code == 0
    assert json.loads(ran.out)["result"]["stages"][0]["errors"] == 100
    assert "connect" in ran.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("127.0.0.1:8080", "write scheme, host and port, such as http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/predict", "the path is the profile's"),
        ("http://127.0.0.1:99999", "write scheme, host and port"),
        ("http://me:secret@127.0.0.1:1", "write scheme, host and port"),
        ("https://127.0.0.1:1", "write it with http, or give the profile tls: {}"),
    ],
)
def test_a_wrong_url_is_refused(terminal: Terminal, arguments: list[object], url: str, said: str) -> None:
    assert said in terminal.refuses(*arguments, "--url", url)


@pytest.mark.parametrize(
    ("spec", "more", "said"),
    [
        ({"tls": {}}, ["--url", "http://a:1"], "write it with https, as the profile has tls"),
        ({"bearerToken": {"name": "key"}}, ["--url", "http://a:1"], "give its content in a file with --token-file"),
        ({}, ["--url", "http://a:1", "--token-file", "x"], "the profile names no bearerToken: leave --token-file out"),
        ({"search": SEARCH | {"requests": 5}}, ["--url", "http://a:1"], "the search sends 5 requests in each probe"),
        ({"prediction": "a["}, ["--url", "http://a:1"], "is no JMESPath"),
        ({}, ["--url", "http://a:1", "--limit", "soon"], "limits.0"),
        ({}, ["--url", "http://a:1", "-o", "/nowhere/result.json"], "there is no folder /nowhere"),
        ({"stages": [STAGE | {"rate": "20req/s"}]}, ["--url", "http://a:1", "--baseline-url", "http://b:1"],
         "too few to load two arms in turn"),
        ({}, ["--url", "http://a:1", "--dataset", "/nowhere"], "/nowhere cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(
    terminal: Terminal,
    folder: Folder,
    arguments: list[object],
    spec: dict[str, Any],
    more: list[str],
    said: str,
) -> None:
    folder.write("profile.yaml", profile(**spec))
    assert said in terminal.refuses(*arguments, *more)


def test_the_inputs_may_be_beside_the_profile(terminal: Terminal, folder: Folder) -> None:
    text = json.dumps(DATASET)
    held = (
        {"data": {"dataset.json": text}},
        {"binaryData": {"dataset.json": b64encode(text.encode()).decode()}},
    )
    for holds in held:
        inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "inputs"}, **holds}
        both = folder.write("both.yaml", profile(), inputs)
        with serving(add) as target:
            ran = terminal.run("bench", "run", "--profile", both, "--url", f"http://{target}", "--no-samples")
        made = BenchmarkRun.model_validate_json(ran.out)
        assert (made.result.stages[0].correct, made.samples) == (100, [])


def test_inputs_that_are_nowhere_are_asked_for(terminal: Terminal, folder: Folder) -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "inputs"}, "data": {"other": "{}"}}
    alone = folder.write("alone.yaml", profile(), other)
    said = terminal.refuses("bench", "run", "--profile", alone, "--url", "http://127.0.0.1:1")
    assert "key dataset.json of ConfigMap inputs, which is not in this file: pass --dataset FILE" in said


def test_the_schema_is_printed(terminal: Terminal) -> None:
    assert json.loads(terminal.run("bench", "schema").out)["properties"]["kind"]["const"] == "BenchmarkRun"


def test_an_interrupted_one_leaves_nothing(folder: Folder, arguments: list[object]) -> None:
    folder.write("profile.yaml", profile(stages=[STAGE | {"durationSeconds": 600}]))
    out = folder.path / "result.json"
    with serving(add) as target:
        run = [sys.executable, "-m", "tollgate.cli.main", *map(str, arguments)]
        process = subprocess.Popen(
            [*run, "--url", f"http://{target}", "-o", out],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
            # Who runs the tests in the background has them ignore Ctrl-C, and what they start inherits that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        try:
            assert process.stderr is not None
            assert "sent" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert said.splitlines()[-1] == "stopped: nothing was written, as half a benchmark certifies nothing"
    assert [path.name for path in Path(folder.path).glob("result*")] == []


class Screen(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def test_progress_stays_in_its_line_on_a_terminal_only() -> None:
    shown = {}
    for terminal in (True, False):
        with Live(screen := Screen(terminal)) as live:
            live.progress("1 of 2")
            live.progress("2 of \x1b[31m2")
            live.line("done")
        shown[terminal] = screen.getvalue()
    assert shown[True] == "1 of 2\r\x1b[K2 of \ufffd[31m2\r\x1b[Kdone\n"
    assert shown[False] == "1 of 2\n2 of \ufffd[31m2\ndone\n"
