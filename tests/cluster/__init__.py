"""Brings up the real Kubernetes that the demo and the tests run on.

Why it exists: nothing about an operator is proven by a fake API server. `make demo` and `make test` must work on
any Linux machine, with or without a container engine, so this package finds a cluster or makes one.

It uses the standard library only and runs on the system's Python, before any virtual environment exists. It must
not touch the user's own kubeconfig, container engine or clusters.
"""
