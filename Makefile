# Two commands set everything up: `make demo` and `make test`. Each makes its own .venv once.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test quick check frontend docs matrix licences hosts kernels tables facts bench fuzz browser-ready clean

# The first Python that is new enough and can make a virtual environment.
FITS = import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name -c '$(FITS)' >/dev/null 2>&1 && echo $$name && break; done)

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/done
DEMO_PORT ?= 8888
ARGS ?=
PYTEST_ARGS ?=
FUZZ ?=
# A browser, a JupyterLab and its kernels belong to each, which is enough for two cores.
WORKERS ?= 2
SIDE_BY_SIDE := -n $(WORKERS) --dist loadfile
EVERYDAY := -m 'not slow and not browser and not sdk' --ignore tests/browser
FONTS := fonts-dejavu-core fonts-noto-cjk fonts-noto-color-emoji

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export JUPYTER_PREFER_ENV_PATH := 1

help:
	@echo 'make demo    open the quickstart in JupyterLab with a small model on this computer, no key needed'
	@echo '             (127 MB for the model; DEMO_PORT=9999 and ARGS="--no-browser" go to JupyterLab)'
	@echo 'make test    run everything: style, types, layers, and all tests, in a real browser too'
	@echo 'make quick   run the everyday checks: no browser, no official clients, nothing slow'
	@echo '             (PYTEST_ARGS="tests/core -x" chooses, WORKERS=0 uses one process, for both)'
	@echo 'make frontend check the types of the front end, with Node and JupyterLab'"'"'s own types'
	@echo 'make docs    build the site of guides, lessons and reference: build/docs/html/index.html'
	@echo 'make matrix  run the everyday tests with the lowest and the newest dependencies, on Python $(PYTHONS)'
	@echo '             (PYTHONS=3.13 and DEPENDENCIES=lowest choose)'
	@echo 'make licences list the licences of all that an installation brings along'
	@echo 'make bench   measure what it all costs, and write tests/benchmarks/RESULTS.md (10 minutes)'
	@echo 'make hosts   run every host that can be had, and write what was seen to docs/hosts.md'
	@echo 'make kernels time Stop and interrupt on every ipykernel from 6.29 on'
	@echo 'make fuzz    spoil the input of every reader for 9 minutes; FUZZ="markdown 3600" chooses'
	@echo 'make tables  write the generated tables of docs/ and of the front end'
	@echo 'make facts   compare prices and limits with the newest genai-prices package'
	@echo 'make clean   remove the virtual environment and all caches'
	@echo 'PYTHON=…     the Python to use; now: $(or $(PYTHON),none that is 3.11 or newer and has venv)'

