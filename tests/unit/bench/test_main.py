"""The program as the Job runs it: files in, one document out, and an exit status that tells them apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.unit.bench.plans import DATASET, profile, stage
from tests.unit.bench.servers import serving
from tests.unit.measure.probes import search
from tollgate.api.transport import LIMIT, decode, digest
from tollgate.bench.__main__ import main

STAGES = [
    stage(name="warm-up", warmUp=True, rate="50req/s").dump(),
    stage(arrival="Poisson", rate="200req/s").dump(),
]


async def add(request: web.Request) -> web.Response:
    return web.json_response({"prediction": sum((await request.json())["input"])})


def written(folder: Path, targets: list[str], dataset: bytes = DATASET, **fields: Any) -> dict[str, str]:
    """The plan and the dataset as files, and the environment that names them."""
    plan = {"profile": profile(**fields).dump(), "limits": ["250ms"], "targets": targets}
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "inputs.json").write_bytes(dataset)
    return {
        "TOLLGATE_PLAN": str(folder / "plan.json"),
        "TOLLGATE_DATASET": str(folder / "inputs.json"),
        "TOLLGATE_RESULT": str(folder / "result"),
    }


def started(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tollgate.bench"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_benchmark_from_files_to_termination_message(tmp_path: Path) -> None:
    with serving(add) as target:
        process = started(written(tmp_path, [target], stages=STAGES))
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    message = (tmp_path / "result").read_text()
    assert len(message) <= LIMIT
    result = decode(message)
    assert result.profile == digest(profile(stages=STAGES))
    assert result.pods == 1
    assert [(s.name, s.warm_up, s.requests, s.errors) for s in result.stages] == [
        ("warm-up", True, 50, 0),
        ("steady", False, 200, 0),
    ]
    steady = result.stages[1]
    assert steady.scored == steady.correct
    assert 132 <= steady.scored <= 134  # two of three inputs have an expected output
    assert "steady: done: 200 requests" in log


def test_a_dead_server_is_a_result(tmp_path: Path) -> None:
    environment = written(tmp_path, ["127.0.0.1:1"], stages=[stage(rate="20req/s").dump()])
    assert main(["--plan", environment["TOLLGATE_PLAN"], "--dataset", environment["TOLLGATE_DATASET"],
                 "--output", environment["TOLLGATE_RESULT"]]) == 0  # fmt: skip
    result = decode((tmp_path / "result").read_text())
    assert result.stages[0].errors == result.stages[0].requests == 20
    assert result.stages[0].error_kinds == {"connect": 20}


def test_by_hand_the_result_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = written(tmp_path, ["127.0.0.1:1"], stages=[stage(rate="1req/s").dump()])
    assert main(["--plan", environment["TOLLGATE_PLAN"], "--dataset", environment["TOLLGATE_DATASET"],
                 "--output", "-"]) == 0  # fmt: skip
    assert json.loads(capsys.readouterr().out)["stages"][0]["errorKinds"] == {"connect": 1}
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize(
    ("dataset", "fields", "complaint"),
    [
        (b'{"items": []}', {}, "the dataset is empty"),
        (DATASET, {"stages": [stage(rate="0.1req/s").dump()]}, "sends no request"),
        (
            DATASET,
            {"search": search(requests=9).dump()},
            "the search sends 9 requests in each probe, too few",
        ),
        (b'{"items": [{"input": "text"}]}', {"protocol": "OpenInference", "model": "m"}, "is no FP32"),
    ],
)
def test_wrong_input_is_said_and_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: bytes, fields: dict[str, Any], complaint: str
) -> None:
    for name, value in written(tmp_path, ["127.0.0.1:1"], dataset, **fields).items():
        monkeypatch.setenv(name, value)
    assert main([]) == 2
    with pytest.raises(ValueError, match=complaint):
        decode((tmp_path / "result").read_text())


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [("TOLLGATE_PLAN", "no plan: set --plan or TOLLGATE_PLAN"), ("plan.json", "the plan cannot be read")],
)
def test_a_missing_plan_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, complaint: str
) -> None:
    for name, value in written(tmp_path, ["127.0.0.1:1"]).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing, raising=False)
    (tmp_path / missing).unlink(missing_ok=True)
    assert main([]) == 2
    with pytest.raises(ValueError, match=complaint):
        decode((tmp_path / "result").read_text())


def test_a_missing_token_is_said_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in written(tmp_path, ["127.0.0.1:1"], bearerToken={"name": "model-key"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOLLGATE_TOKEN", str(tmp_path / "token"))
    assert main([]) == 2
    with pytest.raises(ValueError, match="no key token of Secret model-key in this namespace"):
        decode((tmp_path / "result").read_text())


def test_a_result_that_cannot_be_written_fails_the_job(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    environment = written(tmp_path, ["127.0.0.1:1"], stages=[stage(rate="1req/s").dump()])
    assert main(["--plan", environment["TOLLGATE_PLAN"], "--dataset", environment["TOLLGATE_DATASET"],
                 "--output", str(tmp_path / "no" / "folder")]) == 1  # fmt: skip
    assert "cannot be written" in capfd.readouterr().err


def test_sigterm_ends_it_at_once_with_a_reason(tmp_path: Path) -> None:
    with serving(add) as target:
        process = started(written(tmp_path, [target], stages=[stage(durationSeconds=60).dump()]))
        assert process.stderr is not None
        assert "in flight" in process.stderr.readline()  # it is loading
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)
    assert process.returncode == 143
    with pytest.raises(ValueError, match="stopped before it was done"):
        decode((tmp_path / "result").read_text())


def test_it_needs_no_kubernetes() -> None:
    code = "import sys, tollgate.bench.__main__; print({'kopf', 'kubernetes'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
