# make demo    set everything up and run the main job on simulated data
# make test    set everything up and run the tests
# make check   formatting, lint, types, layers, doctests and examples
# make docs    build the site from docs/ into site/, and run its notebooks

PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python; do \
	$$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$python; break; }; done)
BIN := .venv/bin
READY := .venv/.ready
DOCS_READY := .venv/.docs-ready
export MPLBACKEND := Agg
# Small tensors: one thread took 3 s where two on a busy machine took 31 s.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format docs clean

help:
	@sed -n 's/^# make/make/p' Makefile

setup: $(READY)

# torch goes first and alone, so that the resolver never weighs another build of it.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "bdrp needs Python 3.11 or newer with the venv module; none was found. Install one, or say make PYTHON=/path/to/python."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[anndata,boosting,dev]'
	$(BIN)/python -m pip check
	@touch $(READY)

demo: $(READY)
	$(BIN)/bdrp demo --out demo --overwrite

test: $(READY)
	$(BIN)/python -m pytest $(TESTFLAGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q --doctest-modules bdrp
	for example in examples/*.py; do echo "== $$example"; $(BIN)/python $$example || exit 1; done

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What builds the site is installed when the site is first built, so that the demo and the tests need not wait for it.
$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $(DOCS_READY)

docs: $(DOCS_READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m sphinx -b html -W --keep-going -q docs site
	@echo "site/index.html"

clean:
	rm -rf .venv build dist demo site jupyter_execute .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
