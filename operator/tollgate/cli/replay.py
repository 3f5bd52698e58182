"""`tollgate replay`: decides a record again, from nothing but the record."""

from __future__ import annotations

import json
from typing import Literal

import click

from tollgate import __version__
from tollgate.adapters.connection import default_namespace
from tollgate.api import canonical
from tollgate.api.decision import DecisionSpec, EfficiencyDecision
from tollgate.cli.cluster import ask
from tollgate.cli.documents import Object, manifest, named, parsed
from tollgate.cli.exits import plain
from tollgate.cli.tables import aligned, printable
from tollgate.decide.replay import Replay
from tollgate.decide.replay import replay as decide_again
from tollgate.ports import DECISION


@click.command()
@click.argument("decision", default="")
@click.option("-n", "--namespace", default="", help="Default: that of the kubeconfig's context.")
@click.option(
    "-f", "--filename", default="", help="File with the record; - is stdin. No cluster is asked then."
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@plain
def replay(decision: str, namespace: str, filename: str, output: Literal["table", "json"]) -> int:
    """Decide a record again: by the evidence in it, with the engine of this version.

    DECISION names an EfficiencyDecision; with -f only where the file holds several.
    Exit code: 0 the same, 1 decided otherwise now, 64 bad input, 69 the cluster cannot be reached.
    """
    if not (decision or filename):
        raise ValueError(
            "name an EfficiencyDecision (see kubectl get effd), or give a file with one: -f FILE"
        )
    raw = manifest(filename, DECISION.kind, name=decision) if filename else _fetched(decision, namespace)
    spec = parsed(EfficiencyDecision, raw, f"EfficiencyDecision {named(raw)}").spec
    again = decide_again(spec)
    said = _document if output == "json" else _table
    click.echo(said(named(raw), canonical.digest(raw["spec"]), spec, again))
    return 0 if again.same else 1


def _fetched(name: str, namespace: str) -> Object:
    where = namespace or default_namespace()
    raw = ask(lambda cluster: cluster.get(DECISION, where, name))
    if raw is None:
        raise ValueError(
            f"there is no EfficiencyDecision {name} in namespace {where}: see kubectl get effd -n {where}"
        )
    return raw


def _table(name: str, digest: str, spec: DecisionSpec, again: Replay) -> str:
    lines = [
        f"{name}: {spec.action.value} ({spec.reason}) of release {spec.release}, "
        f"decided {spec.decided_at:%Y-%m-%dT%H:%M:%SZ}",
        f"record {spec.sequence}, {digest}",
    ]
    if again.findings:
        rows = [
            [finding.what, finding.recorded, finding.now, "" if finding.same else "differs"]
            for finding in again.findings
        ]
        lines += aligned(("", "recorded", "now", ""), rows)
    lines += again.left_out
    if again.findings:
        how = "the same as" if again.same else "OTHERWISE than"
        lines.append(f"Tollgate {__version__} decides {how} Tollgate {spec.operator} did")
    return printable("\n".join(lines))


def _document(name: str, digest: str, spec: DecisionSpec, again: Replay) -> str:
    document = {
        "decision": name,
        "digest": digest,
        "sequence": spec.sequence,
        "same": again.same,
        "findings": [
            {"what": f.what, "recorded": f.recorded, "now": f.now, "same": f.same} for f in again.findings
        ],
        "leftOut": list(again.left_out),
        "decidedBy": spec.operator,
        "replayedBy": __version__,
    }
    return json.dumps(document, indent=2)
