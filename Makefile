# Causeway: builds into build/ (programs in build/bin).  'make help' lists what there is.
#
#   CC=clang             another compiler          SAN=asan|ubsan|tsan   a sanitizer build
#   BUILD=DIR            another output folder     V=1                   show the commands
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

SAN ?=
BUILD ?= build$(if $(SAN),/$(SAN))
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
VERSION := 0.1.0
Q := $(if $(V),,@)

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
STD := -std=gnu17 -D_GNU_SOURCE -DCAUSEWAY_VERSION='"$(VERSION)"' -I.
ifeq ($(SAN),asan)
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(SAN),fuzz)
SAN_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifeq ($(SAN),tsan)
SAN_FLAGS := -fsanitize=thread
# gcc's own warning that fences are not seen by the sanitizer: the race tests know it (tests/race).
WARN += $(if $(findstring clang,$(CC)),,-Wno-tsan)
endif
ALL_CFLAGS = $(STD) $(WARN) $(CFLAGS) $(SAN_FLAGS) $(OWN_FLAGS) -fno-strict-aliasing -fno-plt -pthread -MMD -MP
LDLIBS_common := -ljansson -linih -lseccomp -lcap
LDFLAGS_ALL := $(SAN_FLAGS) -pthread -Wl,--as-needed

