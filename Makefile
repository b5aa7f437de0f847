# Works on a machine with Python 3.11 or newer (with pip and venv), make and a POSIX shell.
# Every path is relative and quoted, and tools are called as `python -m TOOL`: scripts in an
# environment name their interpreter in a line that cannot hold a space.

PYTHON ?= python3
# More arguments for the tool at the end of a target: make test ARGS="-k dims"
ARGS ?=
PIP_FLAGS ?= --disable-pip-version-check $(if $(CI),--quiet)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test deep live mypys lint format bench clean

# $(call environment,DIRECTORY,NAME,EXTRAS): the environment DIRECTORY has the package, editable,
# with its EXTRAS. DIRECTORY/.installed-NAME says for which pyproject.toml that was done, and is
# written last, so an interrupted installation is done again; a checkout that was moved, or an
# interpreter that went away, makes the environment anew.
define environment
	@set -eu; \
	here="$$(pwd -P)"; key="$$(cksum < pyproject.toml) $$here"; stamp='$(1)/.installed-$(2)'; \
	if [ "$$(cat '$(1)/.made' 2>/dev/null)" != "$$here" ] \
	    || ! '$(1)/bin/python' -c 'import pip' 2>/dev/null; then \
	    '$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	        echo 'typedflux needs Python 3.11 or newer, which "$(PYTHON)" is not;' \
	            'name another: make PYTHON=python3.12 $@' >&2; \
	        exit 1; \
	    }; \
	    rm -rf '$(1)'; \
	    '$(PYTHON)' -m venv '$(1)'; \
	    echo "$$here" > '$(1)/.made'; \
	fi; \
	if [ "$$(cat "$$stamp" 2>/dev/null)" != "$$key" ]; then \
	    echo 'Installing typedflux[$(3)] into $(1)'; \
	    rm -f "$$stamp"; \
	    '$(1)/bin/python' -m pip install $(PIP_FLAGS) --editable '.[$(3)]'; \
	    echo "$$key" > "$$stamp"; \
	fi
endef

comma := ,

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile

demo: ## train on handwritten digits; leaves weights.safetensors, curves.png and mistakes.png
	$(call environment,.venv,examples,examples)
	.venv/bin/python examples/digits.py $(ARGS)

test: ## the tests, doctests and documentation snippets
	$(call environment,.venv,dev,dev)
	.venv/bin/python -m pytest -n auto --dist loadfile $(ARGS)

deep: ## all tests again with many more random examples, and those that take long
	$(call environment,.venv,deep,dev$(comma)pyright)
	.venv/bin/python -m pytest -n auto --dist loadfile --hypothesis-profile=deep -m 'not live' $(ARGS)

# On Linux the default torch wheel carries CUDA; a smaller one comes with
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu in the environment.
live: ## comparisons with PyTorch and JAX, in an environment of their own
	$(call environment,.venv-live,live,dev$(comma)reference)
	.venv-live/bin/python -m pytest -m live $(ARGS)

mypys: ## the static checker's tests on every mypy that it works with
	$(call environment,.venv,dev,dev)
	.venv/bin/python -m tests.mypy_plugin.versions $(ARGS)

lint: ## formatting, lint rules and strict types
	$(call environment,.venv,dev,dev)
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m ruff check .
	.venv/bin/python -m mypy

format: ## format the code and apply the safe lint fixes
	$(call environment,.venv,dev,dev)
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

bench: ## the benchmarks, against PyTorch and JAX, in an environment of their own
	$(call environment,.venv-bench,bench,bench)
	.venv-bench/bin/python -m benchmarks $(ARGS)
	.venv-bench/bin/python -m benchmarks.training $(ARGS)

clean: ## remove environments, caches and everything that was made
	rm -rf .venv .venv-live .venv-bench .venv-mypy-* build dist out
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -f weights.safetensors curves.png mistakes.png
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