$(DONE)/venv:
	@test -n "$(PYTHON)" || { echo 'No Python 3.11 or newer with the venv module was found.' >&2; \
		echo 'Install one (on Debian: apt-get install python3-venv) or name it: make PYTHON=…' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@mkdir -p $(DONE) && touch $@

# An editable install copies the front end, so a change of it installs again.
$(DONE)/package: $(DONE)/venv pyproject.toml $(shell find labextension -type f)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(DONE)/lab: $(DONE)/package
	$(BIN)/python -m pip install --quiet 'jupyterlab>=4.4' 'ipykernel>=6.29'
	@touch $@

$(DONE)/tools: $(DONE)/package
	$(BIN)/python -m pip install --quiet --group test --group lint
	@touch $@

$(DONE)/docs: $(DONE)/package
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

$(DONE)/everything: $(DONE)/tools $(DONE)/docs
	$(BIN)/python -m pip install --quiet --group browser --group sdk --group release
	@touch $@

# Hosts that do not belong into the environment of the tests: each gets one of its own. What cannot
# be had is left out, and the tests that need it say so when they skip.
HOSTS := $(VENV)/hosts
OLDEST_LAB := 4.0
OLDEST_KERNEL := 6.29
$(DONE)/hosts: $(DONE)/tools pyproject.toml
	@rm -rf $(HOSTS) && mkdir -p $(HOSTS)
	@$(BIN)/python -m venv $(HOSTS)/env && $(BIN)/python -m pip --python $(HOSTS)/env/bin/python \
		install --quiet --group hosts --editable . \
		|| { echo '(without other hosts)'; rm -rf $(HOSTS)/env; }
	@$(BIN)/python -m venv $(HOSTS)/jupyterlab-$(OLDEST_LAB) \
		&& $(HOSTS)/jupyterlab-$(OLDEST_LAB)/bin/python -m pip install --quiet \
			'jupyterlab==$(OLDEST_LAB).*' anywidget \
		|| { echo '(without JupyterLab $(OLDEST_LAB))'; rm -rf $(HOSTS)/jupyterlab-$(OLDEST_LAB); }
	@$(BIN)/python -m venv $(HOSTS)/together && $(HOSTS)/together/bin/python -m pip install --quiet \
		jupyterlab jupyter-collaboration anywidget \
		|| { echo '(without jupyter-collaboration)'; rm -rf $(HOSTS)/together; }
	@$(BIN)/python -m venv $(HOSTS)/hub && $(HOSTS)/hub/bin/python -m pip install --quiet \
		jupyterhub jupyterlab --editable . \
		&& npm install --silent --prefix $(HOSTS)/hub configurable-http-proxy \
		|| { echo '(without JupyterHub)'; rm -rf $(HOSTS)/hub; }
	@$(BIN)/python -m pip install --quiet --no-deps --target $(HOSTS)/jupyterlab-vim \
		'jupyterlab-vim>=4.1' || echo "(without vim's keys)"
	@$(BIN)/python -m pip install --quiet --no-deps --target $(HOSTS)/ipykernel-$(OLDEST_KERNEL) \
		'ipykernel==$(OLDEST_KERNEL).*' || echo '(without ipykernel $(OLDEST_KERNEL))'
	@$(BIN)/python -m scripts.requirements lowest > $(VENV)/lowest.txt
	@$(BIN)/python -m pip install --quiet --no-warn-conflicts --target $(HOSTS)/lowest \
		--requirement $(VENV)/lowest.txt \
		|| { echo '(without the lowest requirements)'; rm -rf $(HOSTS)/lowest; }
	@touch $@

# Where there is no ready-made model, this says what to do instead, and the rest goes on without it.
$(DONE)/model: $(DONE)/package glm_magic/local/install.py
	@if $(BIN)/python -m glm_magic.local install; then touch $@; else echo '(without the local model)'; fi

# The local model is chosen, unless the person chose another provider; without either, it says so.
demo: $(DONE)/lab $(DONE)/model
	@$(BIN)/python -m glm_magic.local status || test -n "$${GLM_PROVIDER:-}" || exit 1
	@echo 'Opening notebooks/01_first_prompt.ipynb; the address to open is printed below.'
	@GLM_PROVIDER="$${GLM_PROVIDER:-local}" $(BIN)/jupyter lab notebooks/01_first_prompt.ipynb \
		--ip 127.0.0.1 --port $(DEMO_PORT) \
		$$(test "$$(id -u)" != 0 || echo --allow-root) \
		$$(test "$$(uname)" != Linux || test -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" || echo --no-browser) \
		$(ARGS)

check: $(DONE)/tools
	$(BIN)/ruff check
	$(BIN)/ruff format --check glm_magic scripts tests
	$(BIN)/mypy
	$(BIN)/lint-imports

# The front end is plain JavaScript; Node is wanted for this check only.
TYPES := $(VENV)/typecheck
frontend:
	@if ! command -v npm >/dev/null; then \
		echo 'The types of the front end were not checked: there is no Node here.'; exit 0; fi; \
	mkdir -p $(TYPES); \
	cmp -s scripts/typecheck/package.json $(TYPES)/package.json || { \
		cp scripts/typecheck/package.json $(TYPES)/ && npm install --prefix $(TYPES) --no-audit --no-fund --silent; } || { \
		rm -f $(TYPES)/package.json; \
		echo 'The types of the front end were not checked: JupyterLab'"'"'s own could not be had.'; exit 0; }; \
	$(TYPES)/node_modules/.bin/tsc --project scripts/typecheck && echo 'The types of the front end are right.'

test: $(DONE)/everything $(DONE)/hosts $(DONE)/model browser-ready check frontend
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST_ARGS)

quick: $(DONE)/tools check
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(EVERYDAY) $(PYTEST_ARGS)

# A test that saw something else than docs/hosts.md says fails in `make test`.
hosts: $(DONE)/everything $(DONE)/hosts browser-ready
	GLM_RECORD_HOSTS=1 $(BIN)/python -m pytest tests/browser/test_hosts.py tests/hosts $(PYTEST_ARGS)
	$(BIN)/python scripts/readme_tables.py --write

# Stop and interrupt in JupyterLab and Notebook 7, on every ipykernel that is promised. With 7.3.0
# one page in some thirty waits for an idle kernel for ever, with plain cells just the same.
KERNELS := 6.29.5 6.30.1 6.31.0 7.0.1 7.1.0 7.2.0 7.3.0
kernels: $(DONE)/everything browser-ready
	@for version in $(KERNELS); do \
		test -d $(VENV)/kernels/$$version || $(BIN)/python -m pip install --quiet --no-deps \
			--target $(VENV)/kernels/$$version ipykernel==$$version; done
	GLM_KERNELS=$(abspath $(VENV)/kernels) $(BIN)/python -m pytest tests/browser/test_stop.py -s $(PYTEST_ARGS)

# Nothing is fetched, no lesson is run, and a warning is an error: a link that leads nowhere, too.
SITE := build/docs
docs: $(DONE)/docs
	$(BIN)/python -m sphinx -q -W --keep-going -c docs -d $(SITE)/doctrees -b html . $(SITE)/html
	@echo 'The site is in $(SITE)/html; open index.html.'

# Each Python is looked for on the PATH, then among those of pyenv. Only the package's own
# requirements are held at their lowest; the tools of the tests are the newest, and MCP is left out.
PYTHONS ?= 3.11 3.12 3.13
DEPENDENCIES ?= lowest newest
matrix: $(DONE)/tools
	@$(BIN)/python -m scripts.requirements lowest > $(VENV)/lowest.txt; : > $(VENV)/newest.txt
	@for version in $(PYTHONS); do \
		python=$$(for name in python$$version "$$(pyenv root 2>/dev/null)"/versions/$$version.*/bin/python; do \
			"$$name" -c 'import ensurepip' >/dev/null 2>&1 && echo "$$name" && break; done || true); \
		test -n "$$python" || { echo "(without Python $$version)"; continue; }; \
		for which in $(DEPENDENCIES); do \
			there=$(VENV)/matrix/$$version-$$which; \
			group=$$(test $$which = lowest && echo test-lowest || echo test); \
			echo "Python $$version, $$which dependencies"; \
			rm -rf $$there && "$$python" -m venv $$there; \
			$(BIN)/python -m pip --python $$there/bin/python install --quiet \
				--constraint $(VENV)/$$which.txt --editable . --group $$group; \
			$$there/bin/python -m pytest $(SIDE_BY_SIDE) $(EVERYDAY) $(PYTEST_ARGS); \
		done; \
	done

licences: $(DONE)/tools
	@$(BIN)/python -m scripts.requirements licences

tables: $(DONE)/package
	$(BIN)/python scripts/readme_tables.py --write
	$(BIN)/python scripts/frontend_words.py --write

# It prints what differs and changes nothing: facts come from the providers' own pages.
facts: $(DONE)/package
	@$(BIN)/python -m pip install --quiet --upgrade genai-prices
	@$(BIN)/python scripts/compare_facts.py

$(DONE)/bench: $(DONE)/package pyproject.toml
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

bench: $(DONE)/everything $(DONE)/bench browser-ready
	$(BIN)/python -m tests.benchmarks --write

# The browser tests need a Chromium, and fonts for Chinese and emoji to be measured with.
browser-ready:
	@if command -v chromium >/dev/null && test -n "$$(fc-list :lang=zh-cn 2>/dev/null)"; then exit 0; fi; \
	if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
		echo 'Installing Chromium and fonts.'; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq; \
		apt-get install -qq -y --no-install-recommends chromium fontconfig $(FONTS) >/dev/null; \
	else \
		echo 'The browser tests need chromium on the PATH and a Chinese font, for example:' >&2; \
		echo '  sudo apt-get install chromium fontconfig $(FONTS)' >&2; exit 1; \
	fi

# Guided by coverage where atheris has a wheel for this Python, else at random.
fuzz: $(DONE)/tools
	@$(BIN)/python -m pip install --quiet --only-binary=:all: --group fuzz || echo '(without atheris)'
	$(BIN)/python -m tests.fuzz.coverage_guided $(FUZZ)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
