"""Benchmarks a version on this machine, without a cluster, for `tollgate check` to judge: what a CI job would do.

Starts the version's real server on a free port, runs the load of tollgate/benchmark-profile.yaml against it, and prints
the result as JSON. A CI machine is no production machine: give it limits of its own, or compare two results that were
measured on it one after the other.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from calibrate import HERE, VERSIONS, environment, running
from handwriting import load
from inputs import dataset


def main() -> None:
    """Print the result of one version."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("version", choices=VERSIONS)
    parser.add_argument("--profile", type=Path, default=HERE / "tollgate" / "benchmark-profile.yaml")
    parser.add_argument("--budget", type=Path, default=HERE / "tollgate" / "budget.yaml")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(environment(given.version), None) as url:
        inputs = Path(folder, "dataset.json")
        inputs.write_text(dataset(load()))
        command = [
            sys.executable,
            "-m",
            "tollgate.cli.main",
            "bench",
            "run",
            "--url",
            url,
            "--dataset",
            inputs,
        ]
        files = ["--profile", given.profile, "-f", given.budget]
        sys.exit(subprocess.run([*command, *files], check=False).returncode)


if __name__ == "__main__":
    main()
