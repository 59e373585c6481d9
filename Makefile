# mig: one Makefile, non-recursive.
#
#   make                build/bin/mig-{backup,validate,prodcheck,rollback}
#   make demo           the whole story on a throwaway PostgreSQL
#   make check          every test; installs what it needs (tests/run: parts of it)
#   make bench          us and the peers, side by side
#   make asan | tidy | fuzz | coverage | deb
#   make install PREFIX=/usr/local DESTDIR=
#
# V=1 shows commands; WERROR=1 makes warnings errors (CI); SANITIZE=1 builds
# with the address and undefined-behaviour sanitizers into build/asan.

PREFIX  ?= /usr/local
VERSION := 0.1.0
BUILD   ?= build
CC      ?= cc
ifeq ($(origin CC),default)
CC := cc
endif

ifeq ($(V),1)
Q :=
else
Q := @
endif

LAYERS   := core pg script migration backup validate prodcheck rollback
BINARIES := mig-backup mig-validate mig-prodcheck mig-rollback

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
	-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wundef -Wvla \
	-Wformat=2 -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference -Werror=implicit-function-declaration
ifneq ($(findstring gcc,$(shell $(CC) --version 2>/dev/null | head -n 1 | tr 'A-Z' 'a-z'))$(findstring Free Software,$(shell $(CC) --version 2>/dev/null)),)
WARN += -Wduplicated-cond -Wduplicated-branches -Wlogical-op
endif
# gcc says itself that its warnings mislead when the sanitizers rewrite the code.
ifeq ($(WERROR)/$(SANITIZE),1/)
WARN += -Werror
endif

ifeq ($(SANITIZE),1)
BUILD    := build/asan
HARDEN   := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDHARDEN := -fsanitize=address,undefined
else ifeq ($(FUZZING),1)
BUILD    := build/fuzz
HARDEN   := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDHARDEN := -fsanitize=address,undefined
else ifeq ($(COVERAGE),1)
BUILD    := build/coverage
HARDEN   := -O0 -g --coverage
LDHARDEN := --coverage
else
HARDEN   := -O2 -g -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now
endif

# A faster encoder and decoder of the same zlib streams, where the machine has one.
FAST ?= $(shell { pkg-config --exists libisal && echo isal; pkg-config --exists libdeflate && echo libdeflate; } 2>/dev/null)
ifneq ($(filter isal,$(FAST)),)
FAST_CFLAGS += -DHAVE_ISAL
FAST_LIBS   += -lisal
endif
ifneq ($(filter libdeflate,$(FAST)),)
FAST_CFLAGS += -DHAVE_LIBDEFLATE
FAST_LIBS   += -ldeflate
endif

PKGS     := libpq libsodium jansson zlib
CPPFLAGS += -I. -I$(BUILD)/gen -D_POSIX_C_SOURCE=200809L -D_XOPEN_SOURCE=700 -DMIG_VERSION='"$(VERSION)"' $(FAST_CFLAGS) \
	$(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null))
CFLAGS   += -std=c17 $(HARDEN) $(WARN) -pthread
LDFLAGS  += $(LDHARDEN) -pthread
LDLIBS   += $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpg_query $(FAST_LIBS) -lm

