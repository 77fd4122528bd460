# Two commands are enough: `make demo` shows prom with a synthetic clinic, `make test` runs every test.
PYTHON ?= python3
PORT ?= 5000
BIN := .venv/bin
WORKERS ?= 2

.PHONY: demo test check bench faults lint install

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "prom needs Python 3.11 or newer: set PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing what prom needs (some minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,fhir]'
	@touch $@

demo: install
	@PROM_INSTANCE=$${PROM_INSTANCE:-instance/demo} PORT=$(PORT) $(BIN)/prom demo --port $(PORT)

test: install
	@$(BIN)/pytest -m "not faults" -n $(WORKERS) --dist loadfile -rs

faults: install
	@$(BIN)/pytest -m faults -n $(WORKERS) --dist loadfile --timeout=600 -rs

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

check: lint test

bench: install
	@for file in bench/[a-z]*.py; do name=$$(basename $$file .py); echo "== $$name"; $(BIN)/python -m bench.$$name || exit 1; done
