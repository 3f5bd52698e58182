"""`tollgate check`: a finished benchmark against a budget, offline, as the operator would judge it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Literal

import click

from tollgate.api.budget import Baseline, BudgetSpec, EfficiencyBudget
from tollgate.api.facts import NOTHING_KNOWN, Declared, EnergyTerms, Facts, declared
from tollgate.api.hardware import LoadedPods
from tollgate.cli.documents import Object, documents, manifest, named, parsed, read_text, strictly
from tollgate.cli.exits import Exit, plain
from tollgate.cli.junit import junit
from tollgate.cli.measurements import Measurement, read_measurement
from tollgate.cli.report import Checked, document, table
from tollgate.decide.benchmark_verdict import ApprovedArm, Outcome, benchmark_verdict, outcome
from tollgate.decide.compare import Arm
from tollgate.decide.paired import InTurn
from tollgate.decide.planning import benchmark_limits
from tollgate.measure.cost import CostUnknown, PodCost, PriceTable, pod_cost, requests_cost
from tollgate.reconcile.hardware import machines_of
from tollgate.runtime.settings import EnergySettings, PriceSettings

IN_TURN = "measured in turn with it"

_CODES = {
    Outcome.WITHIN: Exit.WITHIN,
    Outcome.BREACH: Exit.BREACH,
    Outcome.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Outcome.NEEDS_SIGN_OFF: Exit.NEEDS_SIGN_OFF,
}


@click.command()
@click.option("-f", "--filename", "budget_file", required=True, help="File with the EfficiencyBudget.")
@click.option("--name", default="", help="Name of the budget, where the file holds several.")
@click.option("--result", "result_file", required=True, help="File with the benchmark's result; - is stdin.")
@click.option("--baseline", "baseline_file", help="File with the result to compare with, in the same forms.")
@click.option(
    "--approved",
    "approved_file",
    help="File with the approved baseline's result: many small losses are added up.",
)
@click.option("--prices", "prices_file", help="File with the prices, as in the operator's configuration.")
@click.option(
    "--target", "target_file", help="File with the Deployment that was measured: its pods are priced."
)
@click.option(
    "--baseline-target", "old_target_file", help="The baseline's Deployment, if it requests less or more."
)
@click.option(
    "--approved-target", "approved_target_file", help="The same of the approved baseline's Deployment."
)
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "junit"]), default="table", show_default=True
)
@plain
def check(
    budget_file: str,
    name: str,
    result_file: str,
    baseline_file: str | None,
    approved_file: str | None,
    prices_file: str | None,
    target_file: str | None,
    old_target_file: str | None,
    approved_target_file: str | None,
    output: Literal["table", "json", "junit"],
) -> int:
    """Judge a benchmark's result by a budget, in CI or anywhere: no cluster is asked.

    A result that was measured in turn with a baseline is compared with that, unless --baseline names another.

    Exit code: 0 Within, 1 Breach, 2 Inconclusive, 3 needs sign-off (worse than a baseline), 64 bad input.
    """
    budget, spec = read_budget(budget_file, name)
    limits = benchmark_limits(spec.objectives)
    new = read_measurement(result_file, limits)
    old = read_measurement(baseline_file, limits) if baseline_file else None
    approved = read_measurement(approved_file, limits) if approved_file else None
    prices = read_prices(prices_file) if prices_file else None
    target, old_target, approved_target = (
        read_deployment(path, spec.target.name) if path else None
        for path in (target_file, old_target_file, approved_target_file)
    )
    checked = examine(
        named(budget),
        spec,
        new,
        old,
        approved,
        prices=prices,
        energy=read_energy(prices_file) if prices_file else EnergyTerms(),
        target=target,
        old_target=old_target,
        approved_target=approved_target,
    )
    click.echo({"table": table, "json": document, "junit": junit}[output](checked))
    return _CODES[checked.outcome]


def examine(
    budget: str,
    spec: BudgetSpec,
    new: Measurement,
    old: Measurement | None = None,
    approved: Measurement | None = None,
    *,
    prices: PriceTable | None = None,
    energy: EnergyTerms = NOTHING_KNOWN.energy,
    target: Object | None = None,
    old_target: Object | None = None,
    approved_target: Object | None = None,
) -> Checked:
    """A result judged by a budget, and compared with what it was measured in turn with, or with other results."""
    apart = approved if approved and not (old and approved.result == old.result) else None
    in_turn = old is None and bool(new.result.paired) and spec.benchmark.baseline is not Baseline.NONE
    past = replace(new, form=IN_TURN, loaded=new.baseline_loaded) if in_turn else old
    arm = arm_of(past, old_target or _stand_in(past, target), prices, energy) if past else None
    said = benchmark_verdict(
        spec.objectives,
        arm_of(new, target, prices, energy),
        InTurn(arm.cost, arm.hardware) if arm and in_turn else arm,
        confidence=float(spec.confidence),
        approved=ApprovedArm(arm_of(apart, approved_target or _stand_in(apart, target), prices, energy))
        if apart
        else None,
    )
    unpriced = [
        name
        for name, other, own in (("baseline", past, old_target), ("approved", apart, approved_target))
        if other and not own and _stand_in(other, target)
    ]
    return Checked(
        budget=budget,
        spec=spec,
        result=new,
        baseline=past,
        approved=approved,
        said=said,
        outcome=outcome(said, spec.trade_offs, compared=past is not None),
        priced_alike=unpriced if prices else [],
    )


def read_budget(path: str, name: str) -> tuple[Object, BudgetSpec]:
    """The manifest and the spec of the one budget in a file, or of the one of that name."""
    raw = manifest(path, "EfficiencyBudget", name=name)
    where = f"{path}: EfficiencyBudget {named(raw)}"
    return raw, parsed(EfficiencyBudget, {**raw, "status": {}}, where).spec


def read_prices(path: str) -> PriceTable:
    """The table of the section `prices` of the operator's configuration, alone or within it."""
    found = documents(read_text(path), path)
    section = found[0] if len(found) == 1 else None
    if isinstance(section, dict) and isinstance(section.get("prices"), dict):
        section = section["prices"]
    if not isinstance(section, dict):
        raise ValueError(f"{path} holds no prices: write currency, cpuCoreHour, memoryGiBHour and gpuHour")
    prices = strictly(PriceSettings, section, path).source
    if not isinstance(prices, PriceTable):
        raise ValueError(
            f"{path}: openCost has prices of the nodes of a cluster, and none is asked here: write a table of "
            "cpuCoreHour, memoryGiBHour and gpuHour"
        )
    return prices


