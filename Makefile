# What can be done here. `make` alone shows this list.
# Each target does all of its own set-up: Rust, Python 3.11, Node 20, Go and a C compiler are all that it needs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
PY := $(abspath $(VENV))/bin/python
STAMPS := build/stamps

GO := go -C go
# Modules of their own, so that the main one does not depend on what they adapt.
GO_ADAPTERS := go/adapters/bbolt

.PHONY: help demo test bench lint dist fuzz clean
.PHONY: python node c go redis test-rust test-python test-python-async test-node test-c test-go test-seeds bench-bindings

help: ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

demo: python node c go ## Run a recorded session of agents under a policy, then the quick start in five languages
	@echo "==> a recorded session of agents, guarded from Python"
	$(PY) examples/demo.py
	@echo; echo "==> the quick start in five languages"
	$(PYTHON) examples/run.py quickstart --python $(PY)
	@echo; echo "==> a store of one's own in five languages"
	$(PYTHON) examples/run.py own_store --python $(PY)

test: ## Run every test of every language, with each runner's summary at the end
	$(PYTHON) tests/run.py

bench: python node c go ## Measure Checkrein beside its peers
	cargo bench --package checkrein --benches
	$(MAKE) --no-print-directory -C bindings-c bench
	$(PY) -m pip install --quiet --disable-pip-version-check -r bindings-python/benches/requirements.txt
	$(PY) bindings-python/benches/bench_policy.py
	cd bindings-node && npm run --silent bench
	cd go && CHECKREIN_BENCH=1 go test -count 1 -v -run TestBenchTable .

lint: $(STAMPS)/venv node ## Check format, lints and types
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cd bindings-python && $(PY) -m mypy
	cd go && test -z "$$(gofmt -l .)" && go vet ./...
	for each in $(GO_ADAPTERS); do go -C $$each vet ./...; go -C $$each mod tidy -diff; done

dist: $(STAMPS)/venv ## Make what users install: wheel, npm tarball, C library, command line; Go's static library
	$(PYTHON) scripts/dist.py --python $(PY)

fuzz: ## Fuzz the parsers and the FFI for a minute each (needs a nightly toolchain and cargo-fuzz)
	scripts/fuzz.sh

clean: ## Remove what the other targets made
	rm -rf build dist target $(VENV) bindings-node/node_modules bindings-node/dist bindings-c/build go/lib

# --- one runner a language

test-rust:
	$(PYTHON) tests/conformance/tidy.py --check
	cargo test --package checkrein --package checkrein-c --package checkrein-cli
	cargo test --quiet --package checkrein --test conformance -- --nocapture

test-python: python redis
	cd bindings-python && $(PY) -m pytest -q -rs --no-header --ignore tests/test_conformance_async.py

# The vectors' second run in Python: its closing lines are compared like those of a language.
test-python-async: python
	cd bindings-python && $(PY) -m pytest -q -rs --no-header tests/test_conformance_async.py

test-node: node
	cd bindings-node && npm test --silent

test-c:
	$(MAKE) --no-print-directory -C bindings-c test asan

test-go: go
	$(GO) vet ./...
	$(GO) test -race -v ./...
	for each in $(GO_ADAPTERS); do go -C $$each vet ./...; go -C $$each test -race -v ./...; done

test-seeds: python node c go
	$(PYTHON) tests/readme.py
	$(PYTHON) examples/run.py own_store --python $(PY)
	$(PYTHON) tests/seeds/extract.py --check
	$(PYTHON) tests/seeds/run.py rust
	$(PYTHON) tests/seeds/run.py python --python $(PY)
	$(PYTHON) tests/seeds/run.py node --package bindings-node
	$(PYTHON) tests/seeds/run.py go --module go

# --- the packages as their users see them, built in place

python: $(STAMPS)/venv
	@echo "==> the Python package"
	cd bindings-python && $(PY) -m maturin develop --release --quiet

node: $(STAMPS)/npm
	@echo "==> the npm package"
	cd bindings-node && npm run --silent build

c:
	@echo "==> the C library"
	$(MAKE) --no-print-directory -C bindings-c lib PROFILE=release

go:
	@echo "==> the Go module"
	./go/build.sh

# --- what they need, made once and again only where something changed

$(STAMPS):
	@mkdir -p $@

$(STAMPS)/venv: bindings-python/requirements-dev.txt | $(STAMPS)
	@echo "==> set-up: a virtual environment for Python in $(VENV)"
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

redis:
	@scripts/redis-server.sh

$(STAMPS)/npm: bindings-node/package-lock.json | $(STAMPS)
	@echo "==> set-up: the npm packages that the build needs"
	cd bindings-node && npm ci --no-audit --no-fund --silent
	@touch $@
