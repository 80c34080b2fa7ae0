# make            build (runs autoconf and ./configure if need be)
# make check      unit and command tests; SAN=address,undefined to sanitize
# make lint       layers, purity, headers, sizes, banned calls, man, shell
# make fuzz       every fuzzer for FUZZ_TIME seconds (needs clang)
# make bench      measure
# make cov        line coverage of `make check`
# make install    honours prefix, bindir, mandir..., DESTDIR
# make dist       tarball from the committed tree; distcheck proves it
# make V=1 ...    show commands

srcdir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
PROG = posthaste
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2);)

# -- configuration ----------------------------------------------------------
ifeq ($(filter clean distclean help,$(MAKECMDGOALS)),)
include config.mk
endif
config.mk: $(srcdir)/config.mk.in $(srcdir)/configure
	@if test -x config.status; then ./config.status --recheck && \
	./config.status; else $(srcdir)/configure; fi
$(srcdir)/configure: $(srcdir)/configure.ac $(srcdir)/NEWS
	cd $(srcdir) && rm -rf autom4te.cache && autoconf

# -- one object tree per variant, so switching never mixes objects ----------
comma := ,
VARIANT := $(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(FUZZING),-fuzz)$(if $(COV),-cov)
O := obj$(VARIANT)

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wconversion -Wno-sign-conversion -Wundef \
	-Wwrite-strings -Wpointer-arith $(if $(WERROR),-Werror)
HARDEN = -fstack-protector-strong $(if $(VARIANT),,-D_FORTIFY_SOURCE=2)
VARFLAGS = $(if $(SAN),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) \
	-fno-sanitize-recover=all) $(if $(FUZZING),-fsanitize=fuzzer-no-link) \
	$(if $(COV),-O0 --coverage)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE \
	-I$(srcdir)/src $(WARN) $(HARDEN) $(CPPFLAGS) \
	-DVERSION='"$(VERSION)"' -DSYSCONFDIR='"$(sysconfdir)"' \
	-fPIE $(CFLAGS) $(VARFLAGS)
LINK = $(CC) $(CFLAGS) $(VARFLAGS) -pie -Wl,-z,relro,-z,now $(LDFLAGS)

