# The two commands of the README are `make lab` and `make test`. Everything else is for developers.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help
help: ## say what the targets are
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/run.stamp: requirements-lab.lock pyproject.toml
	@echo "Installing regionkms into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-lab.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . 2>/dev/null \
	  || $(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@echo "Installing what tests and checks need ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: lab
lab: $(VENV)/run.stamp ## start three Regions and show a round trip across them
	@$(BIN)/python tools/get_etcd.py
	@$(BIN)/regionkms lab up --detach
	@$(BIN)/python examples/tour.py

.PHONY: lab-down
lab-down: ## stop the lab
	@$(BIN)/regionkms lab down

.PHONY: services
services: $(VENV)/dev.stamp ## install etcd and PostgreSQL for the tests, if they are missing
	@$(BIN)/python tools/get_services.py

.PHONY: check
check: $(VENV)/dev.stamp ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

.PHONY: test
test: services check ## everything: checks, then the whole suite
	$(BIN)/python -m pytest -q tests/unit tests/property -n 2
	$(BIN)/python -m pytest -q tests/integration tests/contract tests/cluster

.PHONY: campaign-kill
campaign-kill: $(VENV)/dev.stamp ## kill workers and agent 200 times under load, then check everything
	$(BIN)/python -m tests.campaigns.kill_campaign --kills 200

.PHONY: campaign-mutation
campaign-mutation: $(VENV)/dev.stamp ## send 200,000 mutated requests to a node
	$(BIN)/python -m tests.campaigns.mutation_campaign --requests 200000

.PHONY: bench
bench: $(VENV)/dev.stamp ## measure against the floor and write docs/performance.md (about a quarter of an hour)
	$(BIN)/python -m bench.run --write

.PHONY: bench-quick
bench-quick: $(VENV)/dev.stamp ## the ratios to the floor, short
	$(BIN)/python -m bench.run --quick

.PHONY: lock
lock: ## pin and hash the dependencies anew
	$(PYTHON) -m uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements.in -o requirements.lock
	$(PYTHON) -m uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -c requirements-dev.lock requirements-lab.in -o requirements-lab.lock
	$(PYTHON) -m uv pip compile -q --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements-dev.in -o requirements-dev.lock

.PHONY: generate
generate: $(VENV)/dev.stamp ## write the generated code anew (API shapes, protobuf)
	$(BIN)/python tools/generate_shapes.py
	$(BIN)/python tools/generate_proto.py
	$(BIN)/python -m tools.generate_cli_reference
	$(BIN)/python -m tools.generate_reference
	$(BIN)/python -m tools.feature_table
