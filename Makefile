# `make run` and `make test` do all of their set-up on a fresh machine with Python 3.11 to 3.13.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] < (3,14))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
CATALOG ?= catalogs/sample/products.csv
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run plan test test-all lint bench clean system stack stack-stop chaos

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/.run-ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and none was found; install one or set PYTHON=..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Setting up .venv (some minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/.test-ready: .venv/.run-ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

system:  ## browser, fonts, exiftool and PostgreSQL for the tests that use them, where this machine lets us
	@sh infra/system-packages.sh

run: .venv/.run-ready  ## render the sample catalogue (or CATALOG=...) into out/
	@$(BIN)/shangxin run $(CATALOG) $(ARGS)

plan: .venv/.run-ready  ## what a run would do, without doing it
	@$(BIN)/shangxin plan $(CATALOG) $(ARGS)

lint: .venv/.test-ready  ## style, types, import contracts, templates
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/shangxin lint

test: .venv/.test-ready system lint  ## lint, types, contracts and the test suite
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not slow and not gpu" $(ARGS)

test-all: .venv/.test-ready system lint  ## the same and the slow tests
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: .venv/.test-ready  ## speed and memory, as ratios within one run
	@$(BIN)/python -m tests.bench

stack: .venv/.test-ready system  ## Prefect, PostgreSQL, an S3 stand-in, one CPU worker, two agents, as plain processes
	@$(BIN)/python -m flows.stack start $(ARGS)

stack-stop:  ## end them
	@$(BIN)/python -m flows.stack stop

chaos: .venv/.test-ready system  ## random harm to real processes, 50 rounds; the end must be as undisturbed
	@$(BIN)/python -m tests.chaos $(ARGS)

clean:  ## forget the output (masters, ledger, Prefect's own files)
	rm -rf out
