# A newcomer's commands. Everything is set up in .venv by whichever comes first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up

.PHONY: setup demo check test bench docs

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("gambol needs Python 3.11 or newer; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,cluster,nwb,onnx,tensorboard]'
	touch $(STAMP)

demo: setup
	$(BIN)/gambol demo --out gambol-demo

test: setup
	@test -z "$$(find src -name '*.py' -newer $(VENV)/.compiled 2>/dev/null)" || find src -name '*.nb[ic]' -delete
	@touch $(VENV)/.compiled
	$(BIN)/python hatch_build.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	nice $(BIN)/mypy & types=$$!; \
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --dist loadfile; tests=$$?; \
	wait $$types && exit $$tests

# What changes break most often, in two minutes.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m gambol.app.web.typescript --check
	OMP_NUM_THREADS=1 $(BIN)/pytest -q tests/test_house.py tests/test_imports.py tests/test_benchmarks.py \
		tests/app/test_cli.py tests/test_docs.py -k "not first_project and not python_blocks"

bench: setup
	$(BIN)/python -m benchmarks

docs: setup
	$(BIN)/python docs/scripts/make.py
