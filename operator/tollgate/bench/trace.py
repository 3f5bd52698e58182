"""Arrival times that a stage replays, from the file of its trace: checked whole before the first request is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tollgate.api import canonical
from tollgate.api.load import LONGEST, LoadStage

Traces = Mapping[str, NDArray[np.float64]]
"""By the name of their stage, when each request is due, in seconds since the first."""

NO_TRACES: Traces = {}


def read_traces(stages: Sequence[LoadStage], folder: str | None) -> Traces:
    """The traces that the stages replay, each from the file in `folder` that is called as its stage.

    ValueError names the file and the line that is wrong.
    """
    return {stage.name: _read(stage, folder) for stage in stages if stage.trace is not None}


def sent(dataset: str, traces: Traces) -> str:
    """Digest of all that was sent: of the dataset alone, or of it and the times that each trace replays."""
    if not traces:
        return dataset
    times = {name: hashlib.sha256(due.astype("<f8").tobytes()).hexdigest() for name, due in traces.items()}
    return canonical.digest({"dataset": dataset, "traces": times})


def _read(stage: LoadStage, folder: str | None) -> NDArray[np.float64]:
    if not folder:
        raise ValueError(f"stage {stage.name} replays a trace: set --traces or TOLLGATE_TRACES to its folder")
    try:
        text = (Path(folder) / stage.name).read_bytes()
    except OSError as error:
        raise ValueError(
            f"the trace of stage {stage.name} cannot be read: {error}: is its ConfigMap there, with its key?"
        ) from None
    try:
        return parse_trace(text, stage.requests)
    except ValueError as error:
        raise ValueError(f"the trace of stage {stage.name}: {error}") from None


def parse_trace(data: bytes, requests: int) -> NDArray[np.float64]:
    """The first so many times of a file, a line each, in seconds since the first. ValueError says what is wrong."""
    lines = data.decode(errors="replace").splitlines()
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if len(numbered) < requests:
        raise ValueError(
            f"it has {len(numbered)} arrivals, and the stage replays {requests}: lower its requests"
        )
    times: NDArray[np.float64] = np.array([_time(number, line) for number, line in numbered[:requests]])
    early = np.flatnonzero(np.diff(times) < 0)
    if len(early):
        raise ValueError(
            f"line {numbered[early[0] + 1][0]} is earlier than the line before it: sort the times"
        )
    due: NDArray[np.float64] = times - times[0]
    if not 0 < due[-1] <= LONGEST:
        raise ValueError(
            f"its first {requests} arrivals take {due[-1]:g} s, and a stage takes more than 0 s and at most "
            f"{LONGEST} s"
        )
    return due


def _time(number: int, line: str) -> float:
    try:
        value = float(line)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"line {number} is {line[:40]!r}, which is no time: write seconds, such as 12.345")
    return value
