# Two commands matter: `make demo` does the main job on a fresh machine, `make test` checks everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: $(VENV)/.installed  ## makes heads, trains on them, writes a sheet, a video and a PLY into demo/
	PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh demo

test: lint  ## style, layers, behaviour
	$(BIN)/python -m pytest -m "not gpu"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) demo
