"""Writes what the installs hold in copy: `python charts/render.py [--check]`, with $HELM or helm on the PATH.

    crds/, charts/tollgate/files/crds/     from the models         (tollgate.api.crd)
    charts/tollgate/files/latch.yaml       from its builder        (tollgate.manifests.latch)
    charts/tollgate/files/approver.yaml    from its builder        (tollgate.manifests.approver)
    charts/tollgate/files/guard.yaml       from its builder        (tollgate.manifests.guard)
    charts/plain/                          from the chart          (helm template, default values)

`--check` writes nothing and fails where a file differs from its source.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import yaml

from tollgate.api import crd
from tollgate.manifests.approver import approver_binding, approver_policy
from tollgate.manifests.guard import guard_binding, guard_policy, service_account
from tollgate.manifests.latch import latch_binding, latch_policy

CHARTS = Path(__file__).resolve().parent
CHART = CHARTS / "tollgate"
PLAIN = CHARTS / "plain"
CRD_FOLDERS = (CHARTS.parent / "crds", CHART / "files/crds")
NAMESPACE = "tollgate-system"


POLICIES = {
    "latch": (latch_policy, latch_binding),
    "approver": (approver_policy, approver_binding),
    # Helm fills in the namespace. Without a space within, no line of YAML is broken there.
    "guard": (lambda: guard_policy(service_account("{{.Release.Namespace}}")), guard_binding),
}


def policies() -> dict[Path, str]:
    """The admission policies, for the chart."""
    header = "# Generated from tollgate.manifests.{} by charts/render.py. Do not edit.\n"
    return {
        CHART / f"files/{name}.yaml": header.format(name)
        + yaml.safe_dump_all([build() for build in builders], sort_keys=False, width=110)
        for name, builders in POLICIES.items()
    }


def plain(helm: str) -> dict[Path, str]:
    """The chart with its default values, for kubectl. Kustomize makes the ConfigMap: overlays can replace it."""
    rendered = subprocess.run(
        [helm, "template", "tollgate", str(CHART), "--namespace", NAMESPACE, "--set", "crds.install=false"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    objects = [obj for obj in yaml.safe_load_all(rendered) if obj]
    (config,) = (obj for obj in objects if obj["kind"] == "ConfigMap")
    objects.remove(config)
    header = "# Generated from charts/tollgate by charts/render.py. Do not edit: overlay it.\n"
    return {
        PLAIN / "tollgate.yaml": header + yaml.safe_dump_all(objects, sort_keys=False, width=110),
        PLAIN / "config.yaml": header + config["data"]["config.yaml"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file differs")
    check = parser.parse_args().check
    failed = crd.main([*map(str, CRD_FOLDERS), *(["--check"] if check else [])])
    # The chart is rendered from files on disk, so the policies have to be there first.
    for source in (policies, lambda: plain(os.environ.get("HELM", "helm"))):
        for path, content in source().items():
            if path.is_file() and path.read_text() == content:
                continue
            if check:
                print(f"{path} is not what its source says: run charts/render.py", file=sys.stderr)
                failed = 1
            else:
                path.write_text(content)
    return failed


if __name__ == "__main__":
    sys.exit(main())
