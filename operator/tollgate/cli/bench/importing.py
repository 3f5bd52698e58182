"""`tollgate bench import`: another load generator's numbers, so that `tollgate check` can judge them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import click
from pydantic import ValidationError

from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.document import BenchmarkRun, StageSamples, Tool
from tollgate.cli.bench.files import check_writable, write_whole
from tollgate.cli.documents import read_text
from tollgate.cli.exits import Exit, plain
from tollgate.foreign import aiperf, guidellm, inference_perf
from tollgate.foreign.stages import Foreign, Summary, from_requests, from_summary

_READERS: dict[str, tuple[Callable[[Any], list[Foreign | Summary]], Callable[[Any], str]]] = {
    "guidellm": (guidellm.read, guidellm.version),
    "inference-perf": (inference_perf.read, lambda _: ""),
    "aiperf": (aiperf.read, aiperf.version),
}
_MOST_STAGES = 8


@click.command("import")
@click.argument("file", metavar="FILE")
@click.option(
    "--from", "tool", type=click.Choice(sorted(_READERS)), required=True, help="The tool that wrote it."
)
@click.option("-o", "--output", required=True, help="File for the result; - is standard output.")
@plain
def import_(file: str, tool: str, output: str) -> int:
    """Turn another tool's FILE into a result that can be judged.

    What such a file does not tell is not made up, and certifies nothing: its verdict is Inconclusive (Uncertified).
    """
    check_writable(output)
    text = read_text(file)
    document = _parsed(text, file)
    read, version = _READERS[tool]
    try:
        stages = read(document)
        if len(stages) > _MOST_STAGES:
            raise ValueError(f"it has {len(stages)} stages, more than the {_MOST_STAGES} of a result")
        made = [
            from_requests(one) if isinstance(one, Foreign) else (from_summary(one), None) for one in stages
        ]
        run = _run(text, Tool(name=tool, version=version(document)[:64]), made)
    except ValidationError as error:
        raise ValueError(f"{file} makes no result: {error.errors()[0]['msg']}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    write_whole(output, run.model_dump_json(by_alias=True) + "\n")
    if output != "-":
        for stage, _ in made:
            click.echo(
                f"{stage.name}: {stage.requests:,} requests, {stage.errors:,} errors, p99 {stage.quantiles.p99}"
            )
            if stage.uncertified:
                click.echo(f"  certifies no latency: {stage.uncertified}")
        click.echo(f"Written to {output}: judge it with tollgate check --result {output}")
    return Exit.WITHIN


def _run(text: str, tool: Tool, made: Sequence[tuple[StageResult, StageSamples | None]]) -> BenchmarkRun:
    """The document. Its digests are of the file: nobody knows whether another file is of the same load."""
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    result = BenchmarkResult(dataset=digest, profile=digest, pods=1, stages=[stage for stage, _ in made])
    return BenchmarkRun(
        measured_by=tool, result=result, samples=[samples for _, samples in made if samples is not None]
    )


def _parsed(text: str, file: str) -> Any:
    """One JSON document, or the list of those on each line."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            return [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            raise ValueError(f"{file} is neither JSON nor JSON in lines: {error}") from None