LIB_SRC  := $(foreach d,$(LAYERS),$(sort $(wildcard $(d)/*.c)))
LIB_OBJ  := $(LIB_SRC:%.c=$(BUILD)/%.o)
SQL_PART := $(foreach d,$(LAYERS),$(sort $(wildcard $(d)/sql/*.part.sql)))
SQL_SRC  := $(filter-out $(SQL_PART),$(foreach d,$(LAYERS),$(sort $(wildcard $(d)/sql/*.sql))))
SQL_GEN  := $(SQL_SRC:%=$(BUILD)/gen/%.h)
BIN_SRC  := $(wildcard cmd/mig-*.c)
BIN      := $(BIN_SRC:cmd/%.c=$(BUILD)/bin/%)
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT     := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
LIBMIG   := $(BUILD)/libmig.a

.PHONY: all demo check bench asan fuzz tidy coverage install uninstall deb clean unit unit-build docs fuzz-targets bootstrap FORCE
.SUFFIXES:
.SECONDARY:

all: $(BIN)

# What the objects were compiled with: another compiler, flag or codec compiles them again.
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' >$@
FORCE:

# Each SQL file becomes a header that holds one C string literal, line by line, so that the file can be read and tried
# as SQL and the program still carries it.  A line "-- include: NAME.part.sql" stands for that file of its folder, less its comments.
$(BUILD)/gen/%.sql.h: %.sql $(SQL_PART)
	@mkdir -p $(@D)
	$(Q)awk -v dir=$(<D) '/^-- include: / { part = dir "/" $$3; while ((got = (getline line <part)) > 0) if (line !~ /^--/) print line; if (got < 0) { print part ": cannot be read" >"/dev/stderr"; exit 1 } close(part); next } { print }' $< >$@.sql && \
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $@.sql >$@.tmp && rm $@.sql && mv $@.tmp $@

$(BUILD)/%.o: %.c $(BUILD)/flags | $(SQL_GEN)
	@mkdir -p $(@D)
	@[ -n "$(Q)" ] && echo "  CC  $<" || :
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIBMIG): $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $(LIB_OBJ)

$(BUILD)/bin/%: $(BUILD)/cmd/%.o $(LIBMIG)
	@mkdir -p $(@D)
	@[ -n "$(Q)" ] && echo "  LD  $@" || :
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# cmocka's header does not pass our warnings: -isystem.
$(BUILD)/tests/unit/%.o: CFLAGS += -Wno-missing-prototypes -Wno-unused-parameter
$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(LIBMIG)
	@mkdir -p $(@D)
	@[ -n "$(Q)" ] && echo "  LD  $@" || :
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

unit-build: $(UNIT) $(BUILD)/tools/keys $(BUILD)/tools/planner $(BUILD)/tools/plan $(BUILD)/tools/forge $(BUILD)/tools/liar

# What the manual takes from the programs: each SYNOPSIS, and the keys of mig.json.
$(BUILD)/tools/%: $(BUILD)/tests/lib/%.o $(LIBMIG)
	@mkdir -p $(@D)
	@[ -n "$(Q)" ] && echo "  LD  $@" || :
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

docs: all $(BUILD)/tools/keys
	$(Q)$(BUILD)/tools/keys >$(BUILD)/keys.roff
	$(Q)sed -i -e '/^\.\\" keys: begin/r $(BUILD)/keys.roff' -e '/^\.\\" keys: begin/,/^\.\\" keys: end/{/^\.\\" keys: /!d}' docs/mig.json.5
	$(Q)for b in $(BINARIES); do [ ! -f docs/$$b.1 ] || tests/lib/synopsis --write $(BUILD)/bin/$$b docs/$$b.1; done

unit: $(UNIT)
	$(Q)set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

# Every processor, unless -j says otherwise.
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))

# Packages first, in a make of their own: what this one found out about the machine is from before.
bootstrap:
	$(Q)scripts/bootstrap

check: bootstrap
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory WERROR=1 all unit-build
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory SANITIZE=1 all unit-build
	$(Q)tests/run

demo: bootstrap
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory all
	$(Q)scripts/demo

bench: bootstrap
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory all
	$(Q)tests/bench/run

# libFuzzer needs clang; its objects are instrumented and live apart.
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TGT := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/targets/%)
fuzz:
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory FUZZING=1 CC=clang fuzz-targets
	$(Q)FUZZ='$(FUZZ)' FUZZ_TIME='$(FUZZ_TIME)' tests/fuzz/run

ifeq ($(FUZZING),1)
fuzz-targets: $(FUZZ_TGT)
$(BUILD)/targets/%: $(BUILD)/tests/fuzz/%.o $(LIBMIG)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
endif

# Without libFuzzer: each target over its corpus.
$(BUILD)/replay/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o $(LIBMIG)
	@mkdir -p $(@D)
	@[ -n "$(Q)" ] && echo "  LD  $@" || :
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
ifeq ($(SANITIZE),1)
unit-build: $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/replay/%)
endif

asan:
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory SANITIZE=1 all unit-build
	$(Q)tests/run unit-asan cli-asan

tidy: $(SQL_GEN)
	$(Q)printf '%s\n' $(LIB_SRC) $(BIN_SRC) | xargs -n 4 -P $$(nproc) sh -c 'clang-tidy --quiet "$$@" -- $(subst ','\'',$(CPPFLAGS)) -std=c17 2>&1 | grep -v "warnings generated\|Suppressed\|Use -header-filter" || :' sh >$(BUILD)/tidy.log
	$(Q)cat $(BUILD)/tidy.log; ! grep -q ': \(warning\|error\):' $(BUILD)/tidy.log

# The ordinary build too: it is what `make install`, which the tests try, installs.
coverage:
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory all
	$(Q)$(MAKE) $(PARALLEL) --no-print-directory COVERAGE=1 all unit-build
	$(Q)tests/lib/coverage

# A Debian package of the binaries and their manual; dpkg-dev finds the libraries it depends on.
DEB_ARCH = $(shell dpkg --print-architecture)
DEB_ROOT = $(BUILD)/deb/mig_$(VERSION)_$(DEB_ARCH)
deb: all
	$(Q)command -v dpkg-shlibdeps >/dev/null || { echo "deb: dpkg-shlibdeps is missing: scripts/bootstrap (or apt-get install dpkg-dev)" >&2; exit 1; }
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/debian
	$(Q)umask 022; $(MAKE) -s -o all --no-print-directory install PREFIX=/usr DESTDIR=$(DEB_ROOT) >/dev/null
	$(Q)strip $(DEB_ROOT)/usr/bin/*; gzip -9n $(DEB_ROOT)/usr/share/man/man*/*
	$(Q)mv $(DEB_ROOT)/usr/share/doc/mig/LICENSE $(DEB_ROOT)/usr/share/doc/mig/copyright
	$(Q)mkdir $(DEB_ROOT)/DEBIAN
	$(Q)printf 'Source: mig\n\nPackage: mig\nArchitecture: any\n' >$(BUILD)/deb/debian/control
	$(Q)cd $(BUILD)/deb && dpkg-shlibdeps -O $(patsubst %,mig_$(VERSION)_$(DEB_ARCH)/usr/bin/%,$(BINARIES)) 2>/dev/null | sed 's/^shlibs:Depends=/Depends: /' >depends
	$(Q){ printf 'Package: mig\nVersion: %s\nArchitecture: %s\nMaintainer: the mig founders <mig@example.invalid>\nSection: database\nPriority: optional\n' '$(VERSION)' '$(DEB_ARCH)'; \
		printf 'Installed-Size: %s\n' $$(du -ks $(DEB_ROOT) | cut -f1); cat $(BUILD)/deb/depends; printf 'Recommends: postgresql-client, alembic\n'; \
		printf 'Description: safety net around PostgreSQL migrations\n Backup, validation, production gate and guarded rollback for migrations\n by Alembic or any other tool.\n'; } >$(DEB_ROOT)/DEBIAN/control
	$(Q)dpkg-deb --root-owner-group --build $(DEB_ROOT) $(BUILD)/deb >/dev/null && ls $(BUILD)/deb/*.deb

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/doc/mig
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin
	$(if $(wildcard docs/*.1),install -m 644 $(wildcard docs/*.1) $(DESTDIR)$(PREFIX)/share/man/man1)
	$(if $(wildcard docs/*.5),install -m 644 $(wildcard docs/*.5) $(DESTDIR)$(PREFIX)/share/man/man5)
	install -m 644 README.md LICENSE CHANGELOG.md $(wildcard docs/*.md) $(DESTDIR)$(PREFIX)/share/doc/mig
	install -d $(DESTDIR)$(PREFIX)/share/doc/mig/ci
	install -m 644 $(wildcard docs/ci/*) $(DESTDIR)$(PREFIX)/share/doc/mig/ci

uninstall:
	rm -f $(BINARIES:%=$(DESTDIR)$(PREFIX)/bin/%) $(patsubst docs/%,$(DESTDIR)$(PREFIX)/share/man/man1/%,$(wildcard docs/*.1)) \
		$(patsubst docs/%,$(DESTDIR)$(PREFIX)/share/man/man5/%,$(wildcard docs/*.5))
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/mig

clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d) $(BIN_SRC:%.c=$(BUILD)/%.d) $(UNIT_SRC:%.c=$(BUILD)/%.d) $(FUZZ_SRC:%.c=$(BUILD)/%.d) $(wildcard $(BUILD)/tests/lib/*.d)
