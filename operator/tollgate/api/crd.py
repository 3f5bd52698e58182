"""The CustomResourceDefinitions, generated from the models: `python -m tollgate.api.crd [--check] DIR...`.

The models are the one source. `--check` writes nothing and fails where a folder differs from them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tollgate.api.base import GROUP, VERSION, Model
from tollgate.api.benchmark import Benchmark
from tollgate.api.budget import EfficiencyBudget
from tollgate.api.decision import EfficiencyDecision
from tollgate.api.metric_profile import MetricProfile
from tollgate.api.profiles import BenchmarkProfile
from tollgate.api.signoff import EfficiencySignOff
from tollgate.api.structural import RULES, as_written, structural

_HEADER = "# Generated from operator/tollgate/api by `python -m tollgate.api.crd`. Do not edit.\n"


class _Plain(yaml.SafeDumper):
    """Without anchors: readers and tools expect plain YAML."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@dataclass(frozen=True)
class _Column:
    """A column of `kubectl get`; the wide ones only show with `-o wide`."""

    name: str
    path: str
    wide: bool = False
    type: str = "string"
    description: str = ""

    def manifest(self) -> dict[str, Any]:
        column: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.description:
            column["description"] = self.description
        if self.wide:
            column["priority"] = 1
        return column


@dataclass(frozen=True)
class _Definition:
    """What a kind's model does not say of itself."""

    model: type[Model]
    plural: str
    short: str
    columns: tuple[_Column, ...]
    namespaced: bool = True
    record: bool = False

    @property
    def name(self) -> str:
        return f"{self.plural}.{GROUP}"


def _condition(name: str, type_: str, description: str) -> _Column:
    return _Column(name, f'.status.conditions[?(@.type=="{type_}")].status', description=description)


_JUDGED = ".status.result.stages[?(@.warmUp==false)]"
"""The API server prints the first match alone: without this, that would be the warm-up."""

_AGE = _Column("Age", ".metadata.creationTimestamp", type="date")
_DEFINITIONS = (
    _Definition(
        EfficiencyBudget,
        "efficiencybudgets",
        "effb",
        (
            _Column("Target", ".spec.target.name", description="The governed Deployment"),
            _Column("Mode", ".spec.mode", description="Observe, Warn or Enforce"),
            _condition("Ready", "Ready", "Whether the policy is accepted and enforced"),
            _condition("Within", "WithinBudget", "Whether what serves is within its budget"),
            _Column("Stage", ".status.release.stage", description="Where the latest release is"),
            _Column(
                "Share", ".status.release.share", description="Share of the pods that is the candidate's"
            ),
            _Column("Revision", ".status.release.revision", wide=True, description="Revision in the release"),
            _Column("Last good", ".status.lastGood.revision", wide=True, description="The approved revision"),
            _Column(
                "Why", ".status.release.message", wide=True, description="Why the release is in its stage"
            ),
            _AGE,
        ),
    ),
    _Definition(
        Benchmark,
        "benchmarks",
        "bench",
        (
            _Column("Target", ".spec.target.name", description="The Deployment whose pods are measured"),
            _Column("Profile", ".spec.profileRef.name", description="How the model is loaded"),
            _Column("Phase", ".status.phase", description="Pending, Running, Succeeded or Failed"),
            _Column("p99", f"{_JUDGED}.quantiles.p99", description="Latency of the first judged stage"),
            _Column(
                "Errors", f"{_JUDGED}.errors", type="integer", description="Errors of the first judged stage"
            ),
            _Column("Revision", ".spec.revision", description="The measured revision"),
            _Column(
                "TTFT p99",
                f"{_JUDGED}.stream.timeToFirstToken.p99",
                wide=True,
                description="Time to first token of the first judged stage, 99th percentile",
            ),
            _Column(
                "Tokens",
                f"{_JUDGED}.tokens.rate",
                wide=True,
                description="Generated tokens a second of the first judged stage",
            ),
            _Column(
                "Why",
                '.status.conditions[?(@.type=="Complete")].message',
                wide=True,
                description="How the measurement went",
            ),
            _AGE,
        ),
    ),
    _Definition(
        BenchmarkProfile,
        "benchmarkprofiles",
        "benchp",
        (
            _Column("Protocol", ".spec.protocol", description="How the model is spoken to"),
            _Column(
                "Rate", ".spec.stages[?(@.warmUp==false)].rate", description="Rate of the first judged stage"
            ),
            _Column("Dataset", ".spec.dataset.configMap.name", wide=True, description="Where the inputs are"),
            _AGE,
        ),
        namespaced=False,
    ),
    _Definition(
        MetricProfile,
        "metricprofiles",
        "metp",
        (
            _Column("Latency", ".spec.latency.series", description="Histogram of request latencies"),
            _Column("Errors", ".spec.errors.series", description="Counter of failed requests"),
            _Column(
                "Scrape", ".spec.scrapeIntervalSeconds", type="integer", description="Interval in seconds"
            ),
            _AGE,
        ),
        namespaced=False,
    ),
    _Definition(
        EfficiencyDecision,
        "efficiencydecisions",
        "effd",
        (
            _Column("Seq", ".spec.sequence", type="integer", description="Number in the target's chain"),
            _Column("Action", ".spec.action", description="What was decided"),
            _Column("Target", ".spec.target.name", description="The governed Deployment"),
            _Column("Revision", ".spec.revision", description="The revision decided on"),
            _Column("Reason", ".spec.reason", description="Why, in one word"),
            _Column("Budget", ".spec.budget.name", description="The EfficiencyBudget"),
            _Column("Why", ".spec.message", wide=True, description="Why, as a sentence"),
            _AGE,
        ),
        record=True,
    ),
    _Definition(
        EfficiencySignOff,
        "efficiencysignoffs",
        "effs",
        (
            _Column("Budget", ".spec.budget.name", description="The EfficiencyBudget that waits"),
            _Column("Verdict", ".spec.verdict", description="Accept or Refuse"),
            _Column("Approver", ".spec.approver.username", description="The person who signed"),
            _Column("Accepts", ".spec.accepts", description="Objectives whose worsening is accepted"),
            _Column("Decision", ".spec.decision.name", wide=True, description="The record that is signed"),
            _Column("Why", ".spec.justification", wide=True, description="Why"),
            _AGE,
        ),
    ),
)


