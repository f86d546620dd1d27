# Everything from a fresh clone: Python >= 3.11 with venv, and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
SHOOT  := build/demo/shoot
REPORT := build/demo/report
KERNELS := hatch_build.py $(wildcard src/finepick/kernels/*.c src/finepick/kernels/*.h)

.PHONY: demo test check bench format clean

## demo: install the light core, render the example shoot, pick the best of it
demo: $(VENV)/.core $(SHOOT)/.rendered
	@rm -rf $(REPORT)
	@$(BIN)/finepick pick $(SHOOT) --out $(REPORT)
	@echo
	@echo "Open $(CURDIR)/$(REPORT)/report.html in a browser."

## test: install what the tests need and run them all
test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

## check: format, lint, types, layers
check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

## bench: the slow proofs; figures go to docs/experiments.md
bench: $(VENV)/.dev
	$(BIN)/python bench/all.py $(ARGS)

## format: mend what can be mended by machine
format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf build dist $(VENV)

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.core: pyproject.toml constraints.txt $(KERNELS) | $(VENV)/.made
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt $(KERNELS) | $(VENV)/.made
	$(PIP) install --constraint constraints.txt "pip>=25.1"
	$(PIP) install --constraint constraints.txt --editable '.[raw,train,mllm,web,postgres]' --group dev
	@touch $@ $(VENV)/.core

$(SHOOT)/.rendered: $(wildcard examples/*.py examples/shoot/*.py) | $(VENV)/.core
	$(BIN)/python examples/render_shoot.py $(SHOOT)
	@touch $@
