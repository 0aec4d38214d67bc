# `make` reproduces the study. It needs Python 3.11 or newer and a C compiler; everything else goes
# into .venv. With another Python than python3: `make clean`, then `make PYTHON=python3.13`.

PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(shell find src -type d ! -name '[._]*' -o -name '*.py' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.[ch]' -o -name '*.js' -o -name '*.css')

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PREFLIGHT

.PHONY: all posterior digits install test test-browser test-slow test-faults fuzz mutants test-slurm check book expected evaluation density bench bench-large sanitize lab lint lock clean help

all: install  ## reproduce the study (also plain `make`)
	@$(BIN)/snakemake tutorial

posterior: install  ## sample until the chains agree (minutes)
	@$(BIN)/snakemake posterior

digits: install  ## run all ten digits (a quarter of an hour)
	@$(BIN)/snakemake digits

install: .venv/.bitmix  ## put the locked packages and bitmix into .venv

test: install  ## run the tests, then compare the study with its expected values
	@$(BIN)/pytest
	@$(BIN)/snakemake check

test-browser: .venv/.browser  ## notebooks, book, report and explorer in Chromium (minutes)
	@{ command -v chromium || command -v google-chrome; } >/dev/null || { echo 'no Chromium here: apt-get install chromium' >&2; exit 1; }
	@$(BIN)/pytest -m browser

test-slow: .venv/.crate  ## run the tests that take minutes: compilers, instruction sets, emulated machines
	@$(BIN)/pytest -m slow

test-faults: install  ## inject faults: kills, full disks, lost writes, signals (tens of minutes)
	@$(BIN)/pytest -m faults -rP tests/faults

fuzz: install  ## give a million hostile files to all readers (ten minutes)
	@$(BIN)/python tests/fuzz/run.py

mutants: install  ## plant faults in the kernel and in predictions: which do the tests miss? (an hour)
	@$(BIN)/python tests/mutants/run.py

test-slurm: .venv/.slurm  ## run the study on a SLURM of this machine and inject faults; as root (minutes)
	@$(BIN)/pytest -m slurm -rP tests/slurm

sanitize: install  ## run the tests with bounds checks, then under the sanitizers
	@tests/sanitize.sh

bench: .venv/.bench  ## measure the kernel against NumPy and Numba, then how fast chains converge
	@$(BIN)/python benchmarks/bench.py
	@$(BIN)/python benchmarks/convergence.py

bench-large: install  ## measure data of up to a million rows (a quarter of an hour)
	@$(BIN)/python benchmarks/scaling.py
	@$(BIN)/python benchmarks/million.py

check: install  ## compare the study with its expected values
	@$(BIN)/snakemake check

evaluation: install  ## compare bitmix and other methods on held-out images (minutes)
	@$(BIN)/snakemake evaluation

book: install  ## build the book, results/book/index.html
	@$(BIN)/snakemake book

density: install  ## estimate the densities of DEBD's nine sets (a quarter of an hour)
	@$(BIN)/snakemake density

expected: install  ## make the results of a run the expected ones: make expected RUN=tutorial
	@$(BIN)/python -m bitmix.workflow.checks $(RUN)

lab: install  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

lint: install  ## check the style of everything
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/cython-lint src
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/proselint check README.md CONTRIBUTING.md CHANGELOG.md docs/*.md
	$(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb

# Groups of packages with a lock of their own. `make .venv/.bench` installs one.
EXTRAS := bench browser slurm
LOCK = $(BIN)/uv pip compile --system-certs --quiet --upgrade --universal --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock'

lock: install  ## write the lock files again, with the newest versions
	$(LOCK) pyproject.toml --group build --group install --group test --group book -o requirements.txt
	for group in $(EXTRAS); do \
		$(LOCK) --group $$group --constraint requirements.txt -o requirements-$$group.txt || exit 1; done
	$(LOCK) --group crate -o requirements-crate.txt

clean:  ## delete the environment and the caches, but no results
	rm -rf .venv .pytest_cache .ruff_cache

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s%s\n", $$1, $$2}' Makefile

# Each rule touches its stamp last, so make repeats a rule that was interrupted.
# uv takes less time than pip. If uv fails, for example because only pip is configured for a mirror,
# pip installs instead. Both compile all modules. Otherwise the first run would, and where
# PYTHONDONTWRITEBYTECODE is set, as in many containers, every run.
.venv/.packages: requirements.txt
	@command -v "$(PYTHON)" >/dev/null || { echo 'no $(PYTHON) here: make PYTHON=...' >&2; exit 1; }
	@"$(PYTHON)" -c "$$PREFLIGHT"
	@echo 'installing the locked packages into .venv'
	@"$(PYTHON)" -m venv --clear .venv
	@sed -n '/^uv==/,/# via/p' requirements.txt | $(BIN)/python -m pip install --quiet -r /dev/stdin
	@$(BIN)/uv pip install --system-certs --compile-bytecode --python .venv --require-hashes \
		-r requirements.txt || \
		{ echo 'uv fails: now pip'; $(BIN)/python -m pip install --require-hashes -r requirements.txt; }
	@touch $@

.venv/.bitmix: .venv/.packages pyproject.toml meson.build meson.options $(SOURCES)
	@echo 'building and installing bitmix'
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation \
		--config-settings build-dir=.venv/build .
	@touch $@

$(EXTRAS:%=.venv/.%): .venv/.%: requirements-%.txt .venv/.bitmix
	@$(BIN)/python -m pip install --quiet --require-hashes -r $<
	@touch $@

# The validator of crates and the packages of `make install` cannot be in one environment.
.venv/.crate: requirements-crate.txt .venv/.bitmix
	@$(BIN)/python -m venv --clear .venv/crate
	@.venv/crate/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

# This check runs before anything is downloaded. Every version of Python can run it.
define PREFLIGHT
import os, sys, sysconfig
if sys.version_info < (3, 11):
    version = ".".join(map(str, sys.version_info[:3]))
    sys.exit("bitmix needs Python 3.11 or newer, not " + version + ": make PYTHON=python3.11")
if " " in os.getcwd():
    sys.exit("a path with a space breaks the build with NumPy's headers: move " + os.getcwd())
import importlib.util, shutil
if not importlib.util.find_spec("ensurepip"):
    sys.exit("this Python has no venv: install it (python3-venv on Debian)")
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    sys.exit("this Python has no C headers: install them (python3-dev on Debian)")
if not any(map(shutil.which, os.environ.get("CC", "").split()[:1] + ["cc", "gcc", "clang"])):
    sys.exit("no C compiler: install gcc or clang, or name yours: make CC=...")
endef