sources = $(filter-out %.bpf.c,$(sort $(wildcard $(1)/*.c)))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LIB_SRC := $(call sources,common) $(call sources,common/proto) $(call sources,shm) $(call sources,shm/view)
LIB := $(BUILD)/libcauseway.a
PROGRAMS := ofproxy vnsbridge router ptyhost webterm causeway
ofproxy_SRC := $(call sources,ofproxy)
ofproxy_LIBS := -lssl -lcrypto
vnsbridge_SRC := $(call sources,vnsbridge)
vnsbridge_LIBS := -lcrypto
router_SRC := $(call sources,router)
router_LIBS := -lurcu-qsbr -lurcu-common -lcrypto
ptyhost_SRC := $(call sources,webterm/ptyhost)
ptyhost_LIBS := -lutil
webterm_SRC := $(call sources,webterm) page_assets.c
webterm_LIBS := -lwebsockets -lssl -lcrypto -lz
causeway_SRC := $(call sources,ctl)
causeway_LIBS = $(TRACE_LIBS) -lm
BIN := $(PROGRAMS:%=$(BUILD)/bin/%)

FORMATTED := $(sort $(wildcard common/*.[ch] common/proto/*.[ch] shm/*.[ch] shm/view/*.[ch] webterm/*.[ch] webterm/ptyhost/*.[ch] ofproxy/*.[ch] \
    vnsbridge/*.[ch] router/*.[ch] ctl/*.[ch] tests/*/*.[ch] tests/fuzz/shim/criterion/*.h))

.PHONY: all help programs page page-test up down check check-compose unit race race-run verify fuzz fuzz-build fuzz-seeds e2e bench fakes oracle coverage openapi deps fmt fmt-check clean install
all: programs                                 ## build the programs

help:                                         ## list the targets
	@awk -F'##' '/^[a-z0-9-]+:.*##/ { split($$1, t, ":"); printf "  %-14s%s\n", t[1], $$2 }' $(MAKEFILE_LIST)

programs: $(BIN) page

# The page that webterm serves: made once for all builds.
PAGE := build/page
PAGE_PACKAGES := build/npm/page
PAGE_SRC := $(sort $(shell find webterm/page -type f ! -name '*.md' ! -name embed))
page: $(PAGE)/index.html                      ## build webterm's page into build/page
$(PAGE)/index.html: $(PAGE_SRC) $(PAGE_PACKAGES)/.done
	$(Q)node webterm/page/build.mjs $(PAGE_PACKAGES) $(PAGE)
# All its files in one of C, for the program to hold.
$(BUILD)/obj/page_assets.o: build/page_assets.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
build/page_assets.c: $(PAGE)/index.html webterm/page/embed
	$(Q)webterm/page/embed $(PAGE) >$@.new && mv $@.new $@
# Packages from npm, for the page and for its tests: as package-lock.json has them; none of their scripts is run.
PAGE_TEST_PACKAGES := build/npm/tests-page
$(PAGE_PACKAGES)/.done: webterm/page/package.json webterm/page/package-lock.json
$(PAGE_TEST_PACKAGES)/.done: tests/page/package.json tests/page/package-lock.json
build/npm/%/.done:
	@mkdir -p $(@D)
	$(Q)cp $^ $(@D)
	$(Q)cd $(@D) && npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error
	@touch $@

# A traced process may make a call where a probe is (common/probe.h), and a call pushes: nothing of a function with one may
# lie below the stack's end.  (With link-time optimization, this would be for all: it keeps functions from being inlined.)
PROBED := $(shell grep -lE '^ +PROBE[0-9]' */*.c)
$(PROBED:%.c=$(BUILD)/obj/%.o): OWN_FLAGS := $(if $(findstring x86_64,$(shell $(CC) -dumpmachine)),-mno-red-zone)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

# `causeway trace` has a program for the kernel in it.  A machine that lacks one of its tools builds all the rest.
BPFTOOL := $(firstword $(wildcard /usr/sbin/bpftool) $(shell command -v bpftool))
BPF_CLANG := $(shell command -v clang)
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
ifneq ($(and $(BPFTOOL),$(BPF_CLANG),$(wildcard /usr/include/bpf/usdt.bpf.h)),)
TRACE_LIBS := -lbpf -lelf -lz
$(BUILD)/obj/ctl/trace_kernel.o: $(BUILD)/skel/trace.skel.h
$(BUILD)/obj/ctl/trace_kernel.o: OWN_FLAGS := -DCAUSEWAY_TRACE -isystem $(BUILD)/skel
endif
$(BUILD)/skel/%.skel.h: ctl/%.bpf.c ctl/trace.h ctl/trace.def common/histogram.h
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) -O2 -g -target bpf -mcpu=v3 -ffreestanding -Wall -Wextra -Werror -Wno-unused-parameter \
	    -D__TARGET_ARCH_$(BPF_ARCH) -I. -I/usr/include/$(shell uname -m)-linux-gnu -c -o $(@:.skel.h=.bpf.o) $<
	$(Q)$(BPFTOOL) gen skeleton $(@:.skel.h=.bpf.o) name $*_bpf >$@.new && mv $@.new $@

$(LIB): $(call objects,$(LIB_SRC))
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

define program
$(BUILD)/bin/$(1): $(call objects,$($(1)_SRC)) $(LIB)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $$@ $$(filter %.o,$$^) $(LIB) $($(1)_LIBS) $(LDLIBS_common)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# Unit tests: one program per file of tests/unit; they may see the objects of one process (all but
# its main), named by the file: tests/unit/router_arp.c sees router/.
UNIT_SRC := $(call sources,tests/unit)
UNIT := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
unit_process = $(patsubst ptyhost,webterm/ptyhost,$(filter ofproxy vnsbridge router ptyhost webterm ctl,$(firstword $(subst _, ,$(1)))))
unit_objects = $(if $(unit_process),$(call objects,$(filter-out %/main.c,$(call sources,$(unit_process))) $(if $(filter webterm,$(unit_process)),page_assets.c)))
define unit_program
$(BUILD)/unit/$(1): $(BUILD)/obj/tests/unit/$(1).o $(call unit_objects,$(1)) $(LIB)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $$@ $$(filter %.o,$$^) $(LIB) -lcriterion -lurcu-qsbr -lurcu-common -lwebsockets -lssl -lcrypto -lz -lm $(TRACE_LIBS) $(LDLIBS_common)
endef
$(foreach u,$(UNIT_SRC:tests/unit/%.c=%),$(eval $(call unit_program,$(u))))

unit: $(UNIT)                                 ## build and run the unit tests
	$(Q)for t in $(UNIT); do echo "unit: $${t##*/}"; $$t --timeout 30 || exit 1; done

# Fakes that a real part cannot stand in for: a hostile or scripted switch, a classic VNS client; and
# tests/fault's switch, which counts what a killed process costs.
FAKE := $(patsubst tests/fake/%.c,$(BUILD)/fake/%,$(call sources,tests/fake))
$(BUILD)/fake/%: $(BUILD)/obj/tests/fake/%.o $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< $(LIB) -lcrypto $(LDLIBS_common)
FAULT := $(patsubst %,$(BUILD)/fault/%,inject liar steady step storm tracee_check)
$(BUILD)/fault/step: $(patsubst %,$(BUILD)/obj/tests/fault/%.o,step_router step_bridge step_ofproxy step_ofproxy_must step_switch image stride janitor \
	tracee tracee_symbols)
$(BUILD)/fault/tracee_check: $(patsubst %,$(BUILD)/obj/tests/fault/%.o,tracee tracee_symbols)
$(BUILD)/fault/%: $(BUILD)/obj/tests/fault/%.o $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIB) $(LDLIBS_common)

