# SPDX-License-Identifier: Apache-2.0
# One Makefile, no configure. Everything generated lies under build/ (SAN=1: under build/san/).
# V=1 shows the commands, WERROR= lets a newer compiler's warnings pass.

comma	 := ,
B	 := build$(if $(SAN),/san)
Q	 := $(if $(V),,@)
say	 = $(if $(V),,@printf '  %-7s %s\n' $(1) $(patsubst $(B)/%,%,$@))

CC	 ?= gcc
WERROR	 ?= -Werror
CFLAGS	 ?= -O2 -g
PREFIX	 ?= /usr/local
CNIDIR	 ?= /opt/cni/bin
DESTDIR	 ?=

VERSION	 := 0.1.0
WARN	 := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	    -Wno-missing-field-initializers $(WERROR)
FLAGS	 := -std=gnu17 -D_GNU_SOURCE -DFL_VERSION='"$(VERSION)"' -Ilib -I. -I/usr/include/libnl3 \
	    -ffunction-sections -fdata-sections -fno-common $(WARN) -MMD -MP \
	    $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined \
	    -fno-omit-frame-pointer)
LDFLAGS	 ?=
LINK	 := $(CC) $(CFLAGS) $(LDFLAGS) -Wl,--gc-sections \
	    $(if $(SAN),-fsanitize=address$(comma)undefined)

# Layers from top to bottom: this is the link order, so nothing can call upwards.
LAYERS	 := attach cni state net json base
PLUGINS	 := bridge ipam loopback
# Names under which the one plugin binary is installed, beside its own.
CNI_NAMES := bridge host-local loopback

lib	 = $(B)/lib/lib$(1).a
srcs	 = $(sort $(wildcard $(1)/*.c))
objs	 = $(patsubst %.c,$(B)/obj/%.o,$(call srcs,$(1)))
LAYER_LIBS  := $(foreach l,$(LAYERS),$(call lib,fl-$l))
PLUGIN_LIBS := $(foreach p,$(PLUGINS),$(call lib,plugin-$p))
# The sanitizers need a dynamic program; everything else about the binary is the same.
CNI_STATIC  := $(if $(SAN),,-static)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all plugins programs tests demo check bench fuzz install clean deps format

all: plugins programs
plugins: $(foreach n,$(CNI_NAMES),$(B)/cni/$n)
programs: $(B)/bin/berth

# $(call archive,FOLDER,NAME): every .c file of a folder becomes one archive.
define archive
$(call lib,$(2)): $(call objs,$(1))
	$$(call say,AR)
	$(Q)mkdir -p $$(@D) && rm -f $$@ && ar rcsD $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive,lib/$l,fl-$l)))
$(foreach p,$(PLUGINS),$(eval $(call archive,plugins/$p,plugin-$p)))
$(eval $(call archive,runtime,berth))

$(B)/obj/%.o: %.c Makefile
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(FLAGS) $(CFLAGS) -c -o $@ $<

$(B)/cni/fairlead-cni: $(B)/obj/plugins/main.o $(PLUGIN_LIBS) $(LAYER_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) $(CNI_STATIC) -o $@ $^ -lnl-3 -ljansson
	$(if $(SAN),,$(Q)strip $@)

$(foreach n,$(CNI_NAMES),$(B)/cni/$n): $(B)/cni/fairlead-cni
	$(Q)ln -f $< $@

$(B)/bin/berth: $(B)/lib/libberth.a $(LAYER_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ -lnl-3 -ljansson

include tests/tests.mk
include bench/bench.mk

demo: ; $(Q)tests/deps.sh demo && $(MAKE) --no-print-directory all && deploy/demo.sh $(B)
check: ; $(Q)tests/deps.sh check && tests/run.sh $(TESTS)
bench: ; $(Q)tests/deps.sh bench && $(MAKE) --no-print-directory all benches && bench/run.sh $(B)
deps: ; $(Q)tests/deps.sh check

# A running plugin's file must not be written to (ETXTBSY): new name first, then rename.
install: all
	$(Q)install -d $(DESTDIR)$(CNIDIR) $(DESTDIR)$(PREFIX)/bin
	$(Q)install -m 755 $(B)/cni/fairlead-cni $(DESTDIR)$(CNIDIR)/.fairlead-cni.new
	$(Q)cd $(DESTDIR)$(CNIDIR) && for n in $(CNI_NAMES); do \
		ln -f .fairlead-cni.new .$$n.new && mv -f .$$n.new $$n || exit 1; done && \
		mv -f .fairlead-cni.new fairlead-cni
	$(Q)install -m 755 $(B)/bin/berth $(DESTDIR)$(PREFIX)/bin/.berth.new
	$(Q)mv -f $(DESTDIR)$(PREFIX)/bin/.berth.new $(DESTDIR)$(PREFIX)/bin/berth

format:
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	$(Q)rm -rf build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
