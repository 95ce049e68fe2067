# Every target does its own set-up: a virtual environment in .venv, from a bare clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PROMPT ?= Write a short poem about APIs.

.PHONY: help demo test types style docs bench fuzz clean

help:
	@echo "make demo    stream a reply (LIVE=1: from Claude, with ANTHROPIC_API_KEY)"
	@echo "make test    run the tests, the type checkers and the style checks"
	@echo "make types | style | docs | bench | fuzz | clean"

$(READY): pyproject.toml scripts/setup.py tests/node/package.json
	$(PYTHON) scripts/setup.py $(VENV)
	@touch $(READY)

demo: $(READY)
	@$(BIN)/tailrace $(if $(LIVE),,--sim) "$(PROMPT)" </dev/null

test: $(READY) style types
	$(BIN)/pytest
	$(BIN)/python -m benchmarks.ratchet

types: $(READY)
	$(BIN)/mypy
	$(BIN)/pyright

style: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

docs: $(READY)
	$(BIN)/python scripts/build_docs.py

bench: $(READY)
	$(BIN)/python -m benchmarks

fuzz: $(READY)
	$(BIN)/python scripts/relay_fuzz.py --seeds 60
	$(BIN)/python scripts/relay_fuzz.py --seeds 20 --store valkey
	$(BIN)/python scripts/relay_fuzz.py --seeds 20 --store sqlite
	$(BIN)/python scripts/relay_fuzz.py --seeds 20 --workers
	$(BIN)/python scripts/relay_fuzz.py --seeds 10 --workers --store sqlite

clean:
	rm -rf $(VENV) site
