# Everything that one types here. It needs Python 3.11 or newer, make and PyPI; `make help` lists it.

PYTHON ?= python3
VENV ?= .venv
OLDEST_VENV ?= .venv-oldest
PYTEST_ARGS ?=
# One process of tests rarely uses two cores; a file of tests stays in one.
TWO_PROCESSES := -n 2 --dist loadfile
BENCH_ARGS ?=

bin := $(VENV)/bin
oldest_bin := $(OLDEST_VENV)/bin

export TF_CPP_MIN_LOG_LEVEL ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint format layers docs bench test-oldest clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "PYTHON=python3.12 chooses the Python of the environment, VENV=folder its place."

demo: $(VENV)/.runtime ## train a denoiser on photographs and compare it with classical methods
	$(bin)/python examples/demo.py

test: lint ## check everything: style, layers, types, docstrings, then the test suite
	$(bin)/python -m pytest $(TWO_PROCESSES) $(PYTEST_ARGS)

lint: $(VENV)/.dev layers ## check style, layers, types and docstrings
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	find skdenoise -name '*.py' -exec $(bin)/numpydoc lint {} +

layers: $(VENV)/.dev ## check which module imports which
	$(bin)/lint-imports --no-logo

format: $(VENV)/.dev ## format the code and mend what can be mended
	$(bin)/ruff format .
	$(bin)/ruff check --fix .

docs: $(VENV)/.dev ## build the documentation, which runs the examples, into docs/_build/html
	$(bin)/python -m sphinx -W --keep-going -n -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

bench: $(VENV)/.bench ## measure speed and memory, beside PyTorch
	$(bin)/python -m benchmarks $(BENCH_ARGS)

test-oldest: $(OLDEST_VENV)/.oldest ## run the suite with the oldest dependencies that are allowed
	$(oldest_bin)/python -m pytest $(TWO_PROCESSES) $(PYTEST_ARGS)

clean: ## remove the environments and everything that was built
	rm -rf $(VENV) $(OLDEST_VENV) build dist results docs/_build docs/auto_examples docs/generated
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find skdenoise tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made once, and again when pyproject.toml changes. The stamps name what is in
# it: .runtime what a user installs and the demo needs, .dev the tools as well, .bench PyTorch as well.

define make_environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "skdenoise needs Python 3.11 or newer. '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>/dev/null || echo missing)."; \
	  echo "Name another one, for example: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(1)
	@echo "Installing $(2) into $(1); TensorFlow is large, so this takes a minute or two."
endef

$(VENV)/.runtime: pyproject.toml
	$(call make_environment,$(VENV),skdenoise)
	$(bin)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	$(call make_environment,$(VENV),skdenoise and the tools)
	$(bin)/python -m pip install --quiet --editable '.[dev]'
	@touch $(VENV)/.runtime $@

$(VENV)/.bench: $(VENV)/.dev
	$(bin)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

$(OLDEST_VENV)/.oldest: pyproject.toml tests/oldest-requirements.txt
	$(call make_environment,$(OLDEST_VENV),the oldest dependencies)
	$(oldest_bin)/python -m pip install --quiet --editable '.[test]' \
	  --constraint tests/oldest-requirements.txt
	@touch $@
