# Run `make` for the list of targets. Everything lives in .venv; nothing outside this folder is changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Linear algebra in one thread: two of them on small matrices mostly wait for each other.
TEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup setup-spark report test test-slow test-spark lint format words bench lock lab clean

help: ## show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv with everything that is pinned in requirements.lock

$(INSTALLED): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Install Python 3.11 or newer, for example: sudo apt-get install python3 python3-venv"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11 or newer is needed. Name one with: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. Install the module with: sudo apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

setup-spark: $(INSTALLED) ## add Spark (468 MB) to .venv, for the extra [spark] and its tests
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-spark.lock

report: $(INSTALLED) ## report on the embedded CDNOW sample, into reports/
	$(BIN)/retention-lab report --sample cdnow

test: $(INSTALLED) ## the fast tests (minutes)
	$(TEST) -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(INSTALLED) ## the slow tests too: recovery of simulated truths
	$(TEST) -n 2 -m "not needs_spark"

test-spark: setup-spark ## the tests that start Spark; needs Java
	$(TEST) -m needs_spark tests/data tests/value

lint: $(INSTALLED) ## check style of code and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED) ## rewrite code and notebooks in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

words: $(INSTALLED) ## bring the catalogue of Dutch sentences up to date with the code and the notebooks
	$(BIN)/python -m analysis.report.catalogue

bench: $(INSTALLED) ## the speed comparisons of the README, side by side on this machine
	$(BIN)/python -m benchmarks

lab: $(INSTALLED) ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

lock: $(INSTALLED) ## renew requirements.lock from pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra sample-data --extra postgresql --extra arviz --extra dev --upgrade --no-emit-index-url --no-annotate --no-header -o requirements.lock pyproject.toml
	echo 'pyspark>=4.0,<4.1' | $(BIN)/uv pip compile --quiet --upgrade --no-emit-index-url --no-annotate --no-header -o requirements-spark.lock -

clean: ## remove what the tools left behind (not the reports)
	rm -rf .pytest_cache .ruff_cache .hypothesis .retention-lab notebooks/.retention-lab dist
	find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +
