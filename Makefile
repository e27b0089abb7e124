# Two commands do everything: `make demo` and `make test`. The rest is for those who change things.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check format bench train-smoke clean

demo: $(VENV)/.installed
	$(BIN)/python -m enliven demo --output-folder demo --overwrite

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0

check: $(VENV)/.installed-dev
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.animate

train-smoke: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.train_smoke

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "setting up $(VENV) (some minutes the first time) ..."
	$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "setting up $(VENV) with everything for the tests (some minutes the first time) ..."
	$(PIP_INSTALL) --editable '.[dev,heic,train,databank,evaluation]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf demo build dist .pytest_cache .mypy_cache .ruff_cache
