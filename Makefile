# SPDX-License-Identifier: GPL-2.0
# make            build/shunt            make V=1        show the commands
# make SAN=1      the same with ASan and UBSan, below build/san
# make TSAN=1     the same with TSan, below build/tsan
# make check      all tests              make demo       the main job on real processes
# make fuzz       the fuzzers, long      make bench      speed beside peers
# make soak       changes without end
# make check-kernels                     what runs on stock kernels, booted under QEMU
# make install    program, manual, unit  make uninstall  (PREFIX=/usr/local, DESTDIR=)
# Dependencies: scripts/deps installs them.

V ?= 0
Q = $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' $(1) $(2))

CC = gcc
first = $(firstword $(shell for c in $(1); do command -v $$c; done; true))
CLANG := $(call first,clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
BPFTOOL := $(call first,bpftool /usr/sbin/bpftool)
PKG = libbpf libelf yaml-0.1 jansson libpcre2-8 libxxhash
VERSION := 0.1.0

# llhttp is a library of the system, else its sources, which scripts/deps fetches.
LLHTTP = $(or $(XDG_CACHE_HOME),/var/cache)/shunt-llhttp
LLHTTP_PKG := $(shell pkg-config --exists 'libllhttp >= 9.2' && echo libllhttp)
LLHTTP_SRC := $(if $(LLHTTP_PKG),,$(wildcard $(LLHTTP)/src/*.c))
PKG += $(LLHTTP_PKG)

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
MAN5 = $(wildcard docs/*.5)
MAN7 = $(wildcard docs/*.7)
MAN8 = $(wildcard docs/*.8)

B ?= build$(if $(SAN),/san)$(if $(TSAN),/tsan)
WARN = -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wno-missing-field-initializers
SANFLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CPPFLAGS = -D_GNU_SOURCE -DSHUNT_VERSION='"$(VERSION)"' -Iinclude -Iuser -I$(B)/bpf $(if $(LLHTTP_PKG),,-isystem $(LLHTTP)/include) $(shell pkg-config --cflags $(PKG) 2>/dev/null)
TSANFLAGS = -fsanitize=thread -fno-omit-frame-pointer
CFLAGS = -std=c11 -g $(WARN) $(if $(SAN),-O1 $(SANFLAGS),$(if $(TSAN),-O1 $(TSANFLAGS),-O2))
LDFLAGS = $(if $(SAN),$(SANFLAGS))$(if $(TSAN),$(TSANFLAGS))
LDLIBS = $(shell pkg-config --libs $(PKG) 2>/dev/null) -lz -lm

BPF_SRC := $(wildcard bpf/*.bpf.c)
BPF_CFLAGS = -std=gnu11 -g -O2 -target bpf -mcpu=v3 $(filter-out -Wmissing-prototypes,$(WARN)) -Iinclude -Ibpf -idirafter /usr/include/$(shell $(CC) -dumpmachine)
TEST_SKEL := $(patsubst tests/bpf/%.bpf.c,$(B)/bpf/%.skel.h,$(wildcard tests/bpf/*.bpf.c))
SKEL := $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.skel.h)

LIB_SRC := $(filter-out user/cli/main.c,$(wildcard user/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
LLHTTP_OBJ := $(LLHTTP_SRC:$(LLHTTP)/src/%.c=$(B)/llhttp/%.o)
UNIT_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/*.c))
TOOLS := $(patsubst tests/tools/%.c,$(B)/tools/%,$(wildcard tests/tools/*.c))

all: $(B)/shunt

$(B)/shunt: $(B)/user/cli/main.o $(B)/libshunt.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libshunt.a: $(LIB_OBJ) $(LLHTTP_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/%.o: %.c | tools-present
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/llhttp/%.o: $(LLHTTP)/src/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out $(WARN),$(CFLAGS)) -c -o $@ $<

# Skeletons are made before the code that includes them; -MMD keeps them as dependencies.
$(filter $(B)/user/datapath/%,$(LIB_OBJ)): | $(SKEL)

$(B)/bpf/%.bpf.o: bpf/%.bpf.c | tools-present
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<

$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf > $@.tmp && mv $@.tmp $@

# Programs that only tests load are built the same way.
$(B)/bpf/%.bpf.o: tests/bpf/%.bpf.c | tools-present
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<

$(UNIT_OBJ): | $(TEST_SKEL)

$(B)/unit: $(UNIT_OBJ) $(B)/libshunt.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcunit

# Test tools stand alone: one file, no library of ours.
$(B)/tools/%: tests/tools/%.c | tools-present
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< -lpthread

# What an agent would hand to a proxy that is tested alone.
$(B)/tools/block: $(B)/tests/proxy/block.o $(B)/libshunt.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The programs that steer by packet, over tables of their own.
$(B)/tests/packets/packets.o $(B)/tests/packets/outside.o: | $(TEST_SKEL)
$(B)/tools/packets $(B)/tools/outside: $(B)/tools/%: $(B)/tests/packets/%.o
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Fuzzers: the parsers and the fuzz target, all by clang with libFuzzer.
FUZZ_CFLAGS = -std=c11 -g -O1 $(filter-out -Wmissing-prototypes,$(WARN)) -Wno-unused-command-line-argument
FUZZ_SAN = -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_LIB_OBJ := $(patsubst %.c,$(B)/fuzz/%.o,$(wildcard user/base/*.c user/tree/*.c user/http/*.c user/config/*.c user/plan/*.c \
	user/snapshot/*.c user/proxy/http1*.c user/proxy/format.c)) $(LLHTTP_OBJ:$(B)/%=$(B)/fuzz/%)
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))

$(B)/fuzz/%.o: %.c | tools-present
	$(call say,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -Itests/fuzz $(FUZZ_CFLAGS) $(FUZZ_SAN) -MMD -MP -c -o $@ $<

$(B)/fuzz/llhttp/%.o: $(LLHTTP)/src/%.c
	$(call say,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -g -O1 -w $(FUZZ_SAN) -c -o $@ $<

$(FUZZERS): $(B)/fuzz/%: $(B)/fuzz/tests/fuzz/%.o $(FUZZ_LIB_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CLANG) $(FUZZ_SAN) -o $@ $^ $(LDLIBS)

.PHONY: all tools fuzzers check check-build check-kernels bench demo fuzz soak tools-present install uninstall clean
.SECONDARY:
tools: $(TOOLS) $(B)/tools/block $(B)/tools/packets $(B)/tools/outside
fuzzers: $(FUZZERS)

demo:
	scripts/demo

# Everything the tests run: the sanitized builds, the release build, the fuzzers.
check-build:
	+$(MAKE) --no-print-directory SAN=1 all tools build/san/unit
	+$(MAKE) --no-print-directory TSAN=1 all tools
	+$(MAKE) --no-print-directory all tools fuzzers

# Units, cases and e2e run on the sanitized build; what is timed runs on the release build.
E2E ?= $(sort $(wildcard tests/e2e/*_test.py))
check: check-build
	+SHUNT_BUILD=build/san tests/run --jobs 2 $(if $(ONLY),--only $(ONLY)) \
		scripts/structure scripts/docs scripts/crd-fields scripts/install-check "build/san/unit" tests/cases/run \
		$(if $(ONLY),,"tests/fuzz/run build/fuzz 20" tests/demo \
		"env SHUNT_BUILD=build tests/kernels/run") $(E2E)

# The release build inside of stock Debian kernels, older and newer than this machine's.
check-kernels: all tools
	SHUNT_BUILD=$(or $(SHUNT_BUILD),$(B)) tests/kernels/run $(ONLY)

# Always the release build: what the sanitizers cost is not what is asked.
bench: all tools
	SHUNT_BUILD=$(B) tests/bench/run $(ONLY)

# What may not grow, with as many changes and pods as months have; hours.
soak: all tools
	SHUNT_BUILD=$(B) SWAPS=100000 PODS=20000 CONNECTIONS=1000000 tests/run --jobs 1 --timeout 36000 \
		tests/e2e/proxy_swap_test.py tests/e2e/proxy_death_test.py tests/e2e/churn_test.py

fuzz: fuzzers
	tests/fuzz/run build/fuzz $(or $(SECONDS_EACH),600)

tools-present:
	@test -n "$(CLANG)" || { echo "no clang found: run scripts/deps" >&2; exit 1; }
	@test -n "$(BPFTOOL)" || { echo "no bpftool found: run scripts/deps" >&2; exit 1; }
	@pkg-config --exists $(PKG) || { echo "libraries missing ($(PKG)): run scripts/deps" >&2; exit 1; }
	@test -n "$(LLHTTP_PKG)$(LLHTTP_SRC)" || { echo "no llhttp found: run scripts/deps" >&2; exit 1; }

# The unit names the program where it was installed; the completion comes from the program itself.
bin = $(DESTDIR)$(PREFIX)/bin
man = $(DESTDIR)$(PREFIX)/share/man
completions = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
units = $(DESTDIR)$(PREFIX)/lib/systemd/system

install: all
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -d $(bin) $(man)/man5 $(man)/man7 $(man)/man8 $(completions) $(units) \
		$(DESTDIR)$(SYSCONFDIR)/shunt
	$(Q)install -m 755 $(B)/shunt $(bin)/shunt
	$(Q)install -m 644 $(MAN5) $(man)/man5
	$(Q)install -m 644 $(MAN7) $(man)/man7
	$(Q)install -m 644 $(MAN8) $(man)/man8
	$(Q)$(B)/shunt completion bash > $(completions)/shunt
	$(Q)sed 's:/usr/local/bin/:$(PREFIX)/bin/:; s:/etc/shunt:$(SYSCONFDIR)/shunt:' \
		manifests/shunt.service > $(units)/shunt.service

# A configuration folder that holds anything stays, and so does the state.
uninstall:
	$(call say,REMOVE,$(DESTDIR)$(PREFIX))
	$(Q)rm -f $(bin)/shunt $(completions)/shunt $(units)/shunt.service \
		$(MAN5:docs/%=$(man)/man5/%) $(MAN7:docs/%=$(man)/man7/%) $(MAN8:docs/%=$(man)/man8/%)
	$(Q)if [ -d $(DESTDIR)$(SYSCONFDIR)/shunt ]; then \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(SYSCONFDIR)/shunt; fi

clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d) $(FUZZ_LIB_OBJ:.o=.d) $(FUZZERS:$(B)/fuzz/%=$(B)/fuzz/tests/fuzz/%.d) $(UNIT_OBJ:.o=.d) $(B)/user/cli/main.d $(SKEL:.skel.h=.bpf.d) $(TEST_SKEL:.skel.h=.bpf.d) $(TOOLS:%=%.d) $(wildcard $(B)/tests/packets/*.d)
