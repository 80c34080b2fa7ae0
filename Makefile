# make                  build (runs autoconf and ./configure if need be)
# make check            unit tests, then the command tests on an installed copy
# make check-unit       the unit tests alone; check-e2e: the command tests alone
# make lint             layers, purity, headers, sizes, banned calls, options,
#                       man, completions, shell, units
# make demo             send a few messages to a relay on this machine
# make fuzz             every fuzzer for FUZZ_TIME seconds (needs clang)
# make bench            measure, next to other senders where they are installed
# make cov              line coverage of `make check`
# make relay            the test relay alone; root: an installed copy below obj/root
# make install          honours prefix, bindir, libexecdir, mandir, ..., DESTDIR
# make install-sendmail the names sendmail, mailq and newaliases for it
# make install-systemd  units that run the queue, where systemd finds them
# make uninstall        remove what these installed
# make dist             tarball of the committed tree; distcheck proves it
# make clean            remove what was built; distclean: configuration too
# make V=1 ...          show commands; WERROR=1: warnings are errors
# make SAN=address,undefined ...  sanitizers; COV=1: coverage; TINY=1: buffers
#                       as small as they can be.  Each has its own obj-*.
# make FUZZ_TIME=N PYTEST_ARGS='-k NAME' ...  for fuzz and for check, check-e2e

srcdir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
PROG = posthaste
HELPER = posthaste-oauth2
DANE_HELPER = posthaste-dane
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2);)

# -- configuration ----------------------------------------------------------
ifneq ($(filter-out clean distclean help,$(or $(MAKECMDGOALS),all)),)
include config.mk
endif
config.mk: $(srcdir)/config.mk.in $(srcdir)/configure
	@if test -x config.status; then ./config.status --recheck && \
	./config.status; else $(srcdir)/configure; fi
$(srcdir)/configure: $(srcdir)/configure.ac $(srcdir)/NEWS
	cd $(srcdir) && rm -rf autom4te.cache && autoconf

# -- one object tree per variant, so switching never mixes objects ----------
comma := ,
VARIANT := $(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(FUZZING),-fuzz)$(if $(COV),-cov)$(if $(TINY),-tiny)
O := obj$(VARIANT)

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wconversion -Wno-sign-conversion -Wundef \
	-Wwrite-strings -Wpointer-arith $(if $(WERROR),-Werror)
# FORTIFY needs the optimizer, and sanitizers do its work better.
FORTIFY = $(if $(SAN)$(COV)$(FUZZING)$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) \
	$(CFLAGS))$(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
VARFLAGS = $(if $(SAN),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) \
	-fno-sanitize-recover=all) $(if $(FUZZING),-fsanitize=fuzzer-no-link) \
	$(if $(COV),-O0 --coverage)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -iquote $(srcdir)/src $(WARN) $(CPPFLAGS) \
	-DVERSION='"$(VERSION)"' -DSYSCONFDIR='"$(sysconfdir)"' \
	-DLOCALSTATEDIR='"$(localstatedir)"' -DLIBEXECDIR='"$(libexecdir)"' -DTINY=$(if $(TINY),1,0) $(OAUTH2_CFLAGS) -fPIE $(HARDEN_CFLAGS) $(FORTIFY) \
	$(CFLAGS) $(VARFLAGS)
ALL_LDFLAGS = -pie $(HARDEN_LDFLAGS) $(LDFLAGS)
LINK = $(CC) $(CFLAGS) $(VARFLAGS) $(ALL_LDFLAGS)
DEPS = -MMD -MP -MF $@.d -MT $@

