"""Tollgate: efficiency as a release criterion for model deployments on Kubernetes."""

__version__ = "0.1.0"
