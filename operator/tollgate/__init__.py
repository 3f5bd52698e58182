"""Tollgate: efficiency as a release criterion for model deployments on Kubernetes."""