# The same router and vnsbridge, but frames can kill them (tests/poison/trigger.c); with the other
# programs beside them, so that causeway starts them.
POISON := $(PROGRAMS:%=$(BUILD)/poison/bin/%)
define poison_program
$(BUILD)/poison/bin/$(1): $(call objects,$($(1)_SRC) tests/poison/trigger.c) $(LIB)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -Wl,--wrap=ring_hand,--wrap=hold_hand -o $$@ $$(filter %.o,$$^) $(LIB) $($(1)_LIBS) $(LDLIBS_common)
endef
$(foreach p,router vnsbridge,$(eval $(call poison_program,$(p))))
$(filter-out %/router %/vnsbridge,$(POISON)): $(BUILD)/poison/bin/%: $(BUILD)/bin/%
	@mkdir -p $(@D)
	$(Q)ln -f $< $@

# The zoo makes one of every message from the tables; others' programs say what they make of it.
ORACLE := $(patsubst %,$(BUILD)/oracle/%,zoo again frames)
$(BUILD)/oracle/zoo: $(patsubst %,$(BUILD)/obj/tests/oracle/%.o,zoo zoo_values)
$(BUILD)/oracle/again: $(BUILD)/obj/tests/oracle/again.o
$(BUILD)/oracle/frames: $(BUILD)/obj/tests/oracle/frames.o
$(BUILD)/oracle/%: $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIB) $(LDLIBS_common)
oracle: $(ORACLE)                             ## hold the codec against Open vSwitch, tshark and os-ken
	$(Q)CAUSEWAY_ORACLE=$(abspath $(BUILD)/oracle) /usr/bin/python3 -m pytest -q --durations=3 tests/oracle
coverage: $(ORACLE)                           ## make docs/openflow-coverage.md anew
	$(Q)CAUSEWAY_ORACLE=$(abspath $(BUILD)/oracle) /usr/bin/python3 tests/oracle/coverage.py >$(BUILD)/coverage.md
	$(Q)mv $(BUILD)/coverage.md docs/openflow-coverage.md

fakes: $(FAKE) $(FAULT) $(POISON)

# webterm has both forms in it (webterm/openapi.c).
$(BUILD)/obj/webterm/openapi.o: docs/openapi.yaml docs/openapi.json
openapi:                                      ## make docs/openapi.json anew, from docs/openapi.yaml
	$(Q)/usr/bin/python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, separators=(",", ":"))' \
	    <docs/openapi.yaml >docs/openapi.json

