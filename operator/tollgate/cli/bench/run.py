"""`tollgate bench run`: the stages of a BenchmarkProfile against servers that this machine can reach."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import click
import uvloop
from pydantic import ValidationError

from tollgate import __version__
from tollgate.api import units
from tollgate.api.benchmark import BenchmarkResult, StageResult
from tollgate.api.budget import BudgetSpec
from tollgate.api.counting import NOTHING_MORE
from tollgate.api.document import BenchmarkRun, StageSamples, Tool
from tollgate.api.load import Load
from tollgate.api.profiles import BenchmarkProfile, BenchmarkProfileSpec
from tollgate.bench.access import NO_CREDENTIALS, Credentials, read_credentials
from tollgate.bench.plan import Plan
from tollgate.bench.records import StageRun
from tollgate.bench.requests import Requests
from tollgate.bench.run import run as load
from tollgate.bench.samples import samples_of
from tollgate.bench.trace import read_traces
from tollgate.cli.bench.files import check_writable, write_whole
from tollgate.cli.bench.inputs import read_dataset
from tollgate.cli.check import read_budget
from tollgate.cli.documents import manifest, named, parsed
from tollgate.cli.exits import Exit, plain
from tollgate.cli.live import Live
from tollgate.cli.tables import aligned, printable
from tollgate.decide.operating_points import at_point
from tollgate.decide.planning import benchmark_counting, benchmark_limits
from tollgate.measure.search import check_search

_PORTS = {"http": 80, "https": 443}


@click.command()
@click.option("--profile", "profile_file", required=True, help="File with the BenchmarkProfile.")
@click.option("--name", default="", help="Name of the profile, where the file holds several.")
@click.option(
    "--url", "urls", multiple=True, required=True,
    help="Where a server is, such as http://127.0.0.1:8080; the path is the profile's. Several are loaded in turn.",
)  # fmt: skip
@click.option(
    "--baseline-url", "baseline_urls", multiple=True, help="The same, to be loaded in turn with them."
)
@click.option("--dataset", "dataset_file", help="File with the inputs, if the ConfigMap is not in --profile.")
@click.option("-f", "--filename", "budget_file", help="File with an EfficiencyBudget: counts at its limits.")
@click.option("--limit", "limits", multiple=True, help="Count requests slower than this, such as 250ms.")
@click.option("--token-file", help="File with the bearer token that the profile names.")
@click.option("--ca-file", help="File with the authorities (PEM) that the profile names.")
@click.option("--samples/--no-samples", default=True, help="Keep each request in the result. Default: yes.")
@click.option(
    "--traces",
    "traces_folder",
    help="Folder with the arrival times of each Trace stage, in a file called as it.",
)
@click.option(
    "-o", "--output", default="-", show_default=True, help="File for the result as JSON; - is stdout."
)
@plain
def run(
    profile_file: str,
    name: str,
    urls: Sequence[str],
    baseline_urls: Sequence[str],
    dataset_file: str | None,
    budget_file: str | None,
    limits: Sequence[str],
    token_file: str | None,
    ca_file: str | None,
    samples: bool,
    traces_folder: str | None,
    output: str,
) -> int:
    """Run a benchmark from this machine, and write its result for `tollgate check`.

    All of the load comes from here: of `pods` in the profile there is one, with all its workers.
    """
    raw = manifest(profile_file, "BenchmarkProfile", name=name)
    given = parsed(BenchmarkProfile, raw, f"{profile_file}: BenchmarkProfile {named(raw)}").spec
    profile = at_point(given, None)
    targets, baseline = ([_target(url, profile) for url in some] for some in (urls, baseline_urls))
    spec = read_budget(budget_file, "")[1] if budget_file else None
    plan = _plan(profile, spec, limits, targets, baseline)
    inputs = read_dataset(profile, profile_file, dataset_file)
    requests = Requests(profile, inputs, _credentials(profile, token_file, ca_file))
    traces = read_traces(profile.stages, traces_folder)
    check_search(profile)
    check_writable(output)
    kept: list[StageSamples] = []

    def keep(stage: StageResult, record: StageRun) -> None:
        if samples:
            kept.append(samples_of(stage, record))

    began = datetime.now(UTC)
    with Live(sys.stderr) as live:
        if given.sweep:
            live.line(
                "the sweep of the profile is for a Benchmark in the cluster: its stages are measured as they are"
            )
        if profile.pods > 1:
            live.line(f"the profile asks for {profile.pods} pods: all of its load is sent from this machine")
        try:
            result = uvloop.run(load(plan, requests, live.line, live.progress, traces, keep))
        except KeyboardInterrupt:
            live.line("stopped: nothing was written, as half a benchmark certifies nothing")
            return Exit.STOPPED
    by = Tool(name="tollgate", version=__version__)
    document = BenchmarkRun(measured_by=by, started_at=began, result=result, samples=kept)
    write_whole(output, document.model_dump_json(by_alias=True) + "\n")
    click.echo("\n".join(_table(result)), err=True)
    return Exit.WITHIN


def _plan(
    profile: BenchmarkProfileSpec,
    spec: BudgetSpec | None,
    limits: Sequence[str],
    targets: list[str],
    baseline: list[str],
) -> Plan:
    """What is counted is what the budget asks for, and these limits."""
    objectives = spec.objectives if spec else []
    asked = [units.format_duration(limit) for limit in benchmark_limits(objectives)]
    try:
        return Plan(
            profile=profile,
            limits=list(dict.fromkeys([*asked, *limits])),
            counting=benchmark_counting(objectives) or NOTHING_MORE,
            targets=targets,
            baseline=baseline,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def _target(url: str, profile: BenchmarkProfileSpec) -> str:
    """host:port of a URL, which must be what the profile says of TLS, and hold no more than that."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or not _bare(parts):
        raise ValueError(
            f"--url {url}: write scheme, host and port, such as http://127.0.0.1:8080; the path is the profile's"
        )
    if (parts.scheme == "https") != (profile.tls is not None):
        wanted = "https, as the profile has tls" if profile.tls else "http, or give the profile tls: {}"
        raise ValueError(f"--url {url}: write it with {wanted}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or _PORTS[parts.scheme]}"


def _bare(parts: SplitResult) -> bool:
    try:
        parts.port  # noqa: B018 -- it is read as a number here, and refuses what is none
    except ValueError:
        return False
    return parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)


