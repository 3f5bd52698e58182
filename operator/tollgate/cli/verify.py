"""`tollgate verify`: walks the chain of a target's records, and names the first that is broken or missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import click
from pydantic import ValidationError

from tollgate.api.base import API_VERSION
from tollgate.api.budget import BudgetStatus
from tollgate.cli.cluster import ask
from tollgate.cli.documents import Object, manifests, named
from tollgate.cli.exits import plain
from tollgate.cli.tables import printable
from tollgate.decide.chain import Chain, Fault, Link, read_link, walk
from tollgate.ports import BUDGET, DECISION, Cluster

_GONE = "the budget is gone: whether newer records were deleted cannot be told"


@dataclass(frozen=True)
class _Held:
    """What there is of a budget: the budget itself, if it is there, and the records of its namespace."""

    budget: Object | None
    records: Sequence[Object]


@click.command()
@click.argument("budget", metavar="NAMESPACE/BUDGET")
@click.option(
    "-f", "--filename", default="", help="File with the records; - is stdin. No cluster is asked then."
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@plain
def verify(budget: str, filename: str, output: Literal["text", "json"]) -> int:
    """Verify that every record of a budget's Deployment is there, unchanged and in its place.

    A file may hold the budget too: its status says which record is the newest.
    Exit code: 0 intact, 1 broken, 64 bad input, 69 the cluster cannot be reached.
    """
    namespace, _, name = budget.partition("/")
    if not (namespace and name) or "/" in name:
        raise ValueError(f"{budget!r} names no budget: write NAMESPACE/BUDGET, such as vision/digits")
    if filename:
        target, chain, known = _walked(_from_file(filename, namespace, name), budget)
    else:
        target, chain, known = ask(lambda cluster: _from_cluster(cluster, namespace, name))
    click.echo((_document if output == "json" else _text)(budget, target, chain, known))
    return 1 if chain.faults else 0


def _from_file(path: str, namespace: str, name: str) -> _Held:
    held = [one for one in manifests(path) if one.get("apiVersion") == API_VERSION]
    budgets = [one for one in held if one.get("kind") == BUDGET.kind and named(one) == f"{namespace}/{name}"]
    records = [
        one
        for one in held
        if one.get("kind") == DECISION.kind and (one.get("metadata") or {}).get("namespace") == namespace
    ]
    if not records and not budgets:
        raise ValueError(
            f"{path} holds no EfficiencyDecision of namespace {namespace}: write one with "
            f"kubectl get effd,effb -n {namespace} -o yaml"
        )
    return _Held(budgets[0] if budgets else None, records)


async def _from_cluster(cluster: Cluster, namespace: str, name: str) -> tuple[str, Chain, bool]:
    """Walked twice where something is wrong: between two reads the operator may have written a record."""

    async def look() -> tuple[str, Chain, bool]:
        budget = await cluster.get(BUDGET, namespace, name)
        # Not by label: a record with another label would seem to be missing, and it is there.
        return _walked(_Held(budget, await cluster.list(DECISION, namespace)), f"{namespace}/{name}")

    first = await look()
    return await look() if first[1].faults else first


def _walked(held: _Held, budget: str) -> tuple[str, Chain, bool]:
    """The target, its chain, and whether the newest record is known from the budget."""
    target = _target(held, budget)
    links, unreadable = _links(one for one in held.records if _of(one, "target") == target)
    status = _status(held.budget) if held.budget else BudgetStatus()
    chain = walk(links, status.last_record, status.unwritten)
    faults = tuple(sorted([*unreadable, *chain.faults], key=lambda fault: fault.sequence))
    return target, Chain(chain.links, chain.begins, faults), held.budget is not None


def _target(held: _Held, budget: str) -> str:
    if held.budget is not None:
        return str(held.budget["spec"]["target"]["name"])
    name = budget.partition("/")[2]
    targets = {_of(one, "target") for one in held.records if _of(one, "budget") == name}
    if len(targets) != 1:
        what = f"records of several Deployments ({', '.join(sorted(targets))})" if targets else "no record"
        raise ValueError(f"there is no EfficiencyBudget {budget}, and {what} of one")
    return targets.pop()


def _of(record: Object, field: str) -> str:
    """The name of a record's target or budget; "" where it has none."""
    spec = record.get("spec")
    said = spec.get(field) if isinstance(spec, dict) else None
    return str(said.get("name", "")) if isinstance(said, dict) else ""


def _links(records: Iterable[Object]) -> tuple[list[Link], list[Fault]]:
    """The records as links; what cannot be one is a fault at no place."""
    links, faults = [], []
    for record in records:
        try:
            links.append(read_link(record))
        except ValueError as error:
            faults.append(Fault(0, str(error)))
    return links, faults


def _status(budget: Object) -> BudgetStatus:
    try:
        return BudgetStatus.model_validate(budget.get("status") or {})
    except ValidationError:
        raise ValueError(f"the status of EfficiencyBudget {named(budget)} cannot be read") from None


def _text(budget: str, target: str, chain: Chain, known: bool) -> str:
    lines = [fault.message for fault in chain.faults]
    if not chain.links:
        head = f"{budget}: no record of Deployment {target}" + (":" if lines else " so far")
    else:
        first, last = chain.links[0].ref, chain.links[-1].ref
        head = (
            f"{budget}: {len(chain.links)} records of Deployment {target} ({first.sequence} to {last.sequence}): "
            + ("BROKEN" if lines else "intact")
        )
        lines.append(f"newest: {last.name} {last.digest}")
    if chain.begins > 1:
        lines.append(
            f"records 1 to {chain.begins - 1} were deleted by retention; a checkpoint stands for them"
        )
    if not known:
        lines.append(_GONE)
    return printable("\n".join([head, *(f"  {line}" for line in lines)]))


def _document(budget: str, target: str, chain: Chain, known: bool) -> str:
    document: dict[str, Any] = {
        "budget": budget,
        "target": target,
        "intact": not chain.faults,
        "records": len(chain.links),
        "begins": chain.begins,
        "newest": chain.links[-1].ref.dump() if chain.links else None,
        "newestKnownToBudget": known,
        "faults": [{"sequence": fault.sequence, "message": fault.message} for fault in chain.faults],
    }
    return json.dumps(document, indent=2)
