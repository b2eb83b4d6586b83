# What can be done here. `make` alone shows this list.
# Each target does all of its own set-up: Rust, Python 3.11, Node 20, Go and a C compiler are all that it needs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
PY := $(abspath $(VENV))/bin/python
STAMPS := build/stamps
CORE := $(shell find core/src -name '*.rs') Cargo.toml Cargo.lock core/Cargo.toml

.PHONY: help demo test bench lint dist fuzz clean
.PHONY: test-rust test-python test-node test-c test-go test-seeds

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: python node c go ## Run a recorded session of agents under a policy, then the quick start in five languages
	@echo "==> a recorded session of agents, guarded from Python"
	$(PY) examples/demo.py
	@echo; echo "==> the quick start in five languages"
	$(PYTHON) examples/quickstart/run.py --python $(PY)

test: ## Run every test of every language, with each runner's summary at the end
	$(PYTHON) tests/run.py

bench: python node c go ## Measure Checkrein beside its peers
	cargo bench -p checkrein
	$(MAKE) bench-bindings

# --- what the targets need, made once and again only where something changed

$(STAMPS):
	@mkdir -p $@

$(STAMPS)/venv: bindings-python/requirements-dev.txt | $(STAMPS)
	@echo "==> set-up: a virtual environment for Python in $(VENV)"
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