def _credentials(profile: BenchmarkProfileSpec, token_file: str | None, ca_file: str | None) -> Credentials:
    """What the profile names, from files."""
    needed = {
        "--token-file": (profile.bearer_token is not None, token_file, "bearerToken"),
        "--ca-file": (profile.tls is not None and profile.tls.ca is not None, ca_file, "tls.ca"),
    }
    for option, (wanted, path, field) in needed.items():
        if wanted and path is None:
            raise ValueError(f"the profile names a {field}: give its content in a file with {option}")
        if path is not None and not wanted:
            raise ValueError(f"the profile names no {field}: leave {option} out")
        if path is not None and not Path(path).is_file():
            raise ValueError(f"{option} {path} is no file that can be read")
    return read_credentials(profile, token_file, ca_file) if token_file or ca_file else NO_CREDENTIALS


def _name(stage: StageResult) -> str:
    if stage.load is Load.SEARCH:
        return f"{stage.label} ({stage.requested_rate})"
    return f"{stage.label} (warm-up)" if stage.warm_up else stage.label


def _table(result: BenchmarkResult) -> list[str]:
    """What was measured, a line a stage."""
    header = ["STAGE", "REQUESTS", "ERRORS", "RATE", "MEAN", "P50", "P99", "SENT LATE"]
    rows = [
        [
            _name(stage),
            f"{stage.requests:,}",
            f"{stage.errors:,}",
            stage.achieved_rate,
            *(stage.mean, stage.quantiles.p50, stage.quantiles.p99, stage.schedule_delay_p99),
        ]
        for stage in result.stages
    ]
    limited = [
        f"  {stage.label} certifies nothing, as the load generator was the limit: {stage.client_limited}"
        for stage in result.stages
        if stage.client_limited
    ]
    inputs = [
        f"  {stage.label}: {stage.variability}"
        for stage in result.declared
        if stage.variability and stage.variability.share
    ]
    found = [f"  {result.search.message}"] if result.search else []
    table = aligned(header, rows, right=range(1, 8))
    return [printable(line) for line in (*table, *limited, *inputs, *found)]
