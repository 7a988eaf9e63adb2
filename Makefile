# `make help` lists the targets. Each makes .venv with the locked versions first, if it is not there yet.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
UV := uv==0.13.9
VENV := $(CURDIR)/.venv
# stages call plain `python`
export PATH := $(VENV)/bin:$(PATH)
# bytecode spares every process of the tests and the pipeline some seconds of compiling
unexport PYTHONDONTWRITEBYTECODE
# Builds and starts containers: Docker, or a stand-in beside the repository where no Docker engine runs
IMAGE_TOOL ?= $(wildcard ../shared/tools/build-image)
IMAGE := breastseg-serve
IMAGE_LABELS = --build-arg VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) --build-arg REVISION=$$(git rev-parse HEAD)
# a process a core with one thread each is faster than two processes that share all
PYTEST := OMP_NUM_THREADS=1 pytest --numprocesses auto --dist loadgroup --no-loadscope-reorder

.PHONY: help install repro summary data-push data-pull test test-fast test-extended test-all lint types imports check image \
  image-train lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-13s %s\n", $$1, $$2}'

install: $(VENV)/.installed  ## Make .venv with the locked versions
$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check '$(UV)'
	$(VENV)/bin/uv pip sync --quiet --compile-bytecode --python $(VENV)/bin/python requirements/dev.txt
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --no-deps --editable .
	@touch $@

repro: install  ## Run the pipeline, print the comparison and what to do next
	@git rev-parse --git-dir > /dev/null 2>&1 || { echo "DVC needs a git repository: clone the project, or run git init"; exit 1; }
	dvc repro
	@breastseg summary

summary: install  ## Print the comparison of the last run
	@breastseg summary

data-push: install  ## Send data, models and the run-cache to the DVC remote (docs/gcs.md)
	@breastseg data push

data-pull: install  ## Fetch them, so that `make repro` has nothing to run
	@breastseg data pull

test: install  ## Run the tests (at most 5 minutes on 2 cores)
	$(PYTEST) -m 'not extended and not nightly'

test-fast: install  ## Run the tests of functions only, while you edit (at most a minute)
	$(PYTEST) --hypothesis-profile fast -m 'not integration and not extended and not nightly'

test-extended: install  ## Run what `make check` adds to `make test`: browser, deployment, service (at most 8 minutes)
	$(PYTEST) -m 'extended and not nightly'

test-all: install  ## Run all tests, the long proofs too
	$(PYTEST) -m ''

lint: install
	ruff check
	ruff format --check

types: install
	mypy

imports: install
	PYTHONPATH=. lint-imports

check: lint types imports test test-extended repro $(if $(IMAGE_TOOL)$(shell command -v docker),image)  ## Everything that CI runs

# The container holds the released model, so the pipeline runs first
image: repro  ## Build the serving image
ifneq ($(IMAGE_TOOL),)
	$(IMAGE_TOOL) build Dockerfile.serve $(IMAGE) . $(IMAGE_LABELS)
else
	docker build -f Dockerfile.serve -t $(IMAGE) $(IMAGE_LABELS) .
endif

image-train: install  ## Build the image that trains
ifneq ($(IMAGE_TOOL),)
	$(IMAGE_TOOL) build Dockerfile.train breastseg-train . --ignorefile Dockerfile.train.dockerignore $(IMAGE_LABELS)
else
	docker build -f Dockerfile.train -t breastseg-train $(IMAGE_LABELS) .
endif

lock: install  ## Renew the locked versions
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	  --generate-hashes --all-extras --group dev -o requirements/dev.txt pyproject.toml
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	  --generate-hashes --extra serve -o requirements/serve.txt pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	  --generate-hashes --extra train -c requirements/dev.txt -o requirements/train.txt pyproject.toml
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	  --generate-hashes --group pyproject.toml:sbom -o requirements/sbom.txt

clean:  ## Remove .venv and caches; data, models and experiments stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
