# glm_magic. `make demo` and `make test` do all their own set-up, in .venv.

.DEFAULT_GOAL := help
.PHONY: help demo test quick lint tables browser-setup clean
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# The first Python that is new enough and can make a virtual environment; PYTHON=… chooses another one.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
ROOT_FLAG := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: $(VENV)/.demo ## open the quickstart in JupyterLab, working without any key (ARGS="--no-browser")
	@$(BIN)/python -m glm_magic.local status || true
	GLM_PROVIDER=local $(BIN)/jupyter lab $(ROOT_FLAG) $(ARGS) notebooks/01_first_prompt.ipynb

test: $(VENV)/.test browser-setup lint ## run everything: lint, types, layers, all tests (what CI runs)
	$(BIN)/python -m pytest $(ARGS)

quick: $(VENV)/.test lint ## run the everyday suite, under ten minutes
	$(BIN)/python -m pytest -m "not slow and not browser and not local" $(ARGS)

lint: $(VENV)/.test ## check style, types and the order of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

tables: $(VENV)/.test ## write the generated tables of README.md
	$(BIN)/python -m tests.readme --write

browser-setup:
	@bash tests/browser/setup.sh

$(VENV)/.made:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer with venv is needed; PYTHON=… names one."; exit 1; fi
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet -e . "jupyterlab>=4.4"
	$(BIN)/python -m glm_magic.local install || true
	touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet -e . --group lint --group test --group browser --group sdk
	$(BIN)/python -m glm_magic.local install || true
	touch $@

clean: ## remove the virtual environment and everything that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
