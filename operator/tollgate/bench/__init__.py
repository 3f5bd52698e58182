"""The load generator that runs in the benchmark Job: `python -m tollgate.bench`.

It loads a model server's pods on a schedule made ahead, and hands back counts that can be trusted, or says
why they cannot. It knows nothing of Kubernetes: its input is two files, its output a termination message.
"""
