# Weft: `make help` lists what there is. Each target sets up what it needs, from nothing but Python, git and make.

# The Python that everything runs on: 3.11 where it is there, because it is the oldest one supported.
PYTHON ?= $(shell for p in python3.11 python3 python; do $$p -c '' 2>/dev/null && echo $$p && break; done)
VENV   ?= .venv
NEWEST ?= .venv-newest
BENCH  ?= .venv-bench
BIN     = $(VENV)/bin

# Tests start hundreds of programs, and each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := env
.PHONY: help env demo test check faults bench docs pins clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

env: $(VENV)/has-dev  ## set up .venv with everything to test and check (also plain `make`)

demo: $(VENV)/has-demo  ## a bookshelf in your browser (without a terminal: told line by line)
	$(BIN)/weft demo bookshelf

test: $(VENV)/has-dev  ## all tests, and the core's on the newest other Python
	$(BIN)/python -m scripts.test

check: $(VENV)/has-dev  ## format, lint, types, layers, dependencies, sizes
	$(BIN)/python -m scripts.check

faults: $(VENV)/has-dev  ## kills, power cuts, refusing disks and damage, for an hour
	$(BIN)/python -m scripts.faults

bench: $(BENCH)/has-bench  ## ratios against plain calls, SQLite and peers
	$(BENCH)/bin/python -m benchmarks.run

docs: $(VENV)/has-dev  ## the documentation, as pages in docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

pins:  ## write constraints.txt anew, with today's newest versions
	$(PYTHON) -m scripts.pins

clean:  ## remove environments and everything that was built
	rm -rf .venv .venv-* build dist docs/_build docs/reference/generated
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*

# Environments. A file `has-<extra>` in one says that the extra is installed, as of these two files.
PINNED = pyproject.toml constraints.txt

$(VENV)/has-demo: $(PINNED)
	$(call install,$(PYTHON),$(VENV),vision$(,)server)

$(VENV)/has-dev: $(PINNED)
	$(call install,$(PYTHON),$(VENV),all$(,)dev)
	@touch $(VENV)/has-demo

$(BENCH)/has-bench: $(PINNED)
	$(call install,$(PYTHON),$(BENCH),bench)

# The environment of another Python: make .venv-newest/has-core NEWEST_PYTHON=python3.13
$(NEWEST)/has-core: $(PINNED)
	$(call install,$(NEWEST_PYTHON),$(NEWEST),models$(,)text$(,)schedules$(,)keyring$(,)server$(,)feathers$(,)dev)

# $(call install,python,environment,extras): uv where it is there, else venv and pip.
, := ,
define install
	@$(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "weft needs Python 3.11 or newer; give it as make PYTHON=…" >&2; exit 1; }
	@echo "setting up $(2) with $(3) ($$($(1) -V))"
	@if command -v uv >/dev/null; then \
		{ test -x $(2)/bin/python || uv venv -q --python "$$($(1) -c 'import sys; print(sys.executable)')" $(2); } && \
		uv pip install -q --python $(2)/bin/python -c constraints.txt -e '.[$(3)]'; \
	else \
		{ test -x $(2)/bin/python || $(1) -m venv $(2); } && \
		$(2)/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[$(3)]'; \
	fi
	@touch $@
endef
