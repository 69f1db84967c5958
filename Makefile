# SPDX-License-Identifier: MIT
#
# The build. Every folder is a library and every program a library plus a thin main.c; sources are found by wildcard,
# so a new file needs no entry here. Nothing is written outside $(BUILD).
#
#   make CC=clang          another compiler          make BUILD=/elsewhere   another output directory
#   make WERROR=1          warnings are errors       make SANITIZE=1         AddressSanitizer and UBSan
#   make SANITIZE=thread   ThreadSanitizer (`make tsan` does it)
#   make HOSTILE=1         checks all invariants after each message (slow), and ends with the text of one that is broken
#   make FIBER=ucontext    switches fibers with the C library's swapcontext; asm, the default on x86-64 and arm64, with ours
#   make FUZZ=1            marks the code for libFuzzer, whose targets it links in $(BUILD)/fuzz (clang; `make fuzz` does it)
#   make LTO=1             optimises each program as a whole, for releases: the broker executes 6 % less for a message, and a
#                          change costs many seconds more, for every program is compiled again when it is linked. CFLAGS are
#                          used beside it
#   make DEBUG_INFO=       leaves out what debuggers need, which takes a third of the compiler's time (not with SANITIZE)
#   make TEST_LDFLAGS=-fuse-ld=gold   links the tests, of which there are some 300, with another linker
#   make V=1               shows the commands
#
# `make` installs nothing; `make install` does (install.mk). `make check` and `make demo` first have tools/setup.sh install what is missing; they call
# make again afterwards, because the flags below come from libraries that may not have been there before.

BUILD ?= build
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

comma := ,

# Make cannot work with names that have these characters in them.
ifneq ($(words x$(BUILD)x)$(findstring %,$(BUILD))$(findstring :,$(BUILD))$(findstring ;,$(BUILD)),1)
$(error BUILD is '$(BUILD)': make cannot work in a directory with a blank or one of % : ; in its name; choose another)
endif
ifeq ($(BUILD),)
$(error BUILD is empty: name a directory for the output)
endif
# Sources are named relative to this folder.
ifeq ($(wildcard proto/ops.def),)
$(error this Makefile works in its own folder only: run `make -C '$(patsubst %/Makefile,%,$(strip $(MAKEFILE_LIST)))' BUILD='$(abspath $(BUILD))'`)
endif
ifneq ($(filter-out asm ucontext,$(FIBER))$(word 2,$(FIBER)),)
$(error FIBER is '$(FIBER)': it is asm or ucontext)
endif

