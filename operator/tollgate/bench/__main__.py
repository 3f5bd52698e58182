"""`python -m tollgate.bench`: reads the plan and the dataset, runs, and leaves one document: a result or an error.

Exit status: 0 a result was written, 2 the plan or the dataset is wrong, 143 ended by SIGTERM, 1 anything else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import uvloop

from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.part_transport import encode_part
from tollgate.api.parts import BenchmarkPart
from tollgate.api.transport import encode, encode_error
from tollgate.bench.access import read_credentials
from tollgate.bench.dataset import parse_dataset
from tollgate.bench.plan import Plan, parse_plan
from tollgate.bench.pods import LateError, run_part
from tollgate.bench.requests import Requests
from tollgate.bench.run import run
from tollgate.bench.trace import Traces, read_traces
from tollgate.measure.search import check_search

_FAILED = 1
_WRONG_INPUT = 2
_TERMINATED = 128 + signal.SIGTERM
_STOPPED = (
    "the load generator was stopped before it was done: deadlineSeconds of the profile had passed, "
    "or its pod was evicted or deleted"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark; the exit status."""
    options = _options(arguments)
    try:
        plan = parse_plan(_read(options.plan, "plan"))
        dataset = parse_dataset(_read(options.dataset, "dataset"))
        credentials = read_credentials(plan.profile, options.token, options.ca)
        requests = Requests(plan.profile, dataset, credentials)
        traces = read_traces(plan.profile.stages, options.traces)
        check_search(plan.profile)
    except ValueError as error:
        return _fail(options.output, str(error), _WRONG_INPUT)
    try:
        result = uvloop.run(_until_terminated(plan, requests, options.pod, traces))
        if options.output == "-":
            print(json.dumps(result.dump(), indent=2))
        else:
            packed = encode(result) if isinstance(result, BenchmarkResult) else encode_part(result)
            Path(options.output).write_text(packed)
    except LateError as error:
        return _fail(options.output, str(error), _FAILED)
    except asyncio.CancelledError:
        return _fail(options.output, _STOPPED, _TERMINATED)
    except Exception as error:
        _log(credentials.hide(traceback.format_exc()))
        why = credentials.hide(f"{type(error).__name__}: {error}")
        return _fail(options.output, f"the load generator failed: {why}", _FAILED)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tollgate.bench", description="Load a model server.")
    parser.add_argument("--plan", default=os.environ.get("TOLLGATE_PLAN"), help="file with the plan")
    parser.add_argument("--dataset", default=os.environ.get("TOLLGATE_DATASET"), help="file with the inputs")
    parser.add_argument(
        "--traces",
        default=os.environ.get("TOLLGATE_TRACES"),
        help="folder with the arrival times of each stage that replays a trace, in a file called as the stage",
    )
    parser.add_argument(
        "--token", default=os.environ.get("TOLLGATE_TOKEN"), help="file with the bearer token"
    )
    parser.add_argument(
        "--ca", default=os.environ.get("TOLLGATE_CA"), help="file with the authorities, in PEM"
    )
    parser.add_argument(
        "--output",
        default=os.environ.get("TOLLGATE_RESULT", "/dev/termination-log"),
        help="file for the encoded result; - prints it as JSON",
    )
    parser.add_argument(
        "--pod",
        type=int,
        default=os.environ.get("JOB_COMPLETION_INDEX", "0"),
        help="which of the profile's pods this is, from 0",
    )
    return parser.parse_args(arguments)


async def _until_terminated(
    plan: Plan, requests: Requests, pod: int, traces: Traces
) -> BenchmarkResult | BenchmarkPart:
    """As the first process of a container, this one must ask for SIGTERM, or it would be ignored until SIGKILL."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    if plan.begins_at is None:
        return await run(plan, requests, _log, traces=traces)
    return await run_part(plan, requests, pod, _log, traces)


def _read(path: str | None, what: str) -> bytes:
    if not path:
        raise ValueError(f"no {what}: set --{what} or TOLLGATE_{what.upper()} to its file")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"the {what} cannot be read: {error}") from None


def _fail(output: str, sentence: str, status: int) -> int:
    """Leave the sentence where the result would be, and in the log."""
    _log(sentence)
    if output != "-":
        try:
            Path(output).write_text(encode_error(sentence))
        except OSError as error:
            _log(f"the error cannot be written: {error}")
    return status


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
