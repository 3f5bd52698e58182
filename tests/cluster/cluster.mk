# The Kubernetes that the demo and the tests run on; included by the Makefile.
CLUSTER := python3 tests/cluster/cli.py

.PHONY: cluster-up cluster-down images

cluster-up: ## Start a Kubernetes for the demo and the tests, or reuse the running one
	@$(CLUSTER) up

cluster-down: ## Remove that Kubernetes and every trace of it
	@$(CLUSTER) down

images: cluster-up ## Build the images that changed and load them into the cluster
	@$(CLUSTER) images
