# SPDX-License-Identifier: MIT
#
# What the Makefile includes of installing: where things go, under GNU's names, and the targets. What goes there is one
# list, packaging/files.sh.
#
#   make install PREFIX=/usr DESTDIR=/tmp/stage    libdir, mandir ... can be given, too

PREFIX ?= /usr/local
prefix ?= $(PREFIX)
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
libdir ?= $(exec_prefix)/lib
includedir ?= $(prefix)/include
datarootdir ?= $(prefix)/share
mandir ?= $(datarootdir)/man
docdir ?= $(datarootdir)/doc/gaijin
pkgconfigdir ?= $(libdir)/pkgconfig
bashcompdir ?= $(datarootdir)/bash-completion/completions
zshcompdir ?= $(datarootdir)/zsh/site-functions
sysconfdir ?= $(if $(filter /usr,$(prefix)),/etc,$(prefix)/etc)
systemunitdir ?= $(prefix)/lib/systemd/system
userunitdir ?= $(prefix)/lib/systemd/user
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
# Where stock interpreters look: with /usr the distribution's place, with /usr/local that of Lua itself.
LUA_CMOD := $(shell pkg-config --variable=INSTALL_CMOD lua5.1 2>/dev/null)
luacdir ?= $(if $(filter /usr,$(prefix)),$(or $(LUA_CMOD),/usr/lib/lua/5.1),$(exec_prefix)/lib/lua/5.1)

PLACES := bindir libdir includedir datarootdir mandir docdir pkgconfigdir bashcompdir zshcompdir sysconfdir systemunitdir userunitdir sysusersdir tmpfilesdir luacdir
# Units, pkg-config and man take names apart at blanks, and systemd takes % for its own.
unplaced := $(strip $(foreach place,prefix $(PLACES),$(if $(findstring %,$($(place))),$(place),$(if $(word 2,$($(place))),$(place),$(if $(filter /%,$($(place))),,$(place))))))
placed = $(if $(unplaced),$(error $(firstword $(unplaced)) is '$($(firstword $(unplaced)))': where things are installed is an absolute name without blanks and %))
quoted = '$(subst ','\'',$(1))'
files = $(placed)@$(foreach place,DESTDIR prefix $(PLACES),$(place)=$(call quoted,$($(place)))) version=$(VERSION) \
        strip=$(STRIP_INSTALLED) packaging/files.sh $(1) "$(BUILD)"

# Man pages of each call, the first of which stands for all, and of formats of files.
CALLS := $(BUILD)/man/man3/libgaijin.3
FORMATS := $(addprefix $(BUILD)/man/gaijin-,policy.5 supervisor.5)
MANUALS += $(CALLS) $(FORMATS)

.PHONY: install install-strip install-built installed-files uninstall
install: all $(MANUALS) ## installs programs, libraries, headers, module, man pages, completion and docs (PREFIX=/usr/local DESTDIR= ...)
	$(call files,install)
install-strip: all $(MANUALS) ## the same without what debuggers need
	$(call files,install)
install-strip: STRIP_INSTALLED := 1
# For packagers, who have built before: compiles nothing.
install-built:
	$(call files,install)
# Which pages there are is known when they have been made.
installed-files: $(CALLS) $(FORMATS) ## lists the files that `make install` installs
	$(call files,list)
uninstall: $(CALLS) $(FORMATS) ## removes them, with the same PREFIX ...
	$(call files,uninstall)

# ---- Packages ----

.PHONY: dist deb symbols packages-check
dist: ## packs what is committed into $(BUILD)/gaijin-VERSION.tar.gz, the same bytes each time
	@packaging/dist.sh $(VERSION) "$(BUILD)"
deb: ## builds Debian packages of what is committed into $(BUILD)/deb, and has lintian look at them (MAINTAINER="NAME <ADDRESS>")
	@tools/setup.sh deb
	@DEB_MAINTAINER=$(call quoted,$(MAINTAINER)) packaging/deb.sh $(VERSION) "$(BUILD)"
packages-check: ## builds packages on new systems, installs, upgrades and removes them on others, also with systemd as process 1 (DISTRO=bookworm|trixie|noble; needs root)
	@DISTRO_FRESH=1 DISTRO_COMMANDS="tools/setup.sh deb install && make deb && tests/distro/packages.sh && tests/distro/units.sh" tests/distro/run.sh $(DISTRO)
symbols: $(BUILD)/libgaijin.so ## adds what is new in libgaijin.so and its headers to their records
	@packaging/symbols.sh $< $(VERSION) --record
	@CC="$(CC)" packaging/layout.sh --record

# ---- Man pages, and what shells complete ----

CALL_HEADERS := client-lib/include/gaijin/gaijin.h
CALL_HEADERS += $(filter-out $(CALL_HEADERS),$(sort $(wildcard client-lib/include/gaijin/*.h)))
$(CALLS): tools/dev/calls.awk $(CALL_HEADERS) install.mk
	@rm -rf $(@D); mkdir -p $(@D); awk -v out=$(@D) -v version=$(VERSION) -f $(filter-out install.mk,$^)
$(BUILD)/man/gaijin-policy.5: about := who may do what at a broker
$(BUILD)/man/gaijin-supervisor.5: about := what gaijinctl run starts and looks after
$(FORMATS): $(BUILD)/man/gaijin-%.5: docs/%.md tools/dev/format.awk
	@mkdir -p $(@D); awk -v name=gaijin-$* -v what="$(about)" -v version=$(VERSION) -f tools/dev/format.awk $< >$@
