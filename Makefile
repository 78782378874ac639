# What a developer types. Each target does its own set-up (packaging/dev/setup.sh) on Debian and Ubuntu.
# Recipes end in `exec` where they start servers, so that Ctrl-C reaches the program that cleans up.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.NOTPARALLEL:

CARGO ?= cargo
# Tools that set-up has built are here, also when the shell's PATH does not know the folder.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

SETUP := packaging/dev/setup.sh
# Where cargo puts programs: the user's own settings may move it.
PROGRAMS = $$($(CARGO) metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')

# A corpus of JDF files from the field, where there is one beside the clone; tests and benchmark say what they do without it.
ifneq ($(wildcard ../shared/corpus),)
export AGOG_JDF_CORPUS ?= $(abspath ../shared/corpus)
endif

.PHONY: help demo test check bench simulate torture fuzz sqlx fmt

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r target text; do printf '  make %-7s %s\n' "$$target" "$$text"; done

demo: ## a press, an agent and a hub; one lot traced end to end (TICKET=file.jdf runs that ticket, KEEP=1 leaves it up)
	@$(SETUP) --for demo
	$(CARGO) build --quiet --workspace --bins
	exec "$(PROGRAMS)/debug/agog-demo" $(if $(TICKET),--ticket '$(TICKET)') $(if $(KEEP),--keep)

test: ## all tests, on a PostgreSQL and a broker of their own
	@$(SETUP) --for test
	$(CARGO) build --workspace --bins --tests
	$(CARGO) test --quiet --doc --workspace
	exec "$(PROGRAMS)/debug/agog-services" -- $(CARGO) nextest run --workspace

check: ## format, lints, committed query data, licences, house rules
	@$(SETUP) --for check
	$(CARGO) fmt --all --check
	packaging/dev/tidy.sh
	$(CARGO) deny --log-level error check --hide-inclusion-graph bans licenses sources
	$(CARGO) clippy --quiet --workspace --all-targets -- --deny warnings
	packaging/dev/sqlx.sh --check

# What else `agog-bench` is told: `--help` lists it.
BENCH ?=

bench: ## measures agent, ledger, uplink, traces, documents, telemetry, tickets (BENCH='--rows 50000000 --waiting 86400000', …)
	@$(SETUP) --for bench
	$(CARGO) bench --quiet --package agog-jdf --bench reading
	$(CARGO) run --quiet --release --package agog-jdf --example package_memory
	$(CARGO) build --release --workspace --bins --example append --example history
	exec "$(PROGRAMS)/release/agog-bench" $(BENCH)

SEEDS ?= 20000

simulate: ## runs seeded worlds of agents, a hub and a bad line (SEEDS=20000 of each kind; SEED=7 runs that one alone)
	@export SEEDS=$(SEEDS)
	exec $(CARGO) test --quiet --release --package agog-sync --test simulation -- --nocapture

KILLS ?= 1000

torture: ## kills agent, hub and PostgreSQL while operators work (KILLS=1000; AGOG_SEED=7 picks other moments)
	@$(SETUP) --for test
	$(CARGO) build --workspace --bins --tests
	export AGOG_KILLS=$(KILLS)
	exec "$(PROGRAMS)/debug/agog-services" -- $(CARGO) nextest run --workspace --no-capture -E 'binary(torture)'

# Which targets, and for how many seconds each.
FUZZ ?= document ticket jmf package date list
FUZZ_SYNC ?= saved change block
FUZZ_SECONDS ?= 600

fuzz: ## fuzzes tickets, messages, packages and documents (FUZZ_SECONDS=600 each, FUZZ='document jmf …', FUZZ_SYNC='change …')
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	# The sanitizer is a nightly feature of the compiler; this lets the installed one use it.
	export RUSTC_BOOTSTRAP=1
	fuzz() { # crate, target
	    cd "$(CURDIR)/$$1/fuzz"
	    # What reaches new code is kept in the first folder; the other one is where it starts from.
	    mkdir -p "corpus/$$2"
	    from=("corpus/$$2")
	    if [ -d "seeds/$$2" ]; then from+=("seeds/$$2"); fi
	    $(CARGO) fuzz run "$$2" "$${from[@]}" -- -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=10 -print_final_stats=1
	}
	for target in $(FUZZ); do fuzz jdf "$$target"; done
	for target in $(FUZZ_SYNC); do fuzz sync "$$target"; done

sqlx: ## renews cloud-hub/.sqlx after a query or migration has changed
	@$(SETUP) --for demo
	exec packaging/dev/sqlx.sh

fmt: ## formats the code
	@exec $(CARGO) fmt --all
