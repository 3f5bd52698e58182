# The Kubernetes that the demo and the tests run on; included by the Makefile.
CLUSTER := python3 tests/cluster/cli.py

.PHONY: cluster-up
cluster-up: ## Start a Kubernetes for the demo and the tests, or reuse the running one
	@$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## Remove that Kubernetes and every trace of it
	@$(CLUSTER) down

.PHONY: images
images: cluster-up ## Build the images that changed and load them into the cluster
	@$(CLUSTER) images

.PHONY: prometheus
prometheus: cluster-up ## Run Prometheus in the cluster
	@$(CLUSTER) prometheus
