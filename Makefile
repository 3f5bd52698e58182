# Every target does its own set-up and says what it does. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

include tests/cluster/cluster.mk

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.11 or newer."; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "python3 is $$(python3 -V 2>&1): Python 3.11 or newer is needed."; exit 1; }
	@echo "==> virtual environment: installing the pinned packages (about a minute, once)"
	@python3 -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

.PHONY: venv
venv: $(STAMP) ## Make the virtual environment

.PHONY: demo
demo: venv cluster-up images prometheus ## Five releases on a real cluster: two good ones, three bad ones
	@PYTHONPATH=. $(PY) -m examples.digits.demo

.PHONY: test
test: lint unit browser cluster-up images prometheus ## Everything: lint, types, unit, browser, contract and end-to-end tests
	@echo "==> contract and end-to-end tests on the real cluster"
	@$(PY) -m pytest tests/contract tests/e2e

.PHONY: unit
unit: venv ## Unit, property and golden tests, simulations: no cluster needed
	@echo "==> unit, property and golden tests, simulations"
	@$(PY) -m pytest -q -n auto --dist worksteal tests/unit tests/property tests/golden tests/simulation

.PHONY: browser
browser: venv ## Look at the report page in a real browser; Debian's Chromium is installed where there is none
	@$(PY) -m tests.browser
	@echo "==> the report page in a browser"
	@$(PY) -m pytest -q tests/browser

.PHONY: lint
lint: venv ## Format, lint, types, layers, generated files
	@echo "==> ruff, mypy, import-linter, generated CRDs and schema"
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m tollgate.api.crd --check crds
	@$(PY) -m tollgate.api.schema --check schemas

.PHONY: format
format: venv ## Format the code and mend what ruff can mend
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

.PHONY: crds
crds: venv ## Generate crds/ and schemas/ from the models
	@$(PY) -m tollgate.api.crd crds
	@$(PY) -m tollgate.api.schema schemas

.PHONY: plots
plots: venv ## Draw the plots of docs/statistics.md again
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -e '.[docs]'
	@$(PY) -m docs.plots.make

.PHONY: clean
clean: ## Remove what was built here; the cluster and its cache stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