def definitions() -> list[dict[str, Any]]:
    """The CRDs, as plain dicts."""
    return [_manifest(definition) for definition in _DEFINITIONS]


def _manifest(definition: _Definition) -> dict[str, Any]:
    kind = definition.model.__name__
    schema = structural(definition.model)
    own = schema["properties"]
    has_status = "status" in own
    if has_status:
        own["status"] = as_written(own["status"])
    if definition.record:
        own["spec"] = {**as_written(own["spec"]), RULES: own["spec"][RULES]}
    schema["properties"] = {
        "apiVersion": {"description": f"Group and version of the kind: {GROUP}/{VERSION}.", "type": "string"},
        "kind": {"description": f"The kind: {kind}.", "type": "string"},
        "metadata": {"type": "object"},
        **own,
    }
    version: dict[str, Any] = {"name": VERSION, "served": True, "storage": True}
    if has_status:
        version["subresources"] = {"status": {}}
    version["additionalPrinterColumns"] = [column.manifest() for column in definition.columns]
    version["schema"] = {"openAPIV3Schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": definition.name, "labels": {"app.kubernetes.io/part-of": "tollgate"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if definition.namespaced else "Cluster",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": definition.plural,
                "singular": kind.lower(),
                "shortNames": [definition.short],
                "categories": ["tollgate"],
            },
            "versions": [version],
        },
    }


def files() -> dict[str, str]:
    """File name -> content of every CRD; the same models always give the same bytes."""
    return {
        f"{crd['metadata']['name']}.yaml": _HEADER + yaml.dump(crd, Dumper=_Plain, sort_keys=False, width=110)
        for crd in definitions()
    }


def drift(folder: Path) -> list[str]:
    """Names of the files of `folder` that are not what the models say."""
    return [
        name
        for name, content in files().items()
        if not (folder / name).is_file() or (folder / name).read_text() != content
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the CRDs into each folder; with --check compares, and is 1 where one differs."""
    parser = argparse.ArgumentParser(prog="python -m tollgate.api.crd", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file differs")
    options = parser.parse_args(argv)
    stale = [folder / name for folder in options.folders for name in drift(folder)]
    if options.check:
        for path in stale:
            print(f"{path} is not what the models say: run `python -m tollgate.api.crd`", file=sys.stderr)
        return 1 if stale else 0
    content = files()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content[path.name])
    return 0


if __name__ == "__main__":
    sys.exit(main())
