"""Benchmarks a version on this machine, without a cluster, for `tollgate check` to judge: what a CI job would do.

Starts the version's real server on a free port, runs the load of tollgate/benchmark-profile.yaml against it, and prints
the result as JSON. A CI machine is no production machine: give it limits of its own, or compare two results that were
measured on it one after the other.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from calibrate import HERE, VERSIONS, environment, running
from handwriting import load
from inputs import dataset


def plan(profile: dict[str, Any], budget: dict[str, Any], url: str) -> dict[str, Any]:
    """What the load generator is told: the profile, the latencies of the budget to count at, and the server."""
    limits = [o["max"] for o in budget["spec"]["objectives"] if o.get("statistic", "Mean") != "Mean"]
    return {"profile": profile["spec"], "limits": limits, "targets": [urlsplit(url).netloc]}


def main() -> None:
    """Print the result of one version."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("version", choices=VERSIONS)
    parser.add_argument("--profile", type=Path, default=HERE / "tollgate" / "benchmark-profile.yaml")
    parser.add_argument("--budget", type=Path, default=HERE / "tollgate" / "budget.yaml")
    given = parser.parse_args()
    profile, budget = (yaml.safe_load(path.read_text()) for path in (given.profile, given.budget))
    with tempfile.TemporaryDirectory() as folder, running(environment(given.version), None) as url:
        told, inputs = Path(folder, "plan.json"), Path(folder, "dataset.json")
        told.write_text(json.dumps(plan(profile, budget, url)))
        inputs.write_text(dataset(load()))
        bench = [sys.executable, "-m", "tollgate.bench", "--plan", told, "--dataset", inputs, "--output", "-"]
        sys.exit(subprocess.run(bench, check=False).returncode)


if __name__ == "__main__":
    main()