# -- what there is ----------------------------------------------------------
found  = $(patsubst $(srcdir)/%.c,$(O)/%,$(wildcard $(srcdir)/$(1)))
src   := $(patsubst $(srcdir)/src/%,%,$(wildcard $(srcdir)/src/*/*.c))
objs  := $(patsubst %.c,$(O)/%.o,$(filter-out cmd/main.c oauth2/% dane/%,$(src)))
units := $(call found,tests/unit/*/*.c)
fuzz  := $(call found,tests/fuzz/*.c)
bench := $(call found,tests/bench/*.c)
relay := $(addsuffix .o,$(call found,tests/relay/*.c))

# The helpers, for HTTPS and JSON and for DNSSEC: programs of their own, so that
# what they stand on is in no sender.  Without its libraries one is left out.
helper := $(if $(OAUTH2_LIBS),$(O)/$(HELPER))
dane := $(if $(DANE_LIBS),$(O)/$(DANE_HELPER))
helpobjs := $(patsubst %.c,$(O)/%.o,$(filter-out oauth2/helper.c,$(filter oauth2/%,$(src))))
ifeq ($(helper),)
units := $(filter-out $(O)/tests/unit/oauth2/%,$(units))
fuzz  := $(filter-out $(O)/tests/fuzz/oauth2_%,$(fuzz))
endif

all: $(O)/$(PROG) $(helper) $(dane)
	@ln -sf $< $(PROG)
relay: $(O)/tests/relay/relay

$(O)/$(PROG): $(O)/cmd/main.o $(O)/lib.a
	$(call say,LINK,$@)$(LINK) -o $@ $^ $(LIBS)
$(O)/$(HELPER): $(O)/oauth2/helper.o $(O)/oauth2.a $(O)/lib.a
	$(call say,LINK,$@)$(LINK) $(AS_NEEDED) -o $@ $^ $(OAUTH2_LIBS) $(LIBS)
$(O)/$(DANE_HELPER): $(O)/dane/lookup.o
	$(call say,LINK,$@)$(LINK) $(AS_NEEDED) -o $@ $^ $(DANE_LIBS)
$(O)/dane/lookup.o $(O)/net/dane.o: private ALL_CFLAGS += $(DANE_CFLAGS)
$(O)/lib.a: $(objs)
$(O)/oauth2.a: $(helpobjs)
$(O)/%.a:
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$(O)/%.o: $(srcdir)/src/%.c $(O)/flags
	$(call say,CC,$*.c)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(DEPS) -c -o $@ $<

$(O)/tests/relay/relay: $(relay) $(O)/lib.a
	$(call say,LINK,$@)$(LINK) -o $@ $^ $(LIBS)
$(O)/tests/%.o: $(srcdir)/tests/%.c $(O)/flags
	$(call say,CC,tests/$*.c)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(DEPS) \
	-I$(srcdir)/tests -c -o $@ $<
oauth2_of = $(if $(findstring /oauth2,$(1)),$(2))
$(filter $(O)/tests/unit/oauth2/% $(O)/tests/fuzz/oauth2_%,$(units) $(fuzz)): $(O)/oauth2.a
$(O)/tests/%: $(srcdir)/tests/%.c $(O)/lib.a $(O)/flags
	$(call say,TEST,$*)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) $(DEPS) \
	-I$(srcdir)/tests/unit -DTESTS='"$(abspath $(srcdir)/tests)"' $(UNIT_CFLAGS) \
	$(if $(findstring /fuzz/,$@),-fsanitize=fuzzer) $(ALL_LDFLAGS) -o $@ $< \
	$(call oauth2_of,$@,$(O)/oauth2.a) $(O)/lib.a $(if $(findstring /unit/,$@),$(UNIT_LIBS)) \
	$(call oauth2_of,$@,$(OAUTH2_LIBS)) $(LIBS)

# Rebuild when the flags change, not only when files do.
$(O)/flags: FORCE
	@mkdir -p $(O); echo '$(subst ','\'',$(CC) $(ALL_CFLAGS) $(DANE_CFLAGS) $(LDFLAGS) $(LIBS))' >$@.new; \
	if cmp -s $@ $@.new; then rm $@.new; else mv $@.new $@; fi
FORCE:
-include $(shell find $(O) -type f -name '*.d' 2>/dev/null)

# -- tests -------------------------------------------------------------------
# The command tests get everything they need to know from the environment, and
# find the program in the same place below ROOT whatever prefix is configured.
ROOT = $(abspath $(O))/root
ROOT_DIRS = bindir=/usr/local/bin sbindir=/usr/local/sbin libexecdir=/usr/local/libexec
OAUTH2_HELPER = $(if $(helper),$(ROOT)/usr/local/libexec/$(HELPER))
PYTHON = $(firstword $(wildcard /usr/bin/python3) python3)
TEST_ENV = POSTHASTE_ROOT='$(ROOT)' POSTHASTE='$(ROOT)/usr/local/bin/$(PROG)' \
	SENDMAIL='$(ROOT)/usr/local/sbin/sendmail' RELAY='$(abspath $(O))/tests/relay/relay' \
	OAUTH2_HELPER='$(OAUTH2_HELPER)' \
	TESTS='$(abspath $(srcdir)/tests)' PYTHON='$(PYTHON)' SAN='$(SAN)' \
	PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
CHECK = $(TEST_ENV) PYTEST_ARGS='$(PYTEST_ARGS)' sh $(srcdir)/tests/check

check: $(units:%=%.run) root relay
	@$(CHECK) unit $(units) e2e $(O)
check-unit: $(units:%=%.run)
	@$(CHECK) unit $(units)
check-e2e: root relay
	@$(CHECK) e2e $(O)
# A failure is only noted here: tests/check counts them all.
$(O)/tests/%.run: $(O)/tests/% FORCE
	$(call say,RUN,$*)CMOCKA_MESSAGE_OUTPUT=TAP $< >$<.log 2>&1; echo $$? >$<.status
root: all
	@rm -rf $(ROOT)
	@$(MAKE) --no-print-directory install install-sendmail DESTDIR='$(ROOT)' \
	$(ROOT_DIRS) >/dev/null

demo: all relay
	@sh $(srcdir)/contrib/demo $(abspath $(O)/$(PROG)) $(abspath $(O))/tests/relay/relay

# Seeds are read from the source tree (the session's are the dialogues), findings
# are kept in corpus/ here.
FUZZ_TIME = 60
fuzz:
	@$(MAKE) --no-print-directory CC=clang FUZZING=1 SAN=address,undefined fuzz-run
fuzz-run: $(fuzz)
	@for f in $(fuzz); do n=$${f##*/}; mkdir -p corpus/$$n; \
	s=$(srcdir)/tests/fuzz/seeds/$$n; test -d $$s || s=; \
	test $$n != session || s="$$s $(srcdir)/tests/smtp"; \
	$$f -max_total_time=$(FUZZ_TIME) -timeout=25 -rss_limit_mb=4096 \
	-artifact_prefix=corpus/$$n- -print_final_stats=1 corpus/$$n $$s \
	>corpus/$$n.log 2>&1 || { tail -n 60 corpus/$$n.log; exit 1; }; \
	sed -n "s/^stat::number_of_executed_units: */$$n: runs /p" corpus/$$n.log; done
	@echo "fuzz: $(words $(fuzz)) fuzzers, $(FUZZ_TIME) s each, no finding"

bench: $(bench) root relay
	@for b in $(bench); do echo "== $${b##*/}"; $$b || exit 1; done
	@for run in $(srcdir)/tests/bench/run $(srcdir)/tests/bench/queue; do \
	test ! -e $$run || $(TEST_ENV) $(PYTHON) $$run || exit 1; done

NO_SWEEPS = --ignore-glob=*/test_queue_crash.py --ignore-glob=*/test_queue_faults.py \
	--deselect=tests/e2e/test_oauth2_login.py::test_full_disk_is_found_before_asking
cov:
	@rm -rf obj-cov
# Sweeps that kill the program or fail its calls would spoil what it notes.
	@$(MAKE) --no-print-directory COV=1 PYTEST_ARGS='$(NO_SWEEPS)' check
	@find obj-cov -name '*.gcno' ! -path '*/tests/*' -exec gcov -n {} + 2>/dev/null | \
	awk -f $(srcdir)/tests/lint/cov.awk $(srcdir)/src/LAYERS -

# -- lint: each rule is one small script, and each has a reason in it ---------
# A tool that is not installed is named; in CI it is an error.
try = @if command -v $(1) >/dev/null; then $(2); else \
	echo "lint: $(1) is not installed, so it was not asked"; test -z "$$CI"; fi
sources = layers sizes banned mirror
lint:
	@$(MAKE) --no-print-directory -k lint-all && echo "lint: clean"
lint-all: $(sources:%=lint-%) lint-pure lint-headers lint-options lint-man lint-shell \
	lint-completions lint-units
$(sources:%=lint-%): lint-%:
	@cd $(srcdir) && tests/lint/$*
lint-pure: $(O)/lib.a
	@$(srcdir)/tests/lint/pure $(srcdir)/src/LAYERS $(O)
lint-headers:
	@for h in $(wildcard $(srcdir)/src/*/*.h); do \
	$(CC) $(ALL_CFLAGS) -Werror -fsyntax-only -x c $$h || exit 1; done
lint-options: all
	@$(srcdir)/tests/lint/options $(O)/$(PROG) $(srcdir)
lint-man:
	$(call try,mandoc,mandoc -Tlint -Wwarning $(wildcard $(srcdir)/man/*.[0-9]))
lint-shell:
	$(call try,shellcheck,shellcheck -s sh $(srcdir)/contrib/bootstrap \
	$(wildcard $(srcdir)/contrib/demo $(srcdir)/contrib/openrc/* $(srcdir)/tests/*/*.sh) \
	$(srcdir)/tests/check \
	$(filter-out %.awk,$(wildcard $(srcdir)/tests/lint/*)) && \
	shellcheck -s bash $(srcdir)/.ci/run $(srcdir)/completions/$(PROG).bash)
# Units are checked as they are installed, but for a program that is there.
lint-units: all
	@command -v systemd-analyze >/dev/null || exit 0; rm -rf $(O)/units; for m in system user; do \
	$(INSTALL) -d $(O)/units/$$m && for f in $(srcdir)/contrib/systemd/$$m/*; do \
	sed 's,@bindir@,$(abspath $(O)),g; s,@localstatedir@,/var,g; s,@sysconfdir@,/etc,g' $$f >$(O)/units/$$m/$${f##*/}; done; \
	XDG_RUNTIME_DIR=$(abspath $(O)) systemd-analyze verify --$$m --man=no $(O)/units/$$m/* || exit 1; done
lint-completions:
	$(call try,zsh,zsh -n $(srcdir)/completions/_$(PROG))
	$(call try,fish,fish --no-config -n $(srcdir)/completions/$(PROG).fish)

# -- install -------------------------------------------------------------------
bashdir = $(datadir)/bash-completion/completions
zshdir  = $(datadir)/zsh/site-functions
fishdir = $(datadir)/fish/vendor_completions.d
sendmail_links = $(sbindir)/sendmail $(prefix)/lib/sendmail $(bindir)/mailq \
	$(bindir)/newaliases
sendmail_pages = $(addprefix $(mandir)/man1/,sendmail.1 mailq.1 newaliases.1)
# link FILE NAMES...: relative links, right under any DESTDIR.  A name that
# is taken by something else is left alone.
link = awk -v to=$(1) -v names='$(2)' 'BEGIN { n = split(names, name, " "); \
	for (i = 1; i <= n; i++) { t = split(to, b, "/"); f = split(name[i], a, "/"); \
	for (k = 2; k < f && k < t && a[k] == b[k]; ) k++; rel = ""; \
	for (j = k; j < f; j++) rel = rel "../"; \
	for (j = k; j < t; j++) rel = rel b[j] "/"; print name[i], rel b[t] } }' | \
	while read -r name to; do at="$(DESTDIR)$$name"; \
	if test -e "$$at" && test "$$(readlink "$$at")" != "$$to"; then \
	echo "$$at belongs to something else: remove that first" >&2; exit 1; fi; \
	$(INSTALL) -d "$${at%/*}" && ln -sf "$$to" "$$at" || exit 1; done
unlink = for name in $(2); do at="$(DESTDIR)$$name"; \
	case $$(readlink "$$at") in */$(1)|$(1)) rm -f "$$at";; esac; done

# What runs the queue: filled in, as examples, and (install-systemd) in place.
services := $(patsubst $(srcdir)/contrib/%,%,$(foreach d,cron openrc systemd/system \
	systemd/user tmpfiles.d,$(wildcard $(srcdir)/contrib/$(d)/*)))
in_place = $(filter systemd/% tmpfiles.d/%,$(services))
libdir = $(prefix)/lib
fill   = for f in $(1); do $(INSTALL) -d "$(DESTDIR)$(2)/$${f%/*}" && \
	sed 's,@bindir@,$(bindir),g; s,@localstatedir@,$(localstatedir),g; s,@sysconfdir@,$(sysconfdir),g' \
	$(srcdir)/contrib/$$f >"$(DESTDIR)$(2)/$$f" || exit 1; done

install: all
	$(Q)$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 \
	$(DESTDIR)$(bashdir) $(DESTDIR)$(zshdir) $(DESTDIR)$(fishdir)
	$(Q)$(INSTALL) -m 755 $(O)/$(PROG) $(DESTDIR)$(bindir)/$(PROG)
	$(if $(helper),$(Q)$(INSTALL) -d $(DESTDIR)$(libexecdir) $(DESTDIR)$(mandir)/man8 && \
	$(INSTALL) -m 755 $(helper) $(DESTDIR)$(libexecdir)/$(HELPER) && \
	$(INSTALL) -m 644 $(srcdir)/man/$(HELPER).8 $(DESTDIR)$(mandir)/man8/$(HELPER).8)
	$(if $(dane),$(Q)$(INSTALL) -d $(DESTDIR)$(libexecdir) && \
	$(INSTALL) -m 755 $(dane) $(DESTDIR)$(libexecdir)/$(DANE_HELPER))
	$(Q)$(INSTALL) -m 644 $(srcdir)/man/$(PROG).1 $(DESTDIR)$(mandir)/man1/$(PROG).1
	$(Q)$(INSTALL) -m 644 $(srcdir)/man/$(PROG).5 $(DESTDIR)$(mandir)/man5/$(PROG).5
	$(Q)$(INSTALL) -m 644 $(srcdir)/completions/$(PROG).bash $(DESTDIR)$(bashdir)/$(PROG)
	$(Q)$(INSTALL) -m 644 $(srcdir)/completions/_$(PROG) $(DESTDIR)$(zshdir)/_$(PROG)
	$(Q)$(INSTALL) -m 644 $(srcdir)/completions/$(PROG).fish $(DESTDIR)$(fishdir)/$(PROG).fish
	$(Q)$(call fill,$(services),$(datadir)/$(PROG))
	@echo "installed $(DESTDIR)$(bindir)/$(PROG), its man pages and completions"
install-sendmail: install
	$(Q)$(call link,$(bindir)/$(PROG),$(sendmail_links))
	$(Q)$(call link,$(mandir)/man1/$(PROG).1,$(sendmail_pages))
	@echo "installed the names sendmail, mailq and newaliases"
install-systemd: install
	$(Q)$(call fill,$(in_place),$(libdir))
	@echo "installed units: systemctl enable --now posthaste-queue.timer, or --user"
uninstall:
	$(Q)rm -f $(addprefix $(DESTDIR)$(datadir)/$(PROG)/,$(services)) \
	$(addprefix $(DESTDIR)$(libdir)/,$(in_place))
	$(Q)$(call unlink,$(PROG),$(sendmail_links))
	$(Q)$(call unlink,$(PROG).1,$(sendmail_pages))
	$(Q)rm -f $(DESTDIR)$(bindir)/$(PROG) $(DESTDIR)$(mandir)/man1/$(PROG).1 \
	$(DESTDIR)$(libexecdir)/$(HELPER) $(DESTDIR)$(mandir)/man8/$(HELPER).8 \
	$(DESTDIR)$(libexecdir)/$(DANE_HELPER) \
	$(DESTDIR)$(mandir)/man5/$(PROG).5 $(DESTDIR)$(bashdir)/$(PROG) \
	$(DESTDIR)$(zshdir)/_$(PROG) $(DESTDIR)$(fishdir)/$(PROG).fish

# -- dist: the same commit gives the same tarball, octet for octet --------------
D = $(PROG)-$(VERSION)
dist: $(srcdir)/configure
	@git -C $(srcdir) rev-parse HEAD >/dev/null || \
	{ echo "dist: needs the git repository" >&2; exit 1; }
	@rm -rf $(D) && mkdir $(D)
	@git -C $(srcdir) archive HEAD | tar -x -C $(D)
	@cp $(srcdir)/configure $(D)/
	@tar --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw \
	--mtime=@$$(git -C $(srcdir) log -1 --format=%ct) -cf $(D).tar $(D)
	@xz -T1 -f $(D).tar && rm -rf $(D) && echo "dist: $(D).tar.xz"
distcheck: dist
	@rm -rf $(D).check && mkdir -p $(D).check/b && tar -xJf $(D).tar.xz -C $(D).check
	@chmod -R a-w $(D).check/$(D)
	cd $(D).check/b && ../$(D)/configure -q --prefix=/usr && $(MAKE) WERROR=1 all check && \
	$(MAKE) install install-sendmail DESTDIR=$$PWD/root && \
	root/usr/bin/$(PROG) --version && root/usr/sbin/sendmail --version && \
	$(MAKE) uninstall DESTDIR=$$PWD/root && \
	test -z "$$(find root ! -type d)" && $(MAKE) clean
	@chmod -R u+w $(D).check && rm -rf $(D).check && echo "distcheck: $(D).tar.xz is good"

help:
	@sed -n 's/^# \(make .*\)/\1/p; s/^#   \( .*\)/   \1/p' $(srcdir)/Makefile
clean:
	rm -rf obj obj-* $(PROG)
distclean: clean
	rm -rf config.mk config.status config.log corpus $(srcdir)/autom4te.cache
.PHONY: all relay check check-unit check-e2e root demo fuzz fuzz-run bench cov \
	lint lint-all $(sources:%=lint-%) lint-pure lint-headers lint-options \
	lint-man lint-shell lint-completions lint-units install install-sendmail \
	install-systemd uninstall dist distcheck help clean distclean FORCE
