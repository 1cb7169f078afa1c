# SPDX-License-Identifier: Apache-2.0
#
# The front door. Each target installs what it needs (tools/setup), builds, and does its job.
.DEFAULT_GOAL := help
.PHONY: help run test lint lint-all format bench clean build deb

JOBS ?= $(shell nproc)

help:  ## Say what there is
	@echo "Muster: make <target>"
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run:  ## Start a region on this machine: server, gateway, console and a first endpoint
	@tools/setup build
	@tools/console
	@tools/build release muster muster-agent muster-pack-apply
	@exec build/release/bin/muster up

test:  ## Run every test; the last line says how many passed
	@tools/setup test
	@tools/test

lint:  ## Check format, structure, sizes, scripts, console; clang-tidy on what changed
	@tools/setup test
	@tools/lint

lint-all:  ## The same, with clang-tidy on everything (slow)
	@tools/setup test
	@tools/lint --all

format:  ## Format the sources and redraw the module map
	@tools/setup test
	@tools/lint --fix

build:  ## Build everything for daily work (build/dev)
	@tools/setup test
	@tools/console
	@tools/build dev

deb:  ## Build the Debian packages muster and muster-agent (build/packages)
	@tools/setup package
	@tools/console
	@tools/build release muster muster-agent muster-manual muster-pack-apply
	@tools/build portable muster-agent
	$(if $(wildcard build/aarch64/bin),@tools/build aarch64 muster-agent muster-pack-apply)
	@tools/package --agent $(shell uname -m)=build/portable/bin/muster-agent \
	  $(if $(wildcard build/aarch64/bin/muster-agent),--agent aarch64=build/aarch64/bin/muster-agent) \
	  $(if $(wildcard build/aarch64/bin/muster-pack-apply),--installer $(shell uname -m)=build/release/bin/muster-pack-apply \
	    --installer aarch64=build/aarch64/bin/muster-pack-apply)

bench:  ## Measure, print a table, write build/bench/results.json
	@tools/setup bench
	@tools/console
	@tools/build release
	@tools/bench

clean:  ## Remove everything that was built
	rm -rf build console/dist console/node_modules