# Races: plain programs under ThreadSanitizer, always built with SAN=tsan.
RACE := ring_race fib_race mirror_race pty_race
race:                                         ## build and run the race tests under ThreadSanitizer
	$(Q)$(MAKE) --no-print-directory SAN=tsan BUILD=build/tsan race-run
race-run: $(RACE:%=$(BUILD)/race/%)
	$(Q)for t in $^; do echo "race: $${t##*/}"; $$t || exit 1; done
$(BUILD)/race/%: $(BUILD)/obj/tests/race/%.o $(call objects,router/fib.c router/fib_trie.c) $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lurcu-qsbr -lurcu-common $(LDLIBS_common)

verify:                                       ## model-check the crash protocol, and each model with a switch that breaks it
	$(Q)tests/verify/run

# Fuzzing: libFuzzer programs, always built by clang with SAN=fuzz.  Like a unit test, a target sees
# the objects of the process that its name begins with.  SECONDS is for all targets together.
# SEED=0: other random numbers each time, so that each run may find what none before it has; 'check'
# takes the same ones always, since it is to judge the change before it.
SECONDS := 60
SEED := 0
FUZZ := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/fuzz.c tests/fuzz/seeds.c,$(call sources,tests/fuzz)))
fuzz:                                         ## build and run the fuzz targets (SECONDS=60, in all; SEED=0)
	$(Q)$(MAKE) --no-print-directory CC=clang SAN=fuzz BUILD=build/fuzz fuzz-build
	$(Q)tests/fuzz/run build/fuzz $(SECONDS) $(SEED) $(FUZZ)
fuzz-seeds:                                   ## make the committed seeds anew (LIVE=FOLDER of cut_pcap)
	$(Q)$(MAKE) --no-print-directory CC=clang SAN=fuzz BUILD=build/fuzz fuzz-build build/fuzz/target/seeds
	$(Q)tests/fuzz/merge build/fuzz "$(LIVE)" $(FUZZ)
fuzz-build: $(FUZZ:%=$(BUILD)/target/%)
$(BUILD)/obj/tests/fuzz/%.o: EXTRA_CFLAGS += -Itests/fuzz/shim
define fuzz_program
$(BUILD)/target/$(1): $(BUILD)/obj/tests/fuzz/$(1).o $(BUILD)/obj/tests/fuzz/fuzz.o $(call unit_objects,$(1)) $(LIB)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer -Wl,--wrap=die,--wrap=die_usage -o $$@ $$(filter %.o,$$^) $(LIB) \
	    -lurcu-qsbr -lurcu-common -lwebsockets -lssl -lcrypto -lz -lm $(TRACE_LIBS) $(LDLIBS_common)
endef
$(foreach f,$(FUZZ),$(eval $(call fuzz_program,$(f))))
$(BUILD)/target/seeds: $(BUILD)/obj/tests/fuzz/seeds.o $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LDLIBS_common)

# Benchmarks are run by hand, never by check: a machine's mood is no test.  Each part may be run by
# itself; docs/performance.md has the last figures (make bench-report).  QUICK=1: shorter.
BENCH := $(patsubst %,$(BUILD)/bench/%,ring_contest chain_bench codec_bench router_bench openflow_bench of_reflector tcp_echo web_client)
BENCH_PARTS := bench-ring bench-micro bench-stack bench-others bench-network bench-idle bench-steady
.PHONY: bench-probes bench-build bench-web bench-report yardsticks $(BENCH_PARTS)
bench:                                        ## measure everything beside its yardsticks, under ten minutes (root; QUICK=1)
	$(Q)for part in $(BENCH_PARTS); do $(MAKE) --no-print-directory $$part || exit 1; done
bench-ring: bench-build                       ## ... the ring beside other makers' rings, the chain of processes beside sockets
	$(Q)$(BENCH_ENV) tests/bench/rings
bench-micro: bench-build                      ## ... checksum, forwarding table, router, codec, ofproxy by themselves
	$(Q)$(BENCH_ENV) tests/bench/micro
