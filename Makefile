# `make demo` and `make test` need Python 3.11 or newer, pip and make; nothing else.
# Paths are relative and tools are started as modules, so a path with a space in it works.

PYTHON ?= python3
DEMO := .venv-demo
DEV := .venv
LIVE := .venv-live
BENCH := .venv-bench

.PHONY: help demo test lint deep live bench clean

help:
	@echo "make demo   train on handwritten digits: prints accuracy, leaves weights and two pictures"
	@echo "make test   set up an environment and run the tests"
	@echo "make lint   formatting, lint, and mypy --strict with the plugin"
	@echo "make deep   the long tests: fuzzing, training, every combination"
	@echo "make live   compare with the PyTorch and JAX of the 'live' extra"
	@echo "make bench  time typedflux beside PyTorch"
	@echo "make clean  remove environments and caches"

define environment
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 $@"; exit 1; }
	@rm -f "$(1)/installed"
	"$(PYTHON)" -m venv "$(1)"
	"$(1)/bin/python" -m pip install --quiet --disable-pip-version-check $(2)
	@touch "$(1)/installed"
endef

$(DEMO)/installed: pyproject.toml
	$(call environment,$(DEMO),-e ".[examples]")

$(DEV)/installed: pyproject.toml
	$(call environment,$(DEV),-e ".[dev]")

$(LIVE)/installed: pyproject.toml
	$(call environment,$(LIVE),torch==2.13.0 -e ".[dev$(comma)live]")

$(BENCH)/installed: pyproject.toml
	$(call environment,$(BENCH),torch==2.13.0 -e ".[dev]")

comma := ,

demo: $(DEMO)/installed
	"$(DEMO)/bin/python" examples/digits.py

test: $(DEV)/installed
	"$(DEV)/bin/python" -m pytest -n 2

lint: $(DEV)/installed
	"$(DEV)/bin/python" -m ruff format --check .
	"$(DEV)/bin/python" -m ruff check .
	"$(DEV)/bin/python" -m mypy

deep: $(DEV)/installed
	"$(DEV)/bin/python" -m pytest -n 2 -m deep

live: $(LIVE)/installed
	"$(LIVE)/bin/python" -m pytest -m live

bench: $(BENCH)/installed
	"$(BENCH)/bin/python" -m benchmarks

clean:
	rm -rf "$(DEMO)" "$(DEV)" "$(LIVE)" "$(BENCH)" build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
