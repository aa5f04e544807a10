PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
STUDY ?= studies/quick

.DEFAULT_GOAL := help
.PHONY: help study test bench format clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

study: $(READY)  ## Run the quick study (minutes) and print where its report is
	@$(BIN)/ostinato study quick --out $(STUDY)

# One process more than there are cores: a third of the time tests wait, for clusters, hosts and kills.
test: $(READY)  ## Run every test
	@$(BIN)/python -m pytest --dist loadfile --durations 15 \
	  --numprocesses $$($(BIN)/python -c 'import os; print(os.cpu_count() + 1)')

bench: $(READY)  ## Measure speed against named peers
	@$(BIN)/python -m pytest tests/benchmarks -s --override-ini 'python_files=bench_*.py'

format: $(READY)  ## Format and lint
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:  ## Remove the environment (studies and corpora stay)
	rm -rf $(VENV)

$(READY): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable . --group dev
	@touch $@