ifeq ($(origin CC),default)
CC := $(if $(shell command -v gcc),gcc,clang)
endif
# Parallel by itself; a recursive make has its parent's job server.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
# Most targets start a make of their own, and two at a time would write the same files: of several goals one of which is
# such, each begins when the one before it has ended.
ifneq ($(word 2,$(MAKECMDGOALS)),)
ifneq ($(filter-out all tests $(BUILD)/%,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif
endif

# ---- Flags -------------------------------------------------------------------------------------------------------

have_package = $(shell pkg-config --exists $(1) 2>/dev/null && echo $(1))
PACKAGES := libuv lua5.1 inih libseccomp libedit ncursesw libmicrohttpd libconfuse
# Of the tests: Check, and msgpack-c (renamed with its version 6), which says what the bytes we write and accept are to be.
MSGPACK_NAME := $(firstword $(call have_package,msgpack-c) $(call have_package,msgpack) msgpack-c)
TEST_PACKAGES := check $(MSGPACK_NAME)
missing_of = $(strip $(foreach p,$(1),$(if $(call have_package,$(p)),,$(p))))
MISSING := $(call missing_of,$(PACKAGES)) $(if $(shell command -v $(firstword $(CC))),,$(firstword $(CC)))
MISSING := $(strip $(MISSING))
MISSING_CHECK := $(call missing_of,$(TEST_PACKAGES))
# Expanded only in recipes that need the libraries, so that help, setup and clean work without them.
need_libraries = $(if $(MISSING),$(error missing: $(MISSING). Run `tools/setup.sh`, which installs what the programs need))
# For tests, which need two libraries more.
need_check = $(if $(MISSING_CHECK),$(error missing: $(MISSING_CHECK). Run `tools/setup.sh packages`, which installs what the tests need))
package_libs = $(shell pkg-config --libs $(1) 2>/dev/null)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            $(if $(filter 1,$(WERROR)),-Werror)
SANITIZER := $(if $(filter 1,$(SANITIZE)),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer) \
             $(if $(filter thread,$(SANITIZE)),-fsanitize=thread) \
             $(if $(filter 1,$(FUZZ)),-fsanitize=fuzzer-no-link -fsanitize-coverage-ignorelist=tests/fuzz/untraced \
               -fno-sanitize=null$(comma)alignment$(comma)object-size$(comma)pointer-overflow$(comma)bool)
# libFuzzer would be told of the comparisons in these checks of pointers and flags. What it finds is replayed by builds that have these.
OPTIMISE := $(if $(filter 1,$(FUZZ)),-O2,$(if $(filter 1 thread,$(SANITIZE)),-O1,-O2))
# Where sanitisers and fuzzers look, nothing is to be merged.
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
LTO_FLAG := $(if $(filter 1,$(LTO)),$(if $(filter 1,$(SANITIZE) $(FUZZ)),,$(if $(IS_CLANG),-flto,-flto=auto)))
# What a sanitiser reports are functions and lines: with no more than those, gcc compiles in two thirds of the time.
DEBUG_INFO ?= -g
CFLAGS ?= $(OPTIMISE) $(if $(filter 1,$(SANITIZE)),-g1,$(DEBUG_INFO))
# The compiler's own, for it may compile for another processor. An ar without its plugin cannot index the objects of -flto.
tool = $(shell $(CC) -print-prog-name=$(1) 2>/dev/null || echo $(1))
ifeq ($(origin AR),default)
AR := $(call tool,$(if $(findstring -flto,$(CFLAGS) $(LTO_FLAG)),$(if $(IS_CLANG),llvm-ar,gcc-ar),ar))
endif
OBJCOPY ?= $(call tool,objcopy)
OWN_CFLAGS := -std=gnu11 -fPIC -fvisibility=hidden $(WARNINGS) $(SANITIZER) $(LTO_FLAG) \
              $(if $(filter 1,$(HOSTILE)),-DGAIJIN_HOSTILE) \
              $(if $(FIBER),$(if $(filter asm,$(FIBER)),-DGAIJIN_FIBER_ASM,-DGAIJIN_FIBER_UCONTEXT)) \
              -I. -Iclient-lib/include -I$(BUILD)/obj \
              $(patsubst -I%,-isystem %,$(filter-out -D_XOPEN_SOURCE=% -D_DEFAULT_SOURCE,$(shell pkg-config --cflags $(PACKAGES) $(if $(MISSING_CHECK),,$(TEST_PACKAGES)) 2>/dev/null)))
OWN_LDFLAGS := $(SANITIZER) -pthread$(if $(LTO_FLAG), $(LTO_FLAG)$(if $(IS_CLANG), -fuse-ld=lld))
UV := $(call package_libs,libuv)
MSGPACK := $(call package_libs,$(MSGPACK_NAME))
LUA := $(call package_libs,lua5.1)
INIH := $(call package_libs,inih)
SECCOMP := $(call package_libs,libseccomp)
EDIT := $(call package_libs,libedit)
CURSES := $(call package_libs,ncursesw)
HTTP := $(call package_libs,libmicrohttpd)
CONFUSE := $(call package_libs,libconfuse)
CHECK := $(call package_libs,check)

# ---- Sources -----------------------------------------------------------------------------------------------------

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
# The programs of a list of main files: $(call programs,folder,sources)
programs = $(patsubst %.c,$(BUILD)/$(1)/%,$(notdir $(2)))

# The files of a folder, of those in it, and of theirs: $(call under,folder,pattern)
under = $(sort $(wildcard $(1)/$(2) $(1)/*/$(2) $(1)/*/*/$(2)))

PROTO := $(call objects,$(call under,proto,*.c))
CLIENT := $(call objects,$(call under,client-lib,*.c))
POLICY := $(call objects,$(call under,policy,*.c))
BROKER := $(call objects,$(filter-out broker/main.c,$(call under,broker,*.c)))
# lua/module.c is the entry of build/gaijin.so only.
LUASIDE := $(call objects,$(filter-out lua/main.c lua/module.c,$(call under,lua,*.c)))
# The page that gaijinctl web serves.
PAGE := $(patsubst %,$(BUILD)/obj/%.h,$(wildcard tools/web/page/*))
LUA_SCRIPTS := $(patsubst %,$(BUILD)/obj/%.h,$(call under,lua,*.lua))
TOOLS := $(call objects,$(filter-out tools/main.c tools/dev/%,$(call under,tools,*.c)))
BED := $(call objects,$(wildcard tests/bed/*.c))
LEAK_ROOTS := $(if $(filter 1,$(SANITIZE)),$(if $(filter 1,$(FUZZ)),,$(call objects,tests/leaks/roots.c)))
UNIT_TESTS := $(call programs,tests,$(wildcard tests/unit/test_*.c))
# Fibers switched by the C library too, in a worker and the tests nearest to it; nothing else knows the difference.
UCONTEXT_TESTS := $(patsubst %,$(BUILD)/tests/ucontext_test_lua_%,context stack fiber)
UCONTEXT := $(patsubst %,$(BUILD)/obj/ucontext/lua/vm/%.o,context stack)
UNIT_TESTS += $(UCONTEXT_TESTS)
FLOW_TESTS := $(call programs,tests,$(wildcard tests/flow/test_*.c tests/hostile/test_*.c))
FLOW_SCRIPTS := $(sort $(wildcard tests/flow/test_*.sh))
STRESS := $(if $(wildcard tests/stress/*.c),$(BUILD)/stress)
SOAK := $(if $(wildcard tests/soak/*.c),$(BUILD)/soak)
SOAK_SOURCES := $(filter-out tests/soak/in_use.c,$(wildcard tests/soak/*.c))
# Each fuzz target is two programs: one that feeds it the files of its corpus, and one with libFuzzer (see tests/fuzz/fuzz.h).
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS := $(patsubst %,$(BUILD)/tests/fuzz_%,$(FUZZ_TARGETS))
FUZZERS := $(patsubst %,$(BUILD)/fuzz/%,$(FUZZ_TARGETS))
FUZZ_WORLD := $(call objects,$(patsubst %,tests/fuzz/%.c,steady dial pairs mappings steps peer program))
# Attacks, run by a test and by a bench.
ATTACKS := $(call objects,$(filter-out tests/hostile/test_%.c tests/hostile/bench.c,$(wildcard tests/hostile/*.c)))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(filter-out $(patsubst %,tests/bench/%/%,common peers) tests/bench/guard/steady.c tests/bench/cycles/stops.c,\
             $(wildcard tests/bench/*.c tests/bench/*/*.c))) $(if $(ATTACKS),$(BUILD)/bench/hostile)
# Programs that other brokers are measured with, of those whose libraries are there.
PEER_PROGRAMS := $(if $(shell pkg-config --exists libsystemd 2>/dev/null && echo 1),$(patsubst %,$(BUILD)/bench/peers/%,sdbus dbus_broker)) \
         $(if $(wildcard /usr/include/nats/nats.h),$(BUILD)/bench/peers/nats) $(BUILD)/bench/peers/redis
EXAMPLES := $(call programs,examples,$(wildcard examples/c/*.c))

# What our programs and tests are linked with. libgaijin, below, is for other programs: it shows only gaijin_*.
INNER := $(BUILD)/libclient.a $(BUILD)/libproto.a

# A library or program is left out as long as its folder has no sources or no main file.
LIBRARIES := $(INNER) $(BUILD)/libgaijin.a $(BUILD)/libgaijin.so \
             $(if $(POLICY),$(BUILD)/libpolicy.a) \
             $(if $(BROKER),$(BUILD)/libbroker.a) \
             $(if $(LUASIDE),$(BUILD)/liblua-gaijin.a)
LUA_MODULE := $(if $(wildcard lua/module.c),$(BUILD)/gaijin.so)
HEADER := $(BUILD)/public-header
# Made by a program of ours; install.mk adds others.
MADE_MANUALS := $(addprefix $(BUILD)/man/,gaijin-broker.1 gaijin-worker.1 gaijinctl.1 gaijin-broker.conf.5 gaijinctl.bash _gaijinctl)
MANUALS := $(MADE_MANUALS)
VERSION := $(shell sed -n 's/^\#define GAIJIN_VERSION "\(.*\)"/\1/p' proto/limits.h)
TABLE := $(if $(wildcard tools/dev/docs-tables.c),$(BUILD)/docs-tables)
PROGRAMS := $(if $(wildcard broker/main.c),$(BUILD)/gaijin-broker) \
            $(if $(wildcard lua/main.c),$(BUILD)/gaijin-worker) \
            $(if $(wildcard tools/main.c),$(BUILD)/gaijinctl) \
            $(LUA_MODULE) $(TABLE) $(HEADER) $(EXAMPLES)
TESTS := $(FLOW_TESTS) $(UNIT_TESTS) $(REPLAYS)
UNKNOWN_TESTS = $(filter-out $(basename $(notdir $(TESTS) $(FLOW_SCRIPTS))),$(SKIP))
ifneq ($(UNKNOWN_TESTS),)
$(error SKIP: there is no test called $(firstword $(UNKNOWN_TESTS)))
endif

ifneq ($(and $(filter 1,$(RENEW)),$(strip $(ROWS)$(PEERS))),)
$(error RENEW=1 keeps the figures of all rows: leave ROWS and PEERS out)
endif

# ---- Targets -----------------------------------------------------------------------------------------------------

.PHONY: all demo tests check unit flow asan hostile valgrind fuzz fuzz-coverage bench bench-refs
.PHONY: check-all distro-check arm64-check hostile-bench bench-cycles bench-local bench-posts bench-monitor bench-guard bench-guard-record lint model model-small
.PHONY: docs-tables setup clean help

all: $(LIBRARIES) $(PROGRAMS) ## builds libraries, programs and examples (the default)

include install.mk

demo: ## installs what is missing, builds, and plays the story of the three resources
	@tools/setup.sh
	@$(MAKE) --no-print-directory all
	@examples/abc/demo.sh "$(BUILD)"

tests: all $(TESTS) $(BUILD)/ucontext/gaijin-worker $(STRESS) $(SOAK) $(BENCHES) $(PEER_PROGRAMS) ## builds the tests and benches too, and runs nothing

# Of what is linked with libraries that need not be there, what is built here; without what the tests compile themselves.
TEST_OBJECTS = $(filter-out $(patsubst %,$(BUILD)/obj/tests/%.o,bench/peers/% leaks/% library/% fuzz/mutate),\
  $(call objects,$(call under,tests,*.c))) $(patsubst $(BUILD)/bench/%,$(BUILD)/obj/tests/bench/%.o,$(PEER_PROGRAMS))
.PHONY: test-objects
test-objects: all $(TEST_OBJECTS) $(UCONTEXT) ## compiles the tests, and links and runs none of them: for a compiler's warnings

check: ## installs what is missing, builds, and runs every test (SKIP="test_a test_b": but these)
	@tools/setup.sh packages
	@$(MAKE) --no-print-directory run-all

unit: ## runs the unit tests only
	@$(MAKE) --no-print-directory run-unit

flow: ## runs the tests with real processes only (SCRIPT=part-of-name picks Lua scripts)
	@$(MAKE) --no-print-directory run-flow

.PHONY: stress
stress: all $(STRESS) ## random steps against the true graph of references (SEED=n STEPS=n FLAGS="--load-min 5 ...", see tests/stress/main.c)
	@GAIJIN_BUILD="$(abspath $(BUILD))" $(STRESS) --seed $(SEED) --steps $(STEPS) $(FLAGS)
SEED ?= 1
STEPS ?= 100000

# Of whole programs, what meets rings at every turn: ends, restarts, large messages, a broker that hangs.
IN_RINGS := $(addprefix $(BUILD)/tests/test_,return restart restart_traffic upgrade_programs large_messages hung_broker)
.PHONY: over-rings
over-rings: all $(STRESS) $(IN_RINGS) ## a part of the tests in shared memory, and random steps while workers go there and back (STEPS=n)
	@GAIJIN_TEST_TRANSPORT=shm GAIJIN_TEST_RINGS_IDLE=0.02 GAIJIN_BUILD="$(abspath $(BUILD))" $(STRESS) --seed $(SEED) --steps 5000
	@GAIJIN_TEST_TRANSPORT=shm tests/run.sh $(BUILD) $(IN_RINGS)

.PHONY: stress-programs
stress-programs: all ## random Lua programs in one VM and spread over four (SEED=n PROGRAMS=n)
	@tests/programs/run.sh "$(BUILD)" $(SEED) $(PROGRAMS)
PROGRAMS ?= 5000

.PHONY: soak
soak: all $(SOAK) ## traffic, kills, attacks and reloads for MINUTES=n: memory, descriptors and tokens must be flat (SEED=n; docs/soak.md)
	@GAIJIN_BUILD="$(abspath $(BUILD))" $(SOAK) $(MINUTES) $(BUILD)/soak.csv $(BUILD)/soak.svg $(if $(filter command environment,$(firstword $(origin SEED))),$(SEED))
MINUTES ?= 30

asan: ## builds with AddressSanitizer, UBSan and HOSTILE=1 in $(BUILD)/asan and runs every test there
	@tools/setup.sh asan packages
	@GAIJIN_TEST_SLOWER="$${GAIJIN_TEST_SLOWER:-3}" $(MAKE) --no-print-directory BUILD=$(BUILD)/asan SANITIZE=1 HOSTILE=1 run-all

hostile: ## builds with checks of whole books in $(BUILD)/hostile and runs every test there, that of short memory at length
	@tools/setup.sh packages
	@GAIJIN_TEST_SLOWER="$${GAIJIN_TEST_SLOWER:-3}" SWEEP_STRIDE=5 GAIJIN_TEST_LIMIT=7200 \
	  $(MAKE) --no-print-directory BUILD=$(BUILD)/hostile HOSTILE=1 run-all

.PHONY: tsan
tsan: ## builds what threads share in $(BUILD)/tsan with ThreadSanitizer, and runs its test (some seconds)
	@tools/setup.sh asan packages
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan SANITIZE=thread run-tsan

valgrind: ## runs the unit tests and all processes of the script tests under valgrind (some twenty minutes)
	@tools/setup.sh valgrind packages
	@$(MAKE) --no-print-directory run-valgrind

fuzz: ## feeds each fuzz target what libFuzzer makes up, for TIME seconds (TARGET=name: that one only); needs clang
	@tools/setup.sh fuzz packages
	@$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/fuzz SANITIZE=1 FUZZ=1 fuzzers
	@tests/fuzz/run.sh "$(BUILD)/fuzz" $(TIME) $(TARGET)
TIME ?= 60
TARGET ?= $(FUZZ_TARGETS)

fuzz-coverage: ## which lines the corpora of the fuzz targets reach (TARGET=name: that one's)
	@tools/setup.sh fuzz packages
	@$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/coverage CFLAGS="-O1 -g -fprofile-instr-generate -fcoverage-mapping" \
	  LDFLAGS=-fprofile-instr-generate replays
	@tests/fuzz/coverage.sh "$(BUILD)/coverage" $(TARGET)

distro-check: ## runs the README's commands on new systems: Debian 12 and 13, Ubuntu 24.04 (DISTRO=bookworm|trixie|noble; needs root)
	@tests/distro/run.sh $(DISTRO)
DISTRO ?= bookworm trixie noble

arm64-check: ## builds for arm64, and runs the unit tests and the story in an emulator
	@tests/distro/arm64.sh

.PHONY: check-web
check-web: all ## the page of gaijinctl web in Chromium, which is installed for it (RENEW=1: its picture in docs/, too)
	@tests/web/run.sh "$(BUILD)"

check-all: ## check, check-web, a minute of soak, and what takes other systems: distro-check, packages-check, arm64-check
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory check-web
	@$(MAKE) --no-print-directory soak MINUTES=1
	@$(MAKE) --no-print-directory distro-check
	@$(MAKE) --no-print-directory packages-check
	@$(MAKE) --no-print-directory arm64-check

# Figures of both are JSON; with RENEW=1 docs/performance.md and its picture are made of them.
JSON = $(if $(filter 1,$(RENEW)),tests/bench/docs/$@.json,$(BUILD)/$@.json)
renew = @$(if $(filter 1,$(RENEW)),/usr/bin/python3 tests/bench/docs/performance.py,true)
bench: all $(BENCHES) ## measures everything beside a bare forwarder (ROWS="trips crowd" ROUNDS=n VARIANTS="FLAGS|FLAGS" JSON=file; RENEW=1: docs/performance.md, too)
	@tests/bench/rows/run.sh "$(BUILD)" --json "$(JSON)"
	$(renew)

.PHONY: bench-peers
bench-peers: all $(BENCHES) $(PEER_PROGRAMS) ## measures dbus-broker, NATS and others beside us, as far as they are installed; tools/setup.sh peers installs them (PEERS="nats drb" ROUNDS=n JSON=file RENEW=1)
	@tests/bench/peers/run.sh "$(BUILD)" --json "$(JSON)"
	$(renew)

bench-refs: all $(BENCHES) ## measures what references cost: the broker's memory and time, objects per second
	@tests/bench/refs/run.sh "$(BUILD)"

bench-local: all ## measures the replaced library functions with local values beside the originals, in each interpreter
	@tests/bench/local/run.sh "$(BUILD)"

bench-posts: all ## measures a burst: a million posts from each of eight workers to one (some minutes)
	@tests/bench/posts/run.sh "$(BUILD)"

hostile-bench: all $(BENCHES) ## measures a victim of each attack beside busy processes that attack nobody (EACH=n seconds; ATTACK=name: that one, SENT=n times at least)
	@$(BUILD)/bench/hostile $(EACH) $(ATTACK) $(SENT)
EACH ?= 3

bench-monitor: all ## measures what one monitor costs calls between two workers
	@tests/bench/monitor/run.sh "$(BUILD)"

bench-cycles: all $(BUILD)/bench/stops.so ## measures what a round about garbage in cycles costs a worker (SIZES="1 10 100" ROUNDS=n JSON=file)
	@tests/bench/cycles/run.sh "$(BUILD)" --json "$(JSON)"

bench-guard: all $(BUILD)/bench/steady.so $(BUILD)/bench/guard/pipelined ## counts instructions of requests and library calls against the record
	@tools/setup.sh valgrind
	@CC="$(CC)" CFLAGS="$(strip $(CFLAGS) $(filter -DGAIJIN_HOSTILE -fsanitize%,$(OWN_CFLAGS)))" \
	  tests/bench/guard/run.sh "$(BUILD)" $(GUARD)

bench-guard-record: ## counts them, and writes the record that bench-guard compares with
	@$(MAKE) --no-print-directory bench-guard GUARD=--record

lint: ## checks include arrows, file sizes, the tables in docs/, cppcheck and shellcheck
	@tools/setup.sh lint
	@$(MAKE) --no-print-directory run-lint

model: ## searches the model of the reference protocol with spin, and finds all its mutants (some minutes)
	@tools/setup.sh model
	@CC="$(CC)" tests/model/run.sh "$(BUILD)/model" full

model-small: ## the same within tighter bounds (a minute)
	@tools/setup.sh model
	@CC="$(CC)" tests/model/run.sh "$(BUILD)/model" small

docs-tables: $(TABLE) ## renews the tables in docs/ from the lists of ops, settings, commands ...
	@$(BUILD)/docs-tables docs

.PHONY: public-header
public-header: $(HEADER) ## renews client-lib/include/gaijin/protocol.h from proto/
	@$(HEADER) > $(BUILD)/protocol.h && cp $(BUILD)/protocol.h client-lib/include/gaijin/protocol.h

.PHONY: manuals
manuals: $(MANUALS) ## writes man pages, and what bash and zsh complete, into $(BUILD)/man

setup: ## installs what the other targets need and is missing (Debian packages)
	@tools/setup.sh asan lint valgrind model fuzz packages

clean: ## removes $(BUILD)
	rm -rf "$(BUILD)"

help: ## lists the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile install.mk | sed 's/$$(BUILD)/$(subst /,\/,$(BUILD))/' | expand -t 20

# The halves of the targets above that run after setup.
.PHONY: run-all run-unit run-flow run-lint run-valgrind run-tsan unit-programs fuzzers replays
run-all: all $(MANUALS) $(TESTS) $(BUILD)/ucontext/gaijin-worker $(STRESS) $(SOAK) $(BENCHES) $(PEER_PROGRAMS)
	@tests/run.sh "$(BUILD)" $(foreach test,$(TESTS) $(FLOW_SCRIPTS),$(if $(filter $(SKIP),$(basename $(notdir $(test)))),,$(test)))
fuzzers: $(FUZZERS)
replays: $(REPLAYS)
unit-programs: all $(UNIT_TESTS)
run-unit: unit-programs
	@tests/run.sh "$(BUILD)" $(UNIT_TESTS)
run-flow: all $(MANUALS) $(FLOW_TESTS) $(BUILD)/ucontext/gaijin-worker $(STRESS) $(SOAK) $(BENCHES) $(PEER_PROGRAMS)
	@tests/run.sh "$(BUILD)" $(FLOW_TESTS) $(FLOW_SCRIPTS)
run-valgrind: all $(UNIT_TESTS) $(FLOW_TESTS)
	@GAIJIN_TEST_SLOWER="$${GAIJIN_TEST_SLOWER:-10}" GAIJIN_TEST_UNDER="valgrind -q --error-exitcode=99 --trace-children=no" \
	  tests/run.sh "$(BUILD)" $(UNIT_TESTS) $(BUILD)/tests/test_death
	@tests/valgrind/processes.sh "$(BUILD)"
# Threads of a process that was forked are not what it knows best.
run-tsan: $(BUILD)/tests/test_proto_ring_threads
	@CK_FORK=no tests/run.sh "$(BUILD)" $<
run-lint: $(TABLE) $(HEADER)
	@tools/lint/run.sh "$(BUILD)"

# ---- Rules -------------------------------------------------------------------------------------------------------

# Flags are remembered in a file that changes only when they do, so that another CC or WERROR rebuilds.
FLAGS_TEXT := $(CC) $(CFLAGS) $(filter-out -Werror,$(OWN_CFLAGS)) $(LDFLAGS) $(OWN_LDFLAGS)$(if $(LEAK_ROOTS), $(LEAK_ROOTS))
FLAGS_FILE := $(BUILD)/obj/flags
.PHONY: force
$(FLAGS_FILE): force
	@mkdir -p $(@D); text='$(subst ','\'',$(FLAGS_TEXT))'; \
	  if [ "$$(cat $@ 2>/dev/null || true)" != "$$text" ]; then printf '%s\n' "$$text" > $@; fi

compile = $(need_libraries)$(if $(filter $(with_check),$<),$(need_check))@mkdir -p $(@D); $(if $(V),set -x,echo '  cc    $<'); $(CC) $(CFLAGS) $(OWN_CFLAGS) -MMD -MP -c -o $@ $<
with_check := tests/unit/% tests/flow/% tests/bed/% tests/stress/% tests/fuzz/% tests/hostile/% tests/soak/%
# $(call link,objects and libraries)
link = $(need_libraries)@mkdir -p $(@D); $(if $(V),set -x,echo '  link  $@'); $(CC) $(CFLAGS) $(OWN_LDFLAGS) $(LDFLAGS) $(if $(filter $(BUILD)/tests/%,$@),$(TEST_LDFLAGS)) -o $@ \
       $(1) $(if $(findstring -shared,$(1)),,$(LEAK_ROOTS))
archive = @mkdir -p $(@D); rm -f $@; $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/obj/%.o: %.c $(FLAGS_FILE)
	$(compile)
$(BUILD)/obj/ucontext/%.o: %.c $(FLAGS_FILE)
	$(compile)
$(BUILD)/obj/ucontext/%.o: OWN_CFLAGS += -UGAIJIN_FIBER_ASM -DGAIJIN_FIBER_UCONTEXT
# Assembly that switches stacks knows nothing of the second stack that some processors check return addresses with; without
# the mark, programs run without it.
ifneq ($(findstring x86_64,$(shell $(CC) -dumpmachine 2>/dev/null)),)
$(BUILD)/obj/lua/vm/context.o: OWN_CFLAGS += -fcf-protection=none
endif
# Tests find the programs there, unless GAIJIN_BUILD says otherwise.
$(BUILD)/obj/tests/%.o $(BUILD)/obj/ucontext/%.o: OWN_CFLAGS += -DGAIJIN_BUILD_DIR='"$(abspath $(BUILD))"'
# Nothing is won by a fast test: not optimised they compile in a third of the time. What attacks, measures or fuzzes is, and
# so is all when CFLAGS are given.
ifeq ($(origin CFLAGS)$(filter 1,$(FUZZ)),file)
$(BUILD)/obj/tests/unit/%.o $(BUILD)/obj/tests/flow/%.o: OWN_CFLAGS += -O0
endif
$(BUILD)/obj/tests/unit/%.o $(BUILD)/obj/tests/flow/%.o: OWN_CFLAGS += $(if $(LTO_FLAG),-fno-lto)
# Every program is linked with it.
$(PROTO): | $(LEAK_ROOTS)
# Scripts that C sources include must be there before the first compilation knows of them.
$(LUASIDE): | $(LUA_SCRIPTS)
$(TOOLS): | $(PAGE)

# A file as C text: NAME.lua is `static const char NAME_lua[] = {...}`, ended by a 0 byte.
$(BUILD)/obj/lua/%.lua.h: lua/%.lua
	$(c_text)
$(BUILD)/obj/tools/web/page/%.h: tools/web/page/%
	$(c_text)
c_text = @mkdir -p $(@D); { echo "static const char $(subst .,_,$(subst -,_,$(notdir $<)))[] = {"; \
	  od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g; s/\(1[3-9][0-9]\|12[89]\|2[0-9][0-9]\),/(char)\1,/g'; echo "0};"; } > $@

$(BUILD)/libproto.a: $(PROTO)
	$(archive)
$(BUILD)/libclient.a: $(CLIENT)
	$(archive)
$(BUILD)/libpolicy.a: $(POLICY)
	$(archive)
$(BUILD)/libbroker.a: $(BROKER)
	$(archive)
$(BUILD)/liblua-gaijin.a: $(LUASIDE)
	$(archive)
$(BUILD)/libtools.a: $(TOOLS)
	$(archive)
$(BUILD)/libbed.a: $(BED)
	$(archive)

# libgaijin for other programs, which have names of their own: one object whose hidden symbols are made local, and a shared
# library whose map lets out gaijin_* only. With -flto in CFLAGS the object holds machine code all the same.
SONAME := libgaijin.so.$(firstword $(subst ., ,$(VERSION)))
lto_object = $(if $(findstring -flto,$(CFLAGS) $(LTO_FLAG)),$(LTO_FLAG) $(if $(IS_CLANG),-fuse-ld=lld,-flinker-output=nolto-rel))
$(BUILD)/libgaijin.a: $(CLIENT) $(PROTO) Makefile
	@$(if $(V),set -x;) whole=$(BUILD)/obj/whole.o object=$(BUILD)/obj/libgaijin.o; \
	  $(CC) $(CFLAGS) $(lto_object) -r -nostdlib -o $$whole $(filter %.o,$^); \
	  $(OBJCOPY) --localize-hidden $$whole $$object; rm -f $@ $$whole; $(call tool,ar) rcs $@ $$object
$(BUILD)/libgaijin.so.$(VERSION): $(CLIENT) $(PROTO) client-lib/libgaijin.map Makefile
	$(call link,-shared -Wl$(comma)-soname$(comma)$(SONAME) -Wl$(comma)--version-script=client-lib/libgaijin.map $(filter %.o,$^) -lm)
$(BUILD)/libgaijin.so: $(BUILD)/libgaijin.so.$(VERSION)
	@ln -sf $(<F) $(BUILD)/$(SONAME); ln -sf $(SONAME) $@

LUA_LIBS := $(UV) $(LUA) $(SECCOMP) -lm -ldl
TEST_LIBS := $(CHECK) $(MSGPACK) $(LUA_LIBS) $(INIH) $(EDIT) $(CONFUSE)
# Prerequisites that are linked, in their order.
inputs = $(filter %.o %.a,$^)

$(BUILD)/gaijin-broker: $(BUILD)/obj/broker/main.o $(BUILD)/libbroker.a $(BUILD)/libpolicy.a $(BUILD)/libproto.a
	$(call link,$(inputs) $(UV) $(INIH) -lm)
# -E: C modules that a script requires find Lua's symbols in the program.
$(BUILD)/gaijin-worker: $(BUILD)/obj/lua/main.o $(BUILD)/liblua-gaijin.a $(INNER)
	$(call link,-Wl$(comma)-E $(inputs) $(LUA_LIBS))
$(BUILD)/ucontext/gaijin-worker: $(BUILD)/obj/lua/main.o $(UCONTEXT) $(BUILD)/liblua-gaijin.a $(INNER)
	$(call link,-Wl$(comma)-E $(inputs) $(LUA_LIBS))
# Without liblua, which the interpreter that loads it has; never unloaded, because finalisers may run late.
$(BUILD)/gaijin.so: $(BUILD)/obj/lua/module.o $(BUILD)/liblua-gaijin.a $(INNER)
	$(call link,-shared -Wl$(comma)-z$(comma)nodelete $(inputs) $(UV) -lm)
$(BUILD)/gaijinctl: $(BUILD)/obj/tools/main.o $(BUILD)/libtools.a $(BUILD)/libpolicy.a $(INNER)
	$(call link,$(inputs) $(UV) $(INIH) $(EDIT) $(CURSES) $(HTTP) $(CONFUSE) -lm)
$(BUILD)/docs-tables: $(BUILD)/obj/tools/dev/docs-tables.o $(BUILD)/obj/tools/base/command.o $(BUILD)/libproto.a
	$(call link,$(inputs) -lm)
$(BUILD)/manuals: $(BUILD)/obj/tools/dev/manuals.o $(BUILD)/obj/tools/dev/completion.o $(BUILD)/obj/tools/base/command.o $(BUILD)/libproto.a
	$(call link,$(inputs) -lm)
# Man pages, and the completion of bash.
$(MADE_MANUALS): $(BUILD)/man/%: $(BUILD)/manuals
	@mkdir -p $(@D); $< $* > $@
$(HEADER): $(BUILD)/obj/tools/dev/public-header.o $(BUILD)/libproto.a
	$(call link,$(inputs) -lm)
$(BUILD)/examples/%: $(BUILD)/obj/examples/c/%.o $(BUILD)/libgaijin.a
	$(call link,$(inputs) -lm)
BENCH_COMMON := $(call objects,$(wildcard tests/bench/common/*.c))
$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BENCH_COMMON) $(INNER)
	$(call link,$(inputs) $(LUA_LIBS))
$(BUILD)/bench/peers/%: $(BUILD)/obj/tests/bench/peers/%.o $(BENCH_COMMON)
	$(call link,$(inputs) $(if $(filter nats,$*),-lnats,$(if $(filter redis,$*),,-lsystemd)))
# Preloaded, so it links with nothing of ours.
$(BUILD)/bench/steady.so: $(BUILD)/obj/tests/bench/guard/steady.o
	$(call link,-shared $(inputs))
$(BUILD)/bench/stops.so: $(BUILD)/obj/tests/bench/cycles/stops.o
	$(call link,-shared $(inputs) -ldl)

# A C module of the test scripts.
$(FLOW_TESTS): | $(BUILD)/tests/system.so $(BUILD)/tests/scarce.so $(BUILD)/tests/jumps.so
$(BUILD)/tests/test_lua_reuse: | $(BUILD)/tests/system.so
$(BUILD)/tests/system.so: $(BUILD)/obj/tests/lua/lib/system.o
	$(call link,-shared $(inputs))

# Preloaded into programs that are to be short of memory.
$(BUILD)/tests/scarce.so: $(BUILD)/obj/tests/memory/scarce.o
	$(call link,-shared $(inputs))
# Preloaded into programs whose clock is to jump.
$(BUILD)/tests/jumps.so: $(BUILD)/obj/tests/clock/jumps.o
	$(call link,-shared $(inputs))

# Preloaded into those whose memory is watched.
$(BUILD)/tests/in_use.so: $(BUILD)/obj/tests/soak/in_use.o
	$(call link,-shared $(inputs))

TESTED := $(if $(TOOLS),$(BUILD)/libtools.a) $(filter %/libbroker.a,$(LIBRARIES)) $(filter %/libpolicy.a,$(LIBRARIES)) $(filter %/liblua-gaijin.a,$(LIBRARIES)) \
          $(INNER)
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(if $(BED),$(BUILD)/libbed.a) $(TESTED)
	$(call link,$(inputs) $(TEST_LIBS))
# Of what it links all is compiled once more for ThreadSanitizer.
$(BUILD)/tests/test_proto_ring_threads: $(BUILD)/obj/tests/unit/test_proto_ring_threads.o $(BUILD)/libproto.a
	$(call link,$(inputs) $(CHECK) -lm)
$(UCONTEXT_TESTS): $(BUILD)/tests/ucontext_%: $(BUILD)/obj/ucontext/tests/unit/%.o $(UCONTEXT) $(if $(BED),$(BUILD)/libbed.a) $(TESTED)
	$(call link,$(inputs) $(TEST_LIBS))
$(BUILD)/tests/%: $(BUILD)/obj/tests/flow/%.o $(if $(BED),$(BUILD)/libbed.a) $(TESTED)
	$(call link,$(inputs) $(TEST_LIBS))

# A client without manners, beside real brokers.
$(BUILD)/tests/test_return $(BUILD)/tests/test_large_messages: $(BUILD)/tests/%: $(BUILD)/obj/tests/flow/%.o $(BUILD)/obj/tests/hostile/raw.o
$(BUILD)/tests/%: $(BUILD)/obj/tests/hostile/%.o $(ATTACKS) $(if $(BED),$(BUILD)/libbed.a) $(TESTED)
	$(call link,$(inputs) $(TEST_LIBS))
$(BUILD)/bench/restart/storm $(BUILD)/bench/restart/pause $(BUILD)/bench/guard/pipelined: $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/obj/tests/hostile/raw.o $(BENCH_COMMON) $(INNER)
	$(call link,$(inputs) -lm)
$(BUILD)/bench/hostile: $(BUILD)/obj/tests/hostile/bench.o $(ATTACKS) $(BUILD)/libbed.a $(INNER)
	$(call link,$(inputs) $(CHECK) -lm)

$(REPLAYS): $(BUILD)/tests/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/replay.o $(FUZZ_WORLD) \
            $(BUILD)/libbroker.a $(BUILD)/libpolicy.a $(INNER)
	$(call link,$(inputs) $(CHECK) $(UV) $(MSGPACK) $(INIH) -lm)
$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(FUZZ_WORLD) $(BUILD)/libbroker.a $(BUILD)/libpolicy.a $(INNER)
	$(call link,-fsanitize=fuzzer $(filter %.o,$^) $(filter %.a,$^) $(CHECK) $(UV) $(MSGPACK) $(INIH) -lm)
# Targets whose inputs are messages as they are.
$(patsubst %,$(BUILD)/fuzz/%,frame message hello): $(BUILD)/obj/tests/fuzz/mutate.o

$(STRESS): $(call objects,$(wildcard tests/stress/*.c)) $(BUILD)/libbed.a $(INNER)
	$(call link,$(inputs) $(CHECK) -lm)

$(SOAK): $(call objects,$(SOAK_SOURCES)) $(ATTACKS) $(BUILD)/libbed.a $(INNER) | $(BUILD)/tests/in_use.so
	$(call link,$(inputs) $(CHECK) -lm)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