bench-stack: bench-build                      ## ... the whole stack beside a router in one process and bare TCP
	$(Q)$(BENCH_ENV) tests/bench/stack
bench-others: bench-build                     ## ... beside Open vSwitch's test controller and os-ken
	$(Q)$(BENCH_ENV) tests/bench/others
bench-network: bench-build                    ## ... ping through a real switch beside the kernel's forwarding (root)
	$(Q)$(BENCH_ENV) tests/bench/network
bench-idle: bench-build                       ## ... from nothing to routing; memory and processor of an idle stack
	$(Q)$(BENCH_ENV) tests/bench/idle
bench-steady: bench-build                     ## ... 10,000 frames a second for a minute
	$(Q)$(BENCH_ENV) tests/bench/steady
bench-web: bench-build                        ## ... webterm (TTYD=PROGRAM beside)
	$(Q)tests/bench/web_bench $(abspath $(BUILD)/bin $(BUILD)/bench) $(TTYD)
bench-probes:                                 ## ... what the probes cost while nobody traces: instructions, by callgrind
	$(Q).ci/packages build test
	$(Q)$(MAKE) $(JOBS) --no-print-directory $(PROBE_UNITS:%=$(BUILD)/unit/%)
	$(Q)$(MAKE) $(JOBS) --no-print-directory BUILD=$(BUILD)/noprobes CFLAGS='$(CFLAGS) -DNO_PROBES' $(PROBE_UNITS:%=$(BUILD)/noprobes/unit/%)
	$(Q)tests/bench/probe_cost $(BUILD) $(BUILD)/noprobes
PROBE_UNITS := ofproxy_mirror vnsbridge_frames router_ring
# For a test that the benchmarks work; neither needs a package of 'bench'.
yardsticks: $(BUILD)/bench/of_reflector $(BUILD)/bench/tcp_echo
bench-report:                                 ## write the last figures of each part into docs/performance.md
	$(Q)$(BENCH_ENV) tests/bench/report
bench-build:
	$(Q).ci/packages build lab bench
	$(Q)$(MAKE) $(JOBS) --no-print-directory programs $(BENCH) $(BUILD)/fake/reflector
	$(Q)printf 'compiler=%s\nflags=%s\n' "$$($(CC) --version | head -n 1)" '$(CFLAGS)' >$(BUILD)/bench/flags
BENCH_ENV := BUILD=$(abspath $(BUILD))
# Rings of others, built for the benchmark alone.
$(BUILD)/bench/ring_contest: $(patsubst %,$(BUILD)/obj/tests/bench/contest_%.o,ours plain ck rte)
$(BUILD)/bench/ring_contest: BENCH_LIBS := -lrte_ring -lrte_eal
$(BUILD)/obj/tests/bench/contest_rte.o: EXTRA_CFLAGS += $(shell pkg-config --cflags-only-I libdpdk 2>/dev/null | sed 's/-I/-isystem /g') \
    -include rte_config.h $(if $(filter x86_64,$(shell uname -m)),-march=corei7)
$(BUILD)/bench/router_bench: $(call objects,$(filter-out router/main.c,$(router_SRC)))
$(BUILD)/bench/router_bench: BENCH_LIBS := $(router_LIBS)
$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIB) $(BENCH_LIBS) $(LDLIBS_common)

RUN_DIR ?= /run/causeway
# Of 'up' and 'check'.
JOBS := -j$(shell nproc)

up:                                           ## install what is missing, build, run the stack and its lab
	$(Q).ci/packages build lab
	$(Q)$(MAKE) $(JOBS) --no-print-directory programs
	$(Q)$(BUILD)/bin/causeway --run-dir $(RUN_DIR) up
	$(Q)lab/lab up --run-dir $(RUN_DIR)
	$(Q)$(BUILD)/bin/causeway --run-dir $(RUN_DIR) wait --timeout 20
	$(Q)lab/next-steps $(BUILD)/bin/causeway $(RUN_DIR)

