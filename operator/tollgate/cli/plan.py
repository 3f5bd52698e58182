"""`tollgate plan`: how many requests and how long the verdicts of a budget take, and what a regression costs."""

from __future__ import annotations

from typing import Literal

import click

from tollgate.api.metric_profile import MetricProfile, MetricProfileSpec
from tollgate.api.profiles import BenchmarkProfile, BenchmarkProfileSpec
from tollgate.cli.check import read_budget
from tollgate.cli.documents import manifest, named, parsed
from tollgate.cli.exits import Exit, plain
from tollgate.cli.params import PerSecond, Rate
from tollgate.cli.plan_report import Planned, document, table
from tollgate.decide import plan as plans
from tollgate.decide.planning import benchmark_problems, live_problems, pairing_problems


@click.command()
@click.option("-f", "--filename", "budget_file", required=True, help="File with the EfficiencyBudget.")
@click.option("--name", default="", help="Name of the budget, where the file holds several.")
@click.option("--rate", type=Rate(), required=True, help="Requests to the service: 0.2/s, 12/min or 30req/s.")
@click.option("--profile", "profile_file", help="File with the BenchmarkProfile: what its stages certify.")
@click.option("--metrics", "metrics_file", help="File with the MetricProfile: how often counts are seen.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@plain
def plan(
    budget_file: str,
    name: str,
    rate: PerSecond,
    profile_file: str | None,
    metrics_file: str | None,
    output: Literal["table", "json"],
) -> int:
    """Say what a budget's verdicts take, before a release does: requests, time, and slow answers to users."""
    budget, spec = read_budget(budget_file, name)
    profile = _benchmark_profile(profile_file, spec.benchmark.profile_ref.name) if profile_file else None
    metrics = _metric_profile(metrics_file, spec.metrics.profile_ref.name) if metrics_file else None
    problems = []
    if profile:
        problems += benchmark_problems(spec.objectives, profile, confidence=float(spec.confidence))
        problems += pairing_problems(spec.objectives, spec.benchmark, profile)
    problems += live_problems(spec.objectives, metrics) if metrics else []
    made = plans.plan(
        spec,
        rate=rate.value,
        profile=profile,
        scrape_seconds=metrics.scrape_interval_seconds if metrics else 0,
        timed=metrics.timed if metrics else (),
    )
    said = Planned(named(budget), rate.text, made, profile, tuple(problem.message for problem in problems))
    click.echo({"table": table, "json": document}[output](said))
    return Exit.WITHIN


def _benchmark_profile(path: str, name: str) -> BenchmarkProfileSpec:
    raw = manifest(path, "BenchmarkProfile", name=name)
    return parsed(BenchmarkProfile, raw, f"{path}: BenchmarkProfile {name}").spec


def _metric_profile(path: str, name: str) -> MetricProfileSpec:
    raw = manifest(path, "MetricProfile", name=name)
    return parsed(MetricProfile, raw, f"{path}: MetricProfile {name}").spec
