# Two commands on a fresh machine with Python 3.11+ and pip: `make demo` and `make test`. Each does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check bench soak screens lock clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(VENV)/.installed  ## make .venv with everything that running needs

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Vitaal needs Python 3.11 or newer: set PYTHON=/path/to/python3.11")'
	@echo "Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV) 2>/dev/null && test -x $(BIN)/pip || { rm -rf $(VENV); $(PYTHON) -m pip install --quiet --user virtualenv && $(PYTHON) -m virtualenv --quiet $(VENV); }
	@touch $@

$(VENV)/.installed: $(VENV)/.made requirements.lock pyproject.toml
	@echo "Installing what running needs (once; about a minute)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed requirements-dev.lock
	@echo "Installing what testing needs (once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: setup  ## the whole main job on SQLite, in ./vitaal-demo
	@$(BIN)/vitaal demo

serve: setup  ## serve the demo's pages on http://127.0.0.1:8000, making the demo where there is none
	@test -e vitaal-demo/.vitaal-demo || $(BIN)/vitaal demo
	@$(BIN)/vitaal serve --dir vitaal-demo --worker

# Compiled code is kept whatever the shell says: each worker and each command that a test starts would compile it again.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.developing  ## all tests
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -q

check: $(VENV)/.developing  ## style, types, imports, migrations, translations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright
	@$(BIN)/lint-imports

bench: $(VENV)/.developing  ## measurements, as ratios within one run; writes docs/performance.md
	@$(BIN)/python -m bench --write

soak: $(VENV)/.developing  ## the long runs: kills, random books, mixed requests, durations, canaries; prints their figures (hours)
	@VITAAL_SOAK_KILLS=500 $(BIN)/pytest -q --timeout 10800 -n $(WORKERS) tests/incentives/test_ledger_kills.py tests/platform/test_mailing.py
	@VITAAL_SOAK_CRASHES=500 $(BIN)/pytest -q -s --timeout 10800 tests/privacy/release/test_release_kills.py
	@VITAAL_SOAK_ACCOUNTING=1 $(BIN)/pytest -q -s tests/privacy/release/test_release_accounting.py
	@VITAAL_SOAK_SEEDS=20 VITAAL_SOAK_OPERATIONS=20000 $(BIN)/pytest -q -rP --timeout 10800 -n $(WORKERS) tests/incentives/test_ledger_model.py
	@VITAAL_SOAK_EXAMPLES=2000 $(BIN)/pytest -q --timeout 10800 -n $(WORKERS) tests/programs/test_overlap.py tests/programs/test_days.py tests/programs/test_fitbit_files.py tests/incentives/test_settle_parts.py tests/incentives/test_effort.py tests/incentives/test_tax_calculator.py tests/incentives/test_tax_figures.py tests/privacy/test_signing.py tests/privacy/release/test_protect.py
	@VITAAL_SOAK_KEYS=200 $(BIN)/pytest -q --timeout 10800 tests/incentives/test_ledger_posting.py
	@VITAAL_SOAK_REQUESTS=100000 $(BIN)/pytest -q -s --timeout 10800 tests/privacy/test_rows.py
	@$(BIN)/pytest -q -s --timeout 10800 tests/privacy/test_erasure_canaries.py tests/privacy/test_erasure.py
	@VITAAL_SOAK_PLANTED=100000 VITAAL_SOAK_BATTERY=1 $(BIN)/pytest -q -s --timeout 10800 tests/privacy/release/test_gate.py tests/privacy/release/test_attack_ours.py
	@VITAAL_SOAK_TRIES=2000 $(BIN)/pytest -q -s --timeout 10800 tests/privacy/test_enumeration.py
	@VITAAL_SOAK_ESTIMATES=30 $(BIN)/pytest -q --timeout 10800 tests/privacy/release/test_release_estimate.py
	@VITAAL_SOAK_EXAMPLES=100 $(BIN)/pytest -q --timeout 10800 tests/privacy/release/test_release_twins.py

screens: $(VENV)/.developing  ## pictures of every page in ./screens
	@$(BIN)/python -m tests.journeys.screens screens

lock: $(VENV)/.developing  ## renew the locked versions
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra postgres --extra build pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra dev --extra build -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:  ## remove what was made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis screens
