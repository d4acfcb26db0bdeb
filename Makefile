# Everything a person types. Each target says what it does; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PORT ?= 8000
JS_TESTS = $(shell find tests/js -name '*.test.js')

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: setup
setup: ## Make the environment: Python packages, models, browser client (quick when nothing changed)
	@scripts/setup

.PHONY: setup-dev
setup-dev: ## The same, with what tests, linters and screenshots need
	@scripts/setup dev

.PHONY: run
run: setup ## Set up, then serve in development mode on http://127.0.0.1:8000 (PORT=… for another)
	@$(BIN)/bonafide serve --dev --port $(PORT)

.PHONY: test
test: setup-dev ## Set up, then everything: linters, types, unit tests, browser tests
	@$(MAKE) --jobs 2 --output-sync lint test-js
	@$(MAKE) test-python

.PHONY: lint
lint: setup-dev ## Check style, types and import contracts (Python, JavaScript, CSS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	scripts/node node_modules/.bin/biome ci --error-on-warnings
	scripts/node node_modules/.bin/tsc --project tsconfig.json

.PHONY: test-js
test-js: setup-dev ## JavaScript unit tests
	scripts/node node --test --test-concurrency=2 $(JS_TESTS)

.PHONY: test-python
test-python: setup-dev ## Python unit tests, then those with a server or browser of their own (ARGS='-k name' for some)
	@set -e; BONAFIDE_CHROMIUM="$$(scripts/find-chromium --install)"; export BONAFIDE_CHROMIUM; \
	BONAFIDE_FIREFOX="$$(scripts/find-firefox --install || true)"; export BONAFIDE_FIREFOX; \
	BONAFIDE_TEST_POSTGRES_URL="$$(scripts/test-postgres)"; export BONAFIDE_TEST_POSTGRES_URL; \
	if [ -n "$(ARGS)" ]; then $(BIN)/pytest $(ARGS); exit; fi; \
	$(BIN)/pytest tests --ignore tests/sockets --numprocesses auto --maxprocesses 4 --dist loadfile; \
	$(BIN)/pytest tests/sockets e2e  # in real time: nothing else may run beside them

.PHONY: fmt
fmt: setup-dev ## Format everything and mend what linters can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	scripts/node node_modules/.bin/biome check --write

.PHONY: lock
lock: setup-dev ## Write the lock files anew (UPGRADE=1 moves versions forward)
	scripts/lock $(if $(UPGRADE),--upgrade)
	scripts/node npm install --package-lock-only --ignore-scripts

.PHONY: bench-peers
bench-peers: setup ## Make the environment with the libraries that bench/face_match.py compares with
	@scripts/bench-peers

.PHONY: screenshots
screenshots: setup-dev ## Take the README's screenshots with a real browser
	@set -e; BONAFIDE_CHROMIUM="$$(scripts/find-chromium --install)"; export BONAFIDE_CHROMIUM; \
	$(BIN)/python -m scripts.screenshots

.PHONY: gallery
gallery: setup-dev ## Write every look of the hosted page to var/gallery, examined by axe (ARGS='--only name' for some)
	@set -e; BONAFIDE_CHROMIUM="$$(scripts/find-chromium --install)"; export BONAFIDE_CHROMIUM; \
	$(BIN)/python -m scripts.gallery $(ARGS)

.PHONY: clean
clean: ## Remove what set-up and tests made (models and data stay)
	rm -rf .venv .venv-peers node_modules static/vendor build dist ./*.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results
