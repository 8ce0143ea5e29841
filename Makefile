# Two commands do all: `make demo` and `make test`. Both set the project up in .venv first; tests need a JDK, too.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := demo,dev
# Processes that tests run in; each may have a JVM.
TESTERS ?= 2

.PHONY: help demo test test-all lint bench clean setup install jdk

help:
	@echo "make demo    set up, then run the whole way: land, clean, mix, pack, release, train"
	@echo "make test    set up, then lint, type-check and run the tests"
	@echo "make test-all  the same with the tests that take minutes each (a cluster, S3, long chaos), then the engine's on Spark"
	@echo "make lint    set up, then lint and type-check"
	@echo "make bench   set up, then run the benchmarks"
	@echo "make clean   remove what the commands above made, but for downloaded packages"

demo: install
	@$(BIN)/mixlake demo

# Files go in their own order: by the number of their tests, as xdist would have it, single long ones come last.
test: setup lint
	@$(BIN)/pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder -m "not slow" --durations 20

test-all: setup lint
	@$(BIN)/pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder --durations 20
	@TEST_ENGINE=spark $(BIN)/pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder -m "not slow" --durations 20 tests/lakehouse

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@for script in tests/bench/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) lake runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info spark-warehouse

setup: jdk install

install: $(STAMP)

# The first Python of version 3.12 or later.
$(STAMP): pyproject.toml constraints.txt
	@python=""; \
	for name in python3.12 python3.13 python3.14 python3; do \
	  if command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; \
	  then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "mixlake needs Python 3.12 or later: install it (on Debian: apt-get install python3.12 python3.12-venv), then run make again" >&2; exit 1; fi; \
	echo "installing into $(VENV) with $$($$python --version) (a few minutes the first time)"; \
	$$python -m venv $(VENV) 2>$(VENV).log || { \
	  echo "$$python cannot make virtual environments: install its venv package (on Debian: apt-get install python3-venv), then run make again" >&2; \
	  rm -f $(VENV).log; exit 1; }; \
	rm -f $(VENV).log
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'
	@echo "compiling the operators' kernels"
	@$(BIN)/python -m jobs.compile_kernels >/dev/null || true
	@touch $@

# Spark needs a JDK of version 17 or later; where there is none and apt can be used, it is installed.
jdk:
	@fits() { v=$$("$${1:-java}" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1); [ -n "$$v" ] && [ "$$v" -ge 17 ]; }; \
	if [ -n "$$JAVA_HOME" ] && fits "$$JAVA_HOME/bin/java"; then exit 0; fi; \
	if [ -z "$$JAVA_HOME" ] && command -v java >/dev/null 2>&1 && fits java; then exit 0; fi; \
	if [ -n "$$JAVA_HOME" ]; then echo "JAVA_HOME=$$JAVA_HOME contains no JDK 17 or later: correct it or unset it" >&2; exit 1; fi; \
	sudo=""; if [ "$$(id -u)" != 0 ]; then command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null && sudo="sudo -n" || sudo="none"; fi; \
	if command -v apt-get >/dev/null 2>&1 && [ "$$sudo" != none ]; then \
	  echo "installing a JDK (headless)"; \
	  $$sudo apt-get update -qq >/dev/null 2>&1; \
	  for package in openjdk-21-jre-headless openjdk-17-jre-headless default-jre-headless; do \
	    if DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $$package >/dev/null 2>&1 && fits java; then exit 0; fi; \
	  done; \
	fi; \
	echo "mixlake needs a JDK of version 17 or later, which is missing: install one (on Debian: apt-get install openjdk-17-jre-headless), then run make again" >&2; exit 1
