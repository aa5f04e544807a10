PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What a study needs, and that with what tests and linters need: half as much again.
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
STUDY ?= studies/quick
RECORDED := analysis/recorded
ROOMS := analysis data_pipelines scaling sweeps
# One process more than there are cores: a third of the time tests wait, for clusters, hosts and kills.
# Files come in the order of tests/conftest.py.
PYTEST = $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder \
  --numprocesses $$($(BIN)/python -c 'import os; print(os.cpu_count() + 1)')

.DEFAULT_GOAL := help
.PHONY: help study lint test test-fast bench format pictures clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

study: $(READY)  ## Run the quick study (minutes) and print where its report is
	@$(BIN)/ostinato study quick --out $(STUDY)

lint: $(DEV)  ## Check format, names, types and who imports whom
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@told=$$($(BIN)/lint-imports --no-logo) || { echo "$$told"; exit 1; }

test: lint  ## Lint, then run every test
	@$(PYTEST) --durations 15

test-fast: $(DEV)  ## Run the tests that take seconds
	@$(PYTEST) -m 'not slow'

bench: $(DEV)  ## Measure speed against named peers
	@$(BIN)/python -m pytest tests/benchmarks -s --override-ini 'python_files=bench_*.py'

format: $(DEV)  ## Format and lint
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

pictures: $(READY)  ## Draw the README's figures from the recorded replication
	@$(BIN)/ostinato report $(RECORDED)/laptop >/dev/null
	@cd $(RECORDED)/laptop/report/figures && cp headline.svg ../../../damage.svg \
	  && cp prefix-matching-score.svg ../../../heads.svg && cp fine-tuning.svg ../../../fine_tuning.svg

clean:  ## Remove the environment (studies and corpora stay)
	rm -rf $(VENV)

$(DEV): WITH := --group dev
# Compiled by all cores at the end, where pip would compile one file after the other, and the rooms not
# at all: where Python is told to write no bytecode, as in most containers, each process would compile them.
$(READY) $(DEV): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.11" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-compile --constraint constraints.txt --editable . $(WITH)
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib $(ROOMS) || true  # what is no Python stays as it is
	@touch $(READY) $@
