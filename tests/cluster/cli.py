"""The command line: `python3 -m tests.cluster COMMAND`, or `python3 tests/cluster/cli.py COMMAND` from anywhere.

Answers go to standard output, what happens meanwhile to standard error.
"""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

if not __package__:
    # Run as a file: Python then looks for modules beside it, where the package `tests` is not.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tests.cluster import gobuild, images, paths, prometheus
from tests.cluster.cluster import chosen, forget, remember, running
from tests.cluster.errors import ClusterError
from tests.cluster.say import duration, say


def up(arguments: argparse.Namespace) -> None:
    """start the cluster, or reuse the running one; prints its kubeconfig's path"""
    began = time.monotonic()
    cluster = chosen(announce=True)
    cluster.up()
    remember(cluster)
    say(f"the cluster is up ({duration(time.monotonic() - began)})")
    print(cluster.kubeconfig)


def down(arguments: argparse.Namespace) -> None:
    """remove the cluster and every trace of it; built programs and images stay in the cache"""
    chosen(announce=True).down()
    forget()


def kubeconfig(arguments: argparse.Namespace) -> None:
    """print the path of the cluster's kubeconfig"""
    print(running().kubeconfig)


def build_images(arguments: argparse.Namespace) -> None:
    """build the images whose inputs changed, load them, and print their names as NAME=VALUE"""
    cluster = running()
    for image in (images.OPERATOR, images.DIGITS):
        print(f"{image.variable}={images.ensure(cluster, image)}", flush=True)


def run_prometheus(arguments: argparse.Namespace) -> None:
    """run Prometheus in the cluster; prints its address as seen from this machine"""
    print(prometheus.ensure(running()))


def audit_log(arguments: argparse.Namespace) -> None:
    """print the path of the API server's audit log (JSON lines)"""
    log = running().audit_log
    if log is None:
        raise ClusterError(
            "The audit log of a cluster of your own cannot be read from here: unset TOLLGATE_CONTEXT."
        )
    print(log)


def tool(arguments: argparse.Namespace) -> None:
    """print the path of helm, kubectl or prometheus, compiled if the machine lacks it"""
    print(gobuild.tool(arguments.name))


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "up": up,
    "down": down,
    "kubeconfig": kubeconfig,
    "images": build_images,
    "prometheus": run_prometheus,
    "audit-log": audit_log,
    "tool": tool,
}


def main() -> int:
    """Runs the command that the arguments name; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tests.cluster", description="The Kubernetes of the demo and the tests."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        subparser.set_defaults(command=command)
        if command is tool:
            subparser.add_argument("name", choices=sorted([*gobuild.TOOLS, "kind"]))
    arguments = parser.parse_args()
    try:
        with (
            _alone() if arguments.command in (up, down, build_images, run_prometheus, tool) else nullcontext()
        ):
            arguments.command(arguments)
    except ClusterError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        return 130
    return 0


@contextmanager
def _alone() -> Iterator[None]:
    """Keeps two commands from changing the cluster at the same time."""
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with (paths.CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another command on the cluster to finish")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