down:                                         ## stop the lab and the stack, leave nothing behind
	$(Q)lab/lab down --run-dir $(RUN_DIR)
	$(Q)$(BUILD)/bin/causeway --run-dir $(RUN_DIR) down

# Everything that must hold.  The slow part, on a real switch, comes last.
check:                                        ## install what is missing, build, run every test
	$(Q).ci/packages build lab test
	$(Q)$(MAKE) $(JOBS) --no-print-directory programs fakes
	$(Q)$(MAKE) $(JOBS) --no-print-directory fmt-check deps
	$(Q)$(MAKE) $(JOBS) --no-print-directory CC=clang BUILD=build/clang programs
	$(Q)$(MAKE) $(JOBS) --no-print-directory unit
	$(Q)$(MAKE) $(JOBS) --no-print-directory SAN=asan unit build/asan/bin/webterm
	$(Q)$(MAKE) $(JOBS) --no-print-directory race
	$(Q)$(MAKE) $(JOBS) --no-print-directory verify
	$(Q)$(MAKE) $(JOBS) --no-print-directory fuzz SEED=1
	$(Q)$(MAKE) $(JOBS) --no-print-directory oracle
	$(Q)$(MAKE) $(JOBS) --no-print-directory e2e
	$(Q)$(MAKE) $(JOBS) --no-print-directory page-test

# The page in Chromium, on a real stack.
page-test: programs $(PAGE_TEST_PACKAGES)/.done ## try the page in a browser (root)
	$(Q)CAUSEWAY_BIN=$(abspath $(BUILD)/bin) tests/page/run

e2e: programs fakes yardsticks                ## run the tests on a real switch (root)
	$(Q)CAUSEWAY_BIN=$(abspath $(BUILD)/bin) /usr/bin/python3 -m pytest -q --durations=5 tests/e2e

# On a Docker engine: the one that runs, or one of the test's own.
check-compose:                                ## try docker-compose.yml on a real engine (root; several minutes)
	$(Q).ci/packages compose
	$(Q)/usr/bin/python3 -m pytest -q --durations=5 tests/compose

PREFIX ?= /usr/local
# The lab goes where ptyhost looks for it from PREFIX/bin.
install: programs                             ## install the programs, the lab, the man page, systemd's units (PREFIX, DESTDIR)
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/causeway/lab $(DESTDIR)$(PREFIX)/share/man/man1
	$(Q)install $(BIN) $(DESTDIR)$(PREFIX)/bin
	$(Q)for f in $$(git ls-files lab 2>/dev/null || find lab -maxdepth 1 -type f); do \
	    install -m $$(test -x $$f && echo 755 || echo 644) $$f $(DESTDIR)$(PREFIX)/lib/causeway/lab || exit 1; done
	$(Q)install -m 644 docs/causeway.1 $(DESTDIR)$(PREFIX)/share/man/man1
	$(Q)install -d $(addprefix $(DESTDIR)$(PREFIX)/lib/,systemd/system sysusers.d tmpfiles.d)
	$(Q)for f in $(notdir $(wildcard systemd/*.service systemd/*.target)); do \
	    sed 's|@PREFIX@|$(PREFIX)|' systemd/$$f >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$f || exit 1; done
	$(Q)install -m 644 systemd/causeway.sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/causeway.conf
	$(Q)install -m 644 systemd/causeway.tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/causeway.conf

deps:                                         ## check the dependency rule
	$(Q)tests/deps.sh

fmt-check:                                    ## check that the C sources are formatted
	$(Q)clang-format --dry-run --Werror $(FORMATTED)

fmt:                                          ## format the C sources
	$(Q)clang-format -i $(FORMATTED)

clean:                                        ## remove what was built
	$(Q)rm -rf build

# Objects of a test are not to be thrown away after linking.
.SECONDARY:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
