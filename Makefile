# hilum: `make run` carries the embedded collection from raw files to a page of results, `make test` runs the tests,
# `make check` formats, lints and types. Each makes .venv first when it is missing or out of date.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

export DVC_NO_ANALYTICS := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
export HF_HUB_OFFLINE := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: setup run test test-all check

setup: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@echo "setup: making .venv with $(PYTHON) and installing the packages of constraints.txt (about 5 minutes)"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else "setup: hilum needs Python 3.11; call make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "setup: torch first, so that a CPU build is kept where there is one"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 -c constraints.txt
	@echo "setup: everything else"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@
	@echo "setup: done"

run: setup
	@echo "run: dvc repro, from raw files to reports/index.html (about 15 minutes on 2 cores)"
	@$(BIN)/dvc repro
	@echo "run: done; open $(CURDIR)/reports/index.html"

test: setup
	@echo "test: the everyday tests (about 14 minutes on 2 cores; make test-all adds the slow and the long ones)"
	@$(BIN)/python -m pytest -m "not slow and not long and not gpu"

test-all: setup
	@$(BIN)/python -m pytest -m "not gpu"

check: setup
	@$(BIN)/ruff format src flows tests
	@$(BIN)/ruff check --fix src flows tests
	@$(BIN)/mypy