# -- what there is ----------------------------------------------------------
src   := $(patsubst $(srcdir)/src/%,%,$(wildcard $(srcdir)/src/*/*.c))
objs  := $(patsubst %.c,$(O)/%.o,$(filter-out cmd/main.c,$(src)))
units := $(patsubst $(srcdir)/%.c,$(O)/%,$(wildcard $(srcdir)/tests/unit/*/*.c))
fuzz  := $(patsubst $(srcdir)/%.c,$(O)/%,$(wildcard $(srcdir)/tests/fuzz/*.c))
bench := $(patsubst $(srcdir)/%.c,$(O)/%,$(wildcard $(srcdir)/tests/bench/*.c))
clis  := $(wildcard $(srcdir)/tests/cli/*.sh)

relay := $(patsubst $(srcdir)/%.c,$(O)/%.o,$(wildcard $(srcdir)/tests/relay/*.c))

all: $(O)/$(PROG)
	@ln -sf $< $(PROG)
relay: $(O)/tests/relay/relay
$(O)/tests/relay/relay: $(relay) $(O)/lib.a
	$(call say,LINK,$@)$(LINK) -o $@ $^ $(LIBS)
$(O)/tests/%.o: $(srcdir)/tests/%.c $(O)/flags
	$(call say,CC,tests/$*.c)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -I$(srcdir)/tests -MMD -MP -c -o $@ $<

$(O)/$(PROG): $(O)/cmd/main.o $(O)/lib.a
	$(call say,LINK,$@)$(LINK) -o $@ $^ $(LIBS)
$(O)/lib.a: $(objs)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$(O)/%.o: $(srcdir)/src/%.c $(O)/flags
	$(call say,CC,$*.c)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(O)/tests/%: $(srcdir)/tests/%.c $(O)/lib.a $(O)/flags
	$(call say,TEST,$*)mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP \
	-I$(srcdir)/tests/unit -DTESTS='"$(abspath $(srcdir)/tests)"' \
	$(if $(findstring /fuzz/,$@),-fsanitize=fuzzer) \
	-pie $(LDFLAGS) -o $@ $< $(O)/lib.a $(LIBS) $(if $(findstring /unit/,$@),$(UNIT_LIBS))

# Rebuild when the flags change, not only when files do.
$(O)/flags: FORCE
	@mkdir -p $(O); echo '$(subst ','\'',$(CC) $(ALL_CFLAGS))' >$@.new; \
	if cmp -s $@ $@.new; then rm $@.new; else mv $@.new $@; fi
FORCE:
-include $(shell find $(O) -name '*.d' 2>/dev/null)

# -- tests -------------------------------------------------------------------
check: $(units:%=%.run) $(clis:%=%.run)
	@echo "check$(VARIANT): $(words $(units)) unit, $(words $(clis)) command test files passed"
%.sh.run: %.sh all FORCE
	$(call say,CLI,$(*F))PROG=$(abspath $(O)/$(PROG)) sh $< >$(O)/$(*F).log 2>&1 || \
	{ cat $(O)/$(*F).log; exit 1; }
$(O)/tests/%.run: $(O)/tests/% FORCE
	$(call say,RUN,$*)$< >$<.log 2>&1 || { cat $<.log; exit 1; }

FUZZ_TIME = 60
fuzz:
	@$(MAKE) --no-print-directory CC=clang FUZZING=1 SAN=address,undefined fuzz-run
fuzz-run: $(fuzz)
	@for f in $(fuzz); do mkdir -p corpus/$${f##*/} && \
	$$f -max_total_time=$(FUZZ_TIME) -print_final_stats=1 \
	corpus/$${f##*/} || exit 1; done

bench: $(bench)
	@for b in $(bench); do $$b || exit 1; done

cov:
	@$(MAKE) --no-print-directory COV=1 check
	@gcov -n $$(find obj-cov -name '*.gcda') 2>/dev/null | \
	awk -f $(srcdir)/tests/lint/cov.awk

# -- lint: each rule is one small script, and each has a reason in it ---------
lint: $(O)/lib.a
	@cd $(srcdir) && tests/lint/layers && tests/lint/sizes && \
	tests/lint/banned && tests/lint/mirror
	@$(srcdir)/tests/lint/pure $(srcdir)/src/LAYERS $(O)
	@for h in $(wildcard $(srcdir)/src/*/*.h); do \
	$(CC) $(ALL_CFLAGS) -Werror -fsyntax-only -x c $$h || exit 1; done
	@mandoc -Tlint -Wwarning $(srcdir)/man/*.[0-9] || test $$? -eq 127
	@shellcheck -s sh $(clis) $(filter-out %.awk,$(wildcard $(srcdir)/tests/lint/*)) || \
	test $$? -eq 127
	@echo "lint: clean"

# -- install, dist -------------------------------------------------------------
install: all
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1
	$(INSTALL) -m 755 $(O)/$(PROG) $(DESTDIR)$(bindir)/$(PROG)
	$(INSTALL) -m 644 $(srcdir)/man/*.1 $(DESTDIR)$(mandir)/man1
uninstall:
	rm -f $(DESTDIR)$(bindir)/$(PROG) $(DESTDIR)$(mandir)/man1/$(PROG).1

D = $(PROG)-$(VERSION)
dist: $(srcdir)/configure
	@rm -rf $(D) && mkdir $(D)
	@cd $(srcdir) && git archive HEAD | tar -x -C $(CURDIR)/$(D)
	@cp $(srcdir)/configure $(D)/
	tar --sort=name --owner=0 --group=0 --numeric-owner \
	--mtime=@$$(git -C $(srcdir) log -1 --format=%ct) -cJf $(D).tar.xz $(D)
	@rm -rf $(D)
distcheck: dist
	rm -rf $(D).check && mkdir $(D).check && tar -xJf $(D).tar.xz -C $(D).check
	cd $(D).check && mkdir b && cd b && ../$(D)/configure --prefix=/usr && \
	$(MAKE) WERROR=1 all check && $(MAKE) install DESTDIR=$$PWD/root && \
	$(MAKE) uninstall DESTDIR=$$PWD/root && \
	test -z "$$(find root -type f)"
	rm -rf $(D).check && echo "distcheck: $(D).tar.xz is good"

help:
	@sed -n 's/^# \(make .*\)/\1/p' $(srcdir)/Makefile
clean:
	rm -rf obj obj-* $(PROG)
distclean: clean
	rm -f config.mk config.status config.log
.PHONY: all check fuzz fuzz-run bench cov lint install uninstall dist distcheck help clean distclean FORCE