def read_energy(path: str) -> EnergyTerms:
    """The section `energy` beside the prices, if there is one."""
    found = documents(read_text(path), path)
    section = found[0].get("energy") if len(found) == 1 and isinstance(found[0], dict) else None
    if not isinstance(section, dict):
        return EnergyTerms()
    return strictly(EnergySettings, section, path).terms


def read_deployment(path: str, name: str) -> Object:
    """The one Deployment in a file, or the one of that name."""
    return manifest(path, "Deployment", api_version="apps/v1", name=name)


def arm_of(
    measured: Measurement,
    target: Object | None,
    prices: PriceTable | None,
    energy: EnergyTerms | None = None,
) -> Arm:
    """A measurement with what its pods cost, and what else is known of them."""
    loaded = measured.loaded
    cost = _cost(target, loaded, prices)
    return Arm(
        measured.result,
        cost,
        tuple(loaded.hardware) if loaded else None,
        _facts(measured, target, energy or EnergyTerms()),
    )


def _facts(measured: Measurement, target: Object | None, energy: EnergyTerms) -> Facts:
    """What the Benchmark has on record of its pods, or else what the template of the Deployment declares."""
    said = measured.loaded.declared if measured.loaded else None
    if said is None and target is not None:
        metadata = target.get("spec", {}).get("template", {}).get("metadata") or {}
        said = declared(metadata.get("annotations") or {})
    return Facts(declared=said or Declared(), starts=measured.starts, energy=energy)


def _stand_in(past: Measurement, target: Object | None) -> Object | None:
    """The candidate's Deployment, where it is not on record what the pods of an earlier result reserved."""
    return None if past.loaded and past.loaded.requests else target


def _cost(
    target: Object | None, loaded: LoadedPods | None, prices: PriceTable | None
) -> PodCost | CostUnknown:
    """Of a pod of the Deployment that was named, or else of one that reserved what the Benchmark has on record."""
    reserved = loaded.requests if loaded else {}
    machines = machines_of(loaded)
    if prices is None or not (target or reserved):
        lacking = [
            option for option, given in (("--prices", prices), ("--target", target or reserved)) if not given
        ]
        return CostUnknown(f"the price of a pod is not known: pass {' and '.join(lacking)}")
    if target is None:
        return requests_cost(
            {resource: Decimal(amount) for resource, amount in reserved.items()}, prices, machines
        )
    try:
        return pod_cost(target["spec"]["template"], prices, machines)
    except (AttributeError, KeyError, TypeError):
        raise ValueError(f"Deployment {named(target)} has no pod template with containers") from None
