"""A benchmark's result from a file, in whichever form it was kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tollgate.api import transport
from tollgate.api.benchmark import BenchmarkResult
from tollgate.api.cold_start import StartTimes
from tollgate.api.document import API_VERSION, KIND, BenchmarkRun
from tollgate.api.hardware import LoadedPods
from tollgate.cli.documents import documents, named, read_text, strictly
from tollgate.measure.samples import counted_at

_FORMS = (
    "a result as tollgate bench run writes it, a Benchmark (kubectl get bench NAME -o json), "
    "or its .status.result"
)


@dataclass(frozen=True)
class Measurement:
    """A result, the file it is from, what that file holds, and the loaded pods of both arms where it says so."""

    result: BenchmarkResult
    path: str
    form: str
    loaded: LoadedPods | None = None
    baseline_loaded: LoadedPods | None = None
    run: BenchmarkRun | None = None  # the whole file, where it is one
    starts: StartTimes | None = None


def read_measurement(path: str, limits: Sequence[Decimal] = ()) -> Measurement:
    """The result in a file, with counts at these latencies (in seconds) where each request is known.

    ValueError, one sentence, when there is none.
    """
    text = read_text(path)
    if text.lstrip().startswith((transport.PREFIX, transport.ERROR_PREFIX)):
        return Measurement(_decoded(text, path), path, "the load generator's output file")
    found = documents(text, path)
    if len(found) != 1 or not isinstance(found[0], dict):
        raise ValueError(f"{path} holds no single document: expected {_FORMS}")
    document: dict[str, Any] = found[0]
    if document.get("kind") == KIND:
        return _of_run(document, path, limits)
    if "kind" in document:
        return measurement_of(document, path)
    if "stages" not in document:
        keys = ", ".join(sorted(map(str, document))[:5]) or "nothing"
        raise ValueError(f"{path} is no benchmark's result, it holds {keys}: expected {_FORMS}")
    return Measurement(strictly(BenchmarkResult, document, path), path, "a BenchmarkResult")


def _decoded(text: str, path: str) -> BenchmarkResult:
    try:
        return transport.decode(text)
    except ValueError as error:
        raise ValueError(f"{path} holds no result: {error}") from None


def _of_run(document: dict[str, Any], path: str, limits: Sequence[Decimal]) -> Measurement:
    version = document.get("apiVersion")
    if version != API_VERSION:
        raise ValueError(
            f"{path}: apiVersion is {version!r}, and this program reads {API_VERSION}: use the one that "
            "wrote it, or a later one"
        )
    run = strictly(BenchmarkRun, document, path)
    by = f"{run.measured_by.name} {run.measured_by.version}".strip()
    return Measurement(counted_at(run, limits), path, f"a BenchmarkRun of {by}", run=run)


def measurement_of(document: dict[str, Any], path: str) -> Measurement:
    """The result of a Benchmark; `path` is where it is from."""
    if document["kind"] != "Benchmark":
        raise ValueError(f"{path} holds a {document['kind']}: expected {_FORMS}")
    where = f"{path}: Benchmark {named(document)}"
    status = document.get("status")
    if not isinstance(status, dict):
        raise ValueError(f"{where} has no status: it was not measured yet")
    if status.get("result") is None:
        if status.get("operatingPoints"):
            point = f"{document['metadata'].get('name')}-point-1"
            raise ValueError(f"{where} is a sweep: take the Benchmark of one of its points, such as {point}")
        phase = status.get("phase") or "Pending"
        raise ValueError(f"{where} has no result, its phase is {phase}: see kubectl describe bench")
    result = strictly(BenchmarkResult, status["result"], f"{where}: status.result")
    loaded, baseline = (
        strictly(LoadedPods, status[field], f"{where}: status.{field}") if status.get(field) else None
        for field in ("loaded", "baselineLoaded")
    )
    starts = (
        strictly(StartTimes, status["coldStart"], f"{where}: status.coldStart")
        if status.get("coldStart")
        else None
    )
    return Measurement(result, path, f"Benchmark {named(document)}", loaded, baseline, starts=starts)
