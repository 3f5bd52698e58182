"""Replaying a trace: its times to the last, and a sentence for every file that has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.bench.plans import profile, stage
from tests.unit.bench.servers import serving
from tests.unit.bench.test_main import started, written
from tollgate.api.transport import decode
from tollgate.bench.schedule import plan_stage
from tollgate.bench.trace import parse_trace, read_traces, sent

TRACE = {
    "name": "replay",
    "arrival": "Trace",
    "trace": {"name": "monday"},
    "rate": None,
    "durationSeconds": None,
    "requests": 5,
}
TIMES = b"1700000000.5\n1700000000.5\n\n1700000000.75\n 1700000001.5 \n1700000002.5\n1700000009\n"
DUE = [0, 0, 0.25, 1, 2]


@given(st.lists(st.integers(0, 3_500_000), min_size=2).filter(lambda micros: max(micros) > min(micros)))
def test_what_was_written_is_read(micros: list[int]) -> None:
    times = [value / 1e6 for value in sorted(micros)]
    due = parse_trace("\n".join(f"{value:.6f}" for value in times).encode(), len(times))
    np.testing.assert_allclose(due, np.array(times) - times[0], atol=1e-9)


def test_the_first_so_many_are_due_as_they_came() -> None:
    assert parse_trace(TIMES, 5).tolist() == DUE
    assert parse_trace(TIMES, 3).tolist() == DUE[:3]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "it has 0 arrivals, and the stage replays 3"),
        (b"1\n2\n", "it has 2 arrivals, and the stage replays 3: lower its requests"),
        (b"1\ntwo\n3\n", "line 2 is 'two', which is no time"),
        (b"1\n\nnan\n3\n", "line 3 is 'nan', which is no time"),
        (b"1\n2\ninf\n", "line 3 is 'inf', which is no time"),
        (b"1\n\xff\n3\n", "line 2 is"),
        (b"1\n\n3\n2\n", "line 4 is earlier than the line before it: sort the times"),
        (b"1\n1\n1\n", "take 0 s"),
        (b"1\n2\n3602\n", "take 3601 s, and a stage takes more than 0 s and at most 3600 s"),
    ],
)
def test_a_file_that_is_no_trace_says_where_it_is_wrong(data: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_trace(data, 3)


def test_each_stage_has_a_file_of_its_own(tmp_path: Path) -> None:
    stages = [stage(), stage(**TRACE), stage(**TRACE | {"name": "again", "requests": 3})]
    with pytest.raises(ValueError, match="stage replay replays a trace: set --traces or TOLLGATE_TRACES"):
        read_traces(stages, None)
    (tmp_path / "replay").write_bytes(TIMES)
    with pytest.raises(
        ValueError, match=r"the trace of stage again cannot be read: .*is its ConfigMap there"
    ):
        read_traces(stages, str(tmp_path))
    (tmp_path / "again").write_bytes(b"1\n2\n1\n")
    with pytest.raises(ValueError, match="the trace of stage again: line 3 is earlier"):
        read_traces(stages, str(tmp_path))
    (tmp_path / "again").write_bytes(TIMES)
    assert {name: len(due) for name, due in read_traces(stages, str(tmp_path)).items()} == {
        "replay": 5,
        "again": 3,
    }
    assert read_traces(stages[:1], None) == {}


def test_the_digest_is_of_all_that_was_sent() -> None:
    due = parse_trace(TIMES, 5)
    assert sent("sha256:" + "a" * 64, {}) == "sha256:" + "a" * 64, (
        "of a profile without a trace, the dataset's"
    )
    digests = {
        sent("sha256:" + "a" * 64, {"replay": due}),
        sent("sha256:" + "b" * 64, {"replay": due}),
        sent("sha256:" + "a" * 64, {"replay": due + 0.001}),
        sent("sha256:" + "a" * 64, {"other": due}),
    }
    assert len(digests) == 4
    assert sent("sha256:" + "a" * 64, {"replay": due.copy()}) in digests


def test_a_schedule_has_the_times_of_its_trace_and_inputs_by_the_seed() -> None:
    due = np.array(DUE, dtype=float)
    plan = plan_stage(stage(**TRACE), groups=[""] * 5, seed=1, number=0, trace=due)
    assert plan.due.tolist() == DUE
    assert plan.span == 2
    assert sorted(plan.items) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="stage replay replays a trace, and none was given"):
        plan_stage(stage(**TRACE), groups=[""] * 5, seed=1, number=0)


def test_a_replay_from_files_to_termination_message(tmp_path: Path) -> None:
    came: list[Any] = []

    async def add(request: web.Request) -> web.Response:
        came.append(await request.json())
        return web.json_response({"prediction": sum(came[-1]["input"])})

    traced = stage(**TRACE).dump()
    with serving(add) as target:
        environment = written(tmp_path, [target], stages=[traced])
        process = started(environment)
        _, log = process.communicate(timeout=60)
        assert process.returncode == 2
        assert "set --traces or TOLLGATE_TRACES" in log
        (tmp_path / "traces").mkdir()
        (tmp_path / "traces" / "replay").write_bytes(TIMES)
        process = started(environment | {"TOLLGATE_TRACES": str(tmp_path / "traces")})
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    (result,) = decode((tmp_path / "result").read_text()).stages
    assert (result.load, result.requests, result.errors, result.requested_rate) == ("Trace", 5, 0, "0req/s")
    assert len(came) == 5
    assert profile(stages=[traced]).measured[0].requests == 5
