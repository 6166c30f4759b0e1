# The commands of this project; `make help` lists them. Each sets up the environments that it needs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # fast checks run first, and outputs do not mix
MAKEFLAGS += --no-builtin-rules

# Variables for the user: `make stage ARGS="--format=json"`, `make test-unit PYTHON=/opt/python/bin/python3`.
# To select tests, use -k, as in `make test-e2e ARGS="-k sibling"`: the commands already name the folder.
ARGS ?=
# Arguments of the module itself, which go before the function: `make stage SETTINGS="--rehearsal=mine"`.
SETTINGS ?=
# The tickets of the benchmarks: a CSV file with the columns Document and Topic_group.
DATA ?= data/tickets.csv
# `make soak` starts no further wave after this time.
SECONDS ?= 300
# The number of tests that run at once, for a machine with two cores. End-to-end tests also wait, so there are more of them.
UNIT_WORKERS ?= 2
E2E_WORKERS ?= 3
PYTHON ?= $(shell python3.11 -c '' 2>/dev/null && echo python3.11 || echo python3)

UV := uv==0.13.9
CI := .venv/ci/bin
APP := .venv/app/bin
# An environment for each version of Dagger's client library, beside the engine's own, with which the module is loaded.
CLIENTS := $(patsubst ci/tests/clients/%.requirements,.venv/clients-%.stamp,$(wildcard ci/tests/clients/*.requirements))
# Programs that are not this project's, with which end-to-end tests verify evidence.
VERIFIERS := .venv/bin/cosign .venv/bin/oras
# The servers of a Sigstore instance.
SIGSTORE := .venv/bin/fulcio .venv/bin/rekor-server .venv/bin/tesseract .venv/bin/timestamp-server
# A Gitea server; its program reads the templates, options and public files of its module.
FORGE := .venv/gitea.stamp
DATABASE := ci/src/stage_ci/adapters/trivy-db.tar.gz
# The paths that ruff checks, relative to ci; `dagger call lint` checks the service.
LINTED := . ../bench
GO_FILES := ci/advisories/main.go ci/engine/programs/distconsts/consts.go ci/engine/programs/registry/main.go ci/engine/sdk-python/main.go \
	$(shell find ci/engine/trivy/absent -name '*.go')
# The shell scripts, found by a line: a shebang, or a shellcheck directive in files that are only sourced.
HASH := \#
SCRIPTS = $(shell git grep -lE '^$(HASH)(!/usr/bin/env bash| shellcheck shell=bash)')
# A prefix for commands that call `dagger`: finds or starts an engine, and sets the variables that point to it.
with_engine = exports=$$(ci/engine/client) && eval "$$exports" &&

export CGO_ENABLED := 0
export GOFLAGS := -buildvcs=false

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {gsub(/\$$\$$/, "$$", $$2); printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##### The pipeline

.PHONY: stage
stage: ## run the stage as a rehearsal, or with credentials in SETTINGS as a release; the first run sets up an engine (about 15 min)
	@$(with_engine) dagger call $(SETTINGS) stage $(ARGS)

.PHONY: bench
bench: .venv/ci.stamp .venv/bin/registry ## measure all rows of bench/results.json (about 50 min), or some: make bench ARGS="F1 F4"
	@$(with_engine) PYTHONPATH=ci/src:ci:ci/tests/e2e $(CI)/python -m bench $(ARGS)

.PHONY: soak
soak: .venv/ci.stamp .venv/bin/registry ## run waves of twenty concurrent stages: make soak SECONDS=300
	@$(with_engine) cd ci && PYTHONPATH=.:tests/e2e ../$(CI)/python -m soak --seconds=$(SECONDS) $(ARGS)

.PHONY: bench-model
bench-model: .venv/app.stamp ## measure training on a file of tickets: make bench-model DATA=path/to/tickets.csv
	@PYTHONPATH=src $(APP)/python -m bench.figures --data="$(DATA)" $(ARGS)

.PHONY: bench-manifest
bench-manifest: .venv/ci.stamp ## measure the edit of manifests that are built to be expensive
	@PYTHONPATH=ci/src $(CI)/python -m bench.manifest

.PHONY: bench-scale
bench-scale: .venv/ci.stamp ## measure what grows with tags, claims, documents of a manifest and concurrent runs
	@$(with_engine) PYTHONPATH=ci/src:ci:ci/tests/e2e $(CI)/python -m bench.scale $(ARGS)

.PHONY: bench-service
bench-service: .venv/bench.stamp .venv/baseline.stamp .venv/bin/vegeta ## compare the service with the handler that it replaces
	@$(with_engine) .venv/bench/bin/python -m bench.service --data="$(DATA)" $(ARGS)

##### Tests

.PHONY: test
test: check test-unit test-app test-e2e ## all checks and tests that a change must pass

.PHONY: check
check: check-python check-dependencies check-shell check-workflows check-go check-pins check-advisories ## linters and comparisons of generated files; changes nothing

.PHONY: test-unit
test-unit: .venv/ci.stamp $(CLIENTS) ## the module's unit tests, without an engine
	cd ci && ../$(CI)/python -m pytest tests/unit --numprocesses=$(UNIT_WORKERS) $(ARGS)

.PHONY: test-app
test-app: .venv/app.stamp ## the service's unit tests
	PYTHONPATH=src $(APP)/python -m pytest tests/unit $(ARGS)

.PHONY: test-e2e
test-e2e: .venv/ci.stamp .venv/mlflow.stamp .venv/bin/registry $(VERIFIERS) ## the pipeline on a real engine, as a user calls it
	@$(with_engine) cd ci && ../$(CI)/python -m pytest tests/e2e -m "not slow and not serial" --numprocesses=$(E2E_WORKERS) $(ARGS)

.PHONY: test-faults
test-faults: .venv/ci.stamp .venv/mlflow.stamp .venv/bin/registry $(VERIFIERS) ## the faults of docs/errors.md, on a real engine; writes bench/faults.json and canary.jsonl (about 30 min)
	@rm -f bench/canary.jsonl
	@$(with_engine) if [[ $${_EXPERIMENTAL_DAGGER_RUNNER_HOST-} != unix://* ]]; then \
		echo "skipping the test that kills the engine (part of fault 40): this engine was not started by ci/engine"; \
	else cd ci && ../$(CI)/python -m pytest tests/e2e -m serial; fi
	@$(with_engine) cd ci && CANARY_REPORT="$(CURDIR)/bench/canary.jsonl" \
		../$(CI)/python -m pytest tests/unit tests/e2e -m "fault and not serial" --numprocesses=$(E2E_WORKERS) \
		--faults=../bench/faults.json $(ARGS)

.PHONY: test-remote
test-remote: .venv/ci.stamp ## a stage of two runners without caches, on a second engine that they reach over TCP (about 5 min)
	@$(with_engine) cd ci && ../$(CI)/python -m pytest tests/e2e/test_remote_engine.py --log-cli-level=INFO $(ARGS)

# First in a network without any other interface: the servers are reached by the tests alone, on ports that nobody else has.
.PHONY: test-keyless
test-keyless: .venv/ci.stamp .venv/sigstore.stamp .venv/bin/registry $(SIGSTORE) .venv/bin/cosign ## signing without a key, with a Sigstore instance on this machine (the first run builds it)
	cd ci && unshare --map-root-user --net bash -c 'ip link set lo up && exec "$$@"' bash ../$(CI)/python -m pytest tests/keyless $(ARGS)
	@$(with_engine) cd ci && ../$(CI)/python -m pytest tests/e2e/test_keyless.py tests/e2e/test_keyless_stage.py

.PHONY: test-workflows
test-workflows: .venv/ci.stamp .venv/bin/registry .venv/bin/act ## the jobs of the workflows, run by act on this machine (about 10 min)
	@$(with_engine) cd ci && ../$(CI)/python -m pytest tests/e2e/test_workflow_jobs.py tests/e2e/test_workflow_releases.py $(ARGS)

.PHONY: test-gitea
test-gitea: .venv/ci.stamp $(FORGE) ## the git client against a Gitea server on this machine (about 1 min; the first run builds it)
	cd ci && ../$(CI)/python -m pytest tests/gitea $(ARGS)

# The programs of ci/engine are those of the image that Docker runs, in place of Dagger's own image.
.PHONY: test-docker
test-docker: .venv/ci.stamp ## make stage of a new clone with Docker, which runs from Debian's packages without being installed (about 6 min)
	@ci/engine/up
	cd ci && ../$(CI)/python -m pytest tests/docker --log-cli-level=INFO $(ARGS)

.PHONY: check-python
check-python: .venv/ci.stamp $(CLIENTS)
	cd ci && ../$(CI)/ruff check $(LINTED) && ../$(CI)/ruff format --check $(LINTED) && ../$(CI)/mypy
	cd ci && for client in $(CLIENTS:.stamp=); do \
		../$(CI)/mypy --python-executable=../$$client/bin/python --cache-dir=.mypy_cache/$${client##*/} src; done

# The service's packages are not installed in deptry's environment, so deptry assumes that a module has the name of its package,
# and logs each such assumption. ci/dependencies.toml maps the packages for which that is wrong, so these lines are filtered out.
.PHONY: check-dependencies
check-dependencies: .venv/ci.stamp
	cd ci && ../$(CI)/deptry --no-ansi src
	$(CI)/deptry --no-ansi --config=ci/dependencies.toml src 2> >(grep -v '^Assuming the corresponding module name' >&2)

.PHONY: check-shell
check-shell: .venv/ci.stamp
	$(CI)/shellcheck --external-sources --source-path=SCRIPTDIR $(SCRIPTS)

.PHONY: check-workflows
check-workflows: .venv/ci.stamp .venv/bin/actionlint
	.venv/bin/actionlint -shellcheck $(CI)/shellcheck -pyflakes=
	$(CI)/zizmor --offline --no-progress .github

.PHONY: check-go
check-go:
	@unformatted=$$(gofmt -l $(GO_FILES)); [[ -z $$unformatted ]] || { echo "not formatted by gofmt: $$unformatted; run make format"; exit 1; }
	go -C ci/advisories vet
	go -C ci/engine/programs/distconsts vet

.PHONY: check-pins
check-pins:
	ci/engine/pins

# Compares the uncompressed archives, because another version of Go may compress to other bytes.
.PHONY: check-advisories
check-advisories:
	@fresh=$$(mktemp) && trap 'rm -f "$$fresh"' EXIT && go -C ci/advisories run . advisories.json "$$fresh" && \
	cmp <(gzip -dc "$$fresh") <(gzip -dc $(DATABASE)) || { echo "$(DATABASE) differs from the output of ci/advisories; run make advisories"; exit 1; }

##### Commands that change files

.PHONY: format
format: .venv/ci.stamp ## format the Python and Go of module and benchmarks; for the service, run dagger call format
	cd ci && ../$(CI)/ruff check --fix-only $(LINTED) && ../$(CI)/ruff format $(LINTED)
	gofmt -w $(GO_FILES)

.PHONY: lock
lock: .venv/ci.stamp ## write the requirement files from ci/dependencies.toml; ARGS=--upgrade raises the versions
	PATH="$(CURDIR)/$(CI):$$PATH" PYTHONPATH=ci/src ci/lock $(ARGS)

.PHONY: interface
interface: .venv/ci.stamp ## write ci/tests/unit/testdata/interface.txt, the list of the module's functions and arguments
	cd ci && PYTHONPATH=src ../$(CI)/python -m tests.interface

.PHONY: advisories
advisories: ## write the vulnerability database of rehearsals from ci/advisories/advisories.json
	go -C ci/advisories run . advisories.json $(CURDIR)/$(DATABASE)

##### The engine

.PHONY: engine
engine: ## find an engine, or set one up and start it
	@ci/engine/client >/dev/null

.PHONY: engine-stop
engine-stop: ## stop the engine of ci/engine; keep its caches
	@ci/engine/down

.PHONY: env
env: ## print the variables that point dagger to the engine: eval "$$(make -s env)"
	@ci/engine/client

.PHONY: clean
clean: ## stop the engine; remove its state, the Python environments and the caches of the tools
	ci/engine/clean
	rm -rf .venv reports
	find . -name .git -prune -o \( -name __pycache__ -o -name '.*_cache' -o -name .hypothesis \) -type d -prune -exec rm -rf {} +

##### Environments, rebuilt if their requirements change

# $(call environment,NAME,REQUIREMENTS,DURATION)
define environment
@echo "creating .venv/$(1) from $(2) (about $(3))" >&2
rm -rf .venv/$(1)
$(PYTHON) -m venv .venv/$(1)
.venv/$(1)/bin/python -m pip install --quiet --disable-pip-version-check $(UV)
.venv/$(1)/bin/uv pip install --quiet --python .venv/$(1)/bin/python --requirement $(2)
touch $@
endef

.venv/ci.stamp: ci/requirements.dev
	$(call environment,ci,$<,20 s)

.venv/app.stamp: requirements.dev $(wildcard requirements requirements.train)
	$(call environment,app,$<,80 s)

.venv/mlflow.stamp: ci/tests/e2e/mlflow.requirements
	$(call environment,mlflow,$<,60 s)

.venv/sigstore.stamp: ci/src/stage_ci/adapters/locks/sigstore.requirements
	$(call environment,sigstore,$<,10 s)

.venv/bench.stamp: bench/service/requirements $(wildcard requirements requirements.train)
	$(call environment,bench,$<,80 s)

.venv/baseline.stamp: bench/service/baseline.requirements
	$(call environment,baseline,$<,40 s)

.venv/clients-%.stamp: ci/tests/clients/%.requirements
	$(call environment,clients-$*,$<,15 s)

.venv/bin/actionlint: ci/tools/go.mod ci/tools/go.sum
	go -C ci/tools build -trimpath -o $(CURDIR)/$@ github.com/rhysd/actionlint/cmd/actionlint

.venv/bin/act: ci/tools/act/go.mod ci/tools/act/go.sum
	@echo "building $@ from source (about a minute)" >&2
	go -C ci/tools/act build -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ github.com/nektos/act

.venv/bin/cosign: PACKAGE := github.com/sigstore/cosign/v3/cmd/cosign
.venv/bin/oras: PACKAGE := oras.land/oras/cmd/oras
$(VERIFIERS): ci/tools/verifiers/go.mod ci/tools/verifiers/go.sum
	@echo "building $@ from source (cosign takes about 4 min)" >&2
	go -C ci/tools/verifiers build -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ $(PACKAGE)

.venv/bin/fulcio: PACKAGE := github.com/sigstore/fulcio
.venv/bin/rekor-server: PACKAGE := github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix
.venv/bin/tesseract: PACKAGE := github.com/transparency-dev/tesseract/cmd/tesseract/posix
.venv/bin/timestamp-server: PACKAGE := github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server
$(SIGSTORE): ci/tools/sigstore/go.mod ci/tools/sigstore/go.sum
	@echo "building $@ from source" >&2
	go -C ci/tools/sigstore build -trimpath -ldflags "-s -w" -o $(CURDIR)/$@ $(PACKAGE)

# With SQLite, which needs cgo.
$(FORGE): ci/tools/gitea/go.mod ci/tools/gitea/go.sum
	@echo "building .venv/bin/gitea from source (about 10 min)" >&2
	CGO_ENABLED=1 go -C ci/tools/gitea build -trimpath -tags "sqlite sqlite_unlock_notify" -ldflags "-s -w" \
		-o $(CURDIR)/.venv/bin/gitea code.gitea.io/gitea
	rm -rf .venv/gitea && mkdir .venv/gitea
	module=$$(go -C ci/tools/gitea list -m -f '{{.Dir}}' code.gitea.io/gitea) && \
		cp -R "$$module/options" "$$module/public" "$$module/templates" .venv/gitea/
	chmod -R u+w .venv/gitea
	touch $@

# After the engine, which compiles the same packages with the same flags.
.venv/bin/registry: ci/engine/programs/go.mod ci/engine/programs/go.sum ci/engine/programs/registry/main.go | engine
	source ci/engine/settings.sh && GOFLAGS=$$BUILD_FLAGS GONOSUMDB=$$NO_SUM_DATABASE \
		go -C ci/engine/programs build -ldflags "-s -w" -o $(CURDIR)/$@ ./registry

.venv/bin/vegeta: bench/service/tools/go.mod bench/service/tools/go.sum
	go -C bench/service/tools build -trimpath -o $(CURDIR)/$@ github.com/tsenart/vegeta/v12
