# Every target sets up what it needs. `make compare`, `make ui` and `make test` are all that a newcomer needs.
PYTHON  ?= python3.11
BIN     := .venv/bin
PIP      = $(1)/bin/python -m pip --disable-pip-version-check --quiet
SERVICES := $(patsubst %/service.toml,%,$(wildcard services/*/service.toml))

# A stamp is touched last, so an installation that was cut short is begun again.
STAMPS     := .venv/.setup $(SERVICES:%=%/.venv/.setup)
DEV_STAMPS := .venv/.setup-dev $(SERVICES:%=%/.venv/.setup-test)

COMPOSE  ?= docker compose
KUBE     := k8s/platform/secrets
DEPLOY   ?= .deploy
SECRETS  := $(DEPLOY)/ray_token $(DEPLOY)/postgres_password
export DEPLOY
.DELETE_ON_ERROR:

.PHONY: help setup compare ui test check format lock clean secrets images up down test-containers
help:     ## what can be made
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 17

setup: $(STAMPS)  ## one virtual environment for the platform and one for each folder in services/

compare: setup  ## TensorFlow against PyTorch on the quickstart study, here, in under three minutes
	@$(BIN)/levelfield run studies/quickstart.yaml

ui: setup  ## the report on the stored results, in the browser
	@$(BIN)/python -m ui

test: $(STAMPS) $(DEV_STAMPS)  ## every test, the services' contract suite in their own environments included
	@$(BIN)/python -m pytest

check: .venv/.setup-dev  ## linters alone: ruff, mypy, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-logo

format: .venv/.setup-dev  ## let ruff put the code in order
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

lock: .venv/.setup-dev  ## pin every requirement again, from the .in files
	@BIN=$(abspath $(BIN)) sh requirements/lock.sh

secrets: $(SECRETS) $(SECRETS:$(DEPLOY)/%=$(KUBE)/%)  ## random ones, made once, for docker compose and Kubernetes

images: $(SECRETS)  ## build the containers' images, and note their digests for the results
	@GIT_COMMIT=$$(git rev-parse HEAD 2>/dev/null) \
	    GIT_CLEAN=$$(git diff --quiet HEAD 2>/dev/null && echo true || echo false) $(COMPOSE) build
	@set -e; for image in $$($(COMPOSE) config --images | grep '^levelfield/' | sort -u); do \
	    digest=$$(docker image inspect --format '{{.Id}}' "$$image"); name=$${image#levelfield/}; \
	    printf 'LEVELFIELD_IMAGE=%s\nLEVELFIELD_IMAGE_DIGEST=%s\n' "$$image" "$$digest" > $(DEPLOY)/$${name%%:*}.env; done

up: images  ## the whole platform in containers on this machine; the report at http://localhost:8501
	@$(COMPOSE) up --wait

down:  ## end it; results, data and checkpoints stay in their volumes
	@$(COMPOSE) down

test-containers: .venv/.setup-dev  ## build the images and try the platform in them; needs a running Docker engine
	@$(BIN)/python -m pytest tests/containers

clean:  ## remove the environments; results stay
	rm -rf .venv services/*/.venv

.venv/.setup: requirements/core.txt pyproject.toml
	@echo "setting up .venv (core, orchestrator, report) ..."
	@$(PYTHON) -m venv .venv
	@sh requirements/install.sh .venv/bin/python requirements/core.txt
	@$(call PIP,.venv) install --no-deps --editable .
	@touch $@

services/%/.venv/.setup: services/%/requirements.txt
	@echo "setting up $(@D) ..."
	@$(PYTHON) -m venv $(@D)
	@sh requirements/install.sh $(@D)/bin/python $<
	@touch $@

.venv/.setup-dev: requirements/dev.txt .venv/.setup
	@sh requirements/install.sh .venv/bin/python requirements/dev.txt
	@touch $@

services/%/.venv/.setup-test: requirements/test.txt services/%/.venv/.setup
	@sh requirements/install.sh $(@D)/bin/python requirements/test.txt
	@touch $@

# The folder is its owner's alone; the files can be read by all, because a container's user, who is another one, is given them one by one.
$(SECRETS):
	@mkdir -p -m 700 $(DEPLOY)
	@od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > $@ && chmod 644 $@

$(KUBE)/%: $(DEPLOY)/%
	@mkdir -p -m 700 $(@D)
	@cp $< $@
