# Everything runs in .venv, which tools/bootstrap.sh makes from requirements.lock; the system's Python is left alone.
# Servers that demo, test and check need are installed where that is allowed; otherwise the command to run is printed.

.DEFAULT_GOAL := help
.PHONY: help demo test check lint format types lock bench chaos setup redis servers clean

BIN := .venv/bin
ARGS ?=

help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup redis ## see everything work on this machine
	@$(BIN)/standdown demo $(ARGS)

test: setup servers ## run the tests (ARGS="tests/unit -k retry" for some of them)
	@$(BIN)/python -m pytest $(ARGS)

check: lint format types test ## lint, format, types, then all tests: what CI runs

lint: setup
	@$(BIN)/ruff check .

format: setup
	@$(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

# The oracle's crcmod is a source package that wants a C compiler: crcmod-plus gives the same module as a wheel.
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --system-certs --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --extra credentials

lock: setup ## write the lock files anew (ARGS=--upgrade for the newest versions)
	@$(COMPILE) $(ARGS) --group dev --no-emit-package crcmod --output-file requirements.lock
	@$(COMPILE) --constraint requirements.lock --output-file requirements.runtime.lock
	@! grep -nE '://|^ *-(-index|-extra-index|-find-links|i |f )' requirements.lock requirements.runtime.lock

bench: setup servers ## measure what the README claims
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: setup servers ## kill workers and brokers while commands run, and count
	@$(BIN)/python -m benchmarks.chaos $(ARGS)

setup: ## make .venv, or bring it up to date
	@tools/bootstrap.sh venv

redis:
	@tools/bootstrap.sh redis

servers: setup
	@tools/bootstrap.sh servers

clean: ## remove .venv and all caches
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
