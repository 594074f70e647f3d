# Newcomers need three of these: `make demo`, `make tour` and `make test`. Python 3.11 or newer, pip, make and a C++ compiler suffice.
PYTHON ?= python3
BIN := .venv/bin
LIGHT := .venv/light
INSTALLED := .venv/installed
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
BENCH := .venv/bench
PYTEST := $(ONE_THREAD) $(BIN)/pytest -n auto --maxprocesses 4

.DEFAULT_GOAL := help
.PHONY: help install demo tour test test-reliability slow gpu bench lint format wheel clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 26

install: $(INSTALLED)  ## what everything below needs, in .venv; done again only when pyproject.toml or constraints.txt changes

# torch first and alone: pip then keeps the build that it finds (on CPU-only indexes, the light one). What is compiled now need not
# be when the first command runs.
$(LIGHT): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q -c constraints.txt torch
	$(BIN)/pip install -q -c constraints.txt -e .
	$(BIN)/python -m compileall -q thalweg
	touch $@

$(INSTALLED): $(LIGHT)
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	touch $@

demo: $(LIGHT)  ## train a model on 1,797 handwritten digits and compare it with simpler ones, in a fresh folder under runs/
	$(BIN)/thalweg train digits

tour: $(LIGHT)  ## six things that go wrong, and what thalweg does about each: about two minutes, every command shown
	$(BIN)/python examples/tour.py

test: $(INSTALLED)  ## the full tier of tests: under 10 minutes on two cores
	$(PYTEST) -m 'not slow and not reliability and not gpu'

test-reliability: $(INSTALLED)  ## kills, failed system calls, damaged and hostile files, in full: under 20 minutes; docs/reliability.md
	rm -rf build/reliability
	THALWEG_RELIABILITY=whole THALWEG_FIGURES=build/reliability $(PYTEST) -m 'reliability and not slow and not gpu' --timeout 900
	$(BIN)/python -m tests.reliability.page build/reliability docs/reliability.md

slow: $(INSTALLED)  ## the slow tier: real data, in the folder that THALWEG_DATA names
	$(PYTEST) -m 'slow and not gpu' --timeout 900

gpu: $(INSTALLED)  ## where there is a CUDA GPU: the tests that need one, then what it reaches (benchmarks/gpu.py)
	$(BIN)/pytest -m gpu
	PYTHONPATH=. $(BIN)/python benchmarks/gpu.py

# Other libraries go into an environment of their own; torch first and alone, as above.
$(BENCH)/installed: pyproject.toml constraints.txt benchmarks/peers/requirements.txt
	test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/pip install -q -c constraints.txt torch
	$(BENCH)/bin/pip install -q -c constraints.txt -r benchmarks/peers/requirements.txt -e .
	touch $@

bench: $(BENCH)/installed  ## beside other libraries: ONLY=perceptron,lenet5 ROUNDS=1 for a part; all takes an hour or more on two cores
	$(BENCH)/bin/python -m benchmarks.peers $(if $(ONLY),--only $(ONLY)) $(if $(TOOLS),--tools $(TOOLS)) $(if $(ROUNDS),--rounds $(ROUNDS))

lint: $(INSTALLED)  ## style, types, and which room may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(INSTALLED)  ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(INSTALLED)  ## dist/thalweg-*.whl
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation

clean:  ## remove what the tools left; runs/ and .venv stay
	rm -rf dist build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
