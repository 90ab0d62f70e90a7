# The commands of this project. Each target is one step; what a step does stands in scripts/.
# CARGO_TARGET_DIR is honoured: point it at a cache to keep compiled files when a checkout is thrown away.

SHELL := /bin/bash
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)

.DEFAULT_GOAL := help
.PHONY: help run test check build site bench fuzz fmt setup

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: build ## set up what is missing, build in release mode and serve on port 4000, data under data/
	@exec $(TARGET_DIR)/release/llm-router serve

test: ## set up what is missing and check everything: format, lints, documentation, tests, browser
	@scripts/test.sh

check: site ## format and lints only
	@scripts/lint.sh

build: site ## the release binary
	@source scripts/env.sh && step "build: server, release" cargo build --release -p server

site: ## the site that the binary embeds, into target/site
	@scripts/setup.sh run
	@scripts/site.sh

bench: build ## compare with a bare reverse proxy on this machine (ARGS=--quick: a minute)
	@source scripts/env.sh && step "bench" cargo run --release -p bench -- $(ARGS)

fuzz: ## fuzz the parsers of wire formats, each for a minute (FUZZ_SECONDS=600, ARGS="sse json")
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-60} scripts/fuzz.sh $(ARGS)

fmt: ## format the code
	@source scripts/env.sh && cargo fmt --all && cargo fmt --manifest-path crates/dialects/fuzz/Cargo.toml

setup: ## install everything that `make test` needs, and do nothing else
	@scripts/setup.sh test
