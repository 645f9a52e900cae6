# Every target sets up what it needs. `make compare`, `make ui` and `make test` are all that a newcomer needs.
PYTHON  ?= python3.11
BIN     := .venv/bin
PIP      = $(1)/bin/python -m pip --disable-pip-version-check --quiet
SERVICES := $(patsubst %/service.toml,%,$(wildcard services/*/service.toml))

# A stamp is touched last, so an installation that was cut short is begun again.
STAMPS     := .venv/.setup $(SERVICES:%=%/.venv/.setup)
DEV_STAMPS := .venv/.setup-dev $(SERVICES:%=%/.venv/.setup-test)

.PHONY: help setup compare ui test check format lock clean
help:     ## what can be made
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(STAMPS)  ## one virtual environment for the platform and one for each folder in services/

compare: setup  ## TensorFlow against PyTorch on the quickstart study, here, in under three minutes
	@$(BIN)/levelfield run studies/quickstart.yaml

ui: setup  ## the report on the stored results, in the browser
	@$(BIN)/streamlit run ui/app.py

test: $(STAMPS) $(DEV_STAMPS)  ## every test, the services' contract suite in their own environments included
	@$(BIN)/python -m pytest

check: .venv/.setup-dev  ## linters alone: ruff, mypy, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

format: .venv/.setup-dev  ## let ruff put the code in order
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock: .venv/.setup-dev  ## pin every requirement again, from the .in files
	@BIN=$(abspath $(BIN)) sh requirements/lock.sh

clean:  ## remove the environments; results stay
	rm -rf .venv services/*/.venv

.venv/.setup: requirements/core.txt pyproject.toml
	@echo "setting up .venv (core, orchestrator, report) ..."
	@$(PYTHON) -m venv .venv
	@$(call PIP,.venv) install -r requirements/core.txt
	@$(call PIP,.venv) install --no-deps --editable .
	@touch $@

services/%/.venv/.setup: services/%/requirements.txt
	@echo "setting up $(@D) ..."
	@$(PYTHON) -m venv $(@D)
	@$(call PIP,$(@D)) install -r $<
	@touch $@

.venv/.setup-dev: requirements/dev.txt .venv/.setup
	@$(call PIP,.venv) install -r requirements/dev.txt
	@touch $@

services/%/.venv/.setup-test: requirements/test.txt services/%/.venv/.setup
	@$(call PIP,$(@D)) install -r requirements/test.txt
	@touch $@
