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
LAYERS	 := attach cni peers state net json base
PLUGINS	 := bridge vxlan bgp-route ipam loopback
# The agent's folders from top to bottom; lib/yaml is the agent's and the command line's only.
AGENT	 := api enforce datapath bgp topology source config model policy
# Names under which the one plugin binary is installed, beside its own.
CNI_NAMES := bridge host-local loopback vxlan bgp-route

lib	 = $(B)/lib/lib$(1).a
srcs	 = $(sort $(wildcard $(1)/*.c))
objs	 = $(patsubst %.c,$(B)/obj/%.o,$(call srcs,$(1)))
LAYER_LIBS  := $(foreach l,$(LAYERS),$(call lib,fl-$l))
PLUGIN_LIBS := $(foreach p,$(PLUGINS),$(call lib,plugin-$p))
AGENT_LIBS  := $(foreach a,$(AGENT),$(call lib,agent-$a)) $(call lib,fl-yaml)
# The C library of the plugins, where musl's compiler is installed: a process that uses it starts
# in a third of the time (glibc asks the processor 43 questions, and in a virtual machine each
# of them goes to the hypervisor), and with a dozen system calls less. LIBC=glibc is the other.
LIBC	 ?= $(if $(SAN),glibc,$(if $(shell command -v musl-gcc),musl,glibc))
# The sanitizers need a dynamic program; everything else about the binary is the same.
CNI_STATIC  := $(if $(SAN),,-static)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all plugins programs tests demo demo-overlay demo-policy check check-kernels bench fuzz install uninstall clean deps format

all: plugins programs
plugins: $(foreach n,$(CNI_NAMES),$(B)/cni/$n)
programs: $(B)/bin/berth $(B)/bin/fairleadd $(B)/bin/fairlead

# $(call archive,FOLDER,NAME): every .c file of a folder becomes one archive.
define archive
$(call lib,$(2)): $(call objs,$(1))
	$$(call say,AR)
	$(Q)mkdir -p $$(@D) && rm -f $$@ && ar rcsD $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive,lib/$l,fl-$l)))
$(foreach p,$(PLUGINS),$(eval $(call archive,plugins/$p,plugin-$p)))
$(foreach a,$(AGENT),$(eval $(call archive,agent/$a,agent-$a)))
$(eval $(call archive,lib/yaml,fl-yaml))
$(eval $(call archive,runtime,berth))
$(eval $(call archive,agent,fairleadd))
$(eval $(call archive,cli,fairlead))

$(B)/obj/%.o: %.c Makefile
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(FLAGS) $(CFLAGS) -c -o $@ $<

# The programs of the kernel: bpf/X.bpf.c becomes an object, and that a header to load it with.
BPF_CC	  ?= clang
BPF_FLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter $(WERROR) -I. \
	     -I/usr/include/$(shell $(CC) -print-multiarch) -MMD -MP
SKELETONS := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))

$(B)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	$(call say,BPF)
	$(Q)mkdir -p $(@D) && $(BPF_CC) $(BPF_FLAGS) -c -o $@ $<

$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL)
	$(Q)bpftool gen skeleton $< name $*_bpf >$@.tmp && mv $@.tmp $@

-include $(SKELETONS:.skel.h=.bpf.d)

$(call objs,agent/datapath): FLAGS += -I$(B)
$(call objs,agent/datapath): | $(SKELETONS)

ifeq ($(LIBC),musl)
# Everything of the plugins is compiled again with musl's headers; the kernel's and the two
# libraries' headers are linked to where musl's compiler does not see glibc's beside them.
MUSL_SRCS := plugins/main.c plugins/musl.c plugins/heap.c $(foreach p,$(PLUGINS),$(call srcs,plugins/$p)) \
	     $(foreach l,$(LAYERS),$(call srcs,lib/$l))
MUSL_OBJS := $(MUSL_SRCS:%.c=$(B)/musl/%.o)
MUSL_INC  := $(B)/musl/include

$(MUSL_INC):
	$(call say,LINKS)
	$(Q)mkdir -p $@ && cd $@ && ln -sfn /usr/include/linux linux && \
		ln -sfn /usr/include/asm-generic asm-generic && \
		ln -sfn /usr/include/$(shell $(CC) -print-multiarch)/asm asm && \
		ln -sfn /usr/include/libnl3/netlink netlink && \
		ln -sfn /usr/include/jansson.h /usr/include/jansson_config.h .

$(B)/musl/%.o: %.c Makefile | $(MUSL_INC)
	$(call say,CC)
	$(Q)mkdir -p $(@D) && musl-gcc $(FLAGS) $(CFLAGS) -isystem $(MUSL_INC) \
		-include netinet/in.h -c -o $@ $<

$(B)/cni/fairlead-cni: $(MUSL_OBJS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && musl-gcc $(CFLAGS) $(LDFLAGS) -static -Wl,--gc-sections \
		-Wl,-z,noseparate-code -o $@ $^ \
		$(call library,nl-3) $(call library,jansson)
	$(Q)strip $@

library = $(shell $(CC) -print-file-name=lib$(1).a)
-include $(MUSL_OBJS:.o=.d)
else
$(B)/cni/fairlead-cni: $(B)/obj/plugins/main.o $(PLUGIN_LIBS) $(LAYER_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) $(CNI_STATIC) -o $@ $^ -lnl-3 -ljansson
	$(if $(SAN),,$(Q)strip $@)
endif

$(foreach n,$(CNI_NAMES),$(B)/cni/$n): $(B)/cni/fairlead-cni
	$(Q)ln -f $< $@

$(B)/bin/berth: $(B)/lib/libberth.a $(LAYER_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ -lnl-3 -ljansson

AGENT_LDLIBS := -lmicrohttpd -luv -lbpf -lyaml -lnl-3 -ljansson
$(B)/bin/fairleadd: $(call lib,fairleadd) $(AGENT_LIBS) $(LAYER_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(AGENT_LDLIBS)

CLI_LDLIBS := -lcurl -lyaml -lnl-3 -ljansson
$(B)/bin/fairlead: $(call lib,fairlead) $(call lib,agent-policy) $(call lib,fl-yaml) $(LAYER_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(CLI_LDLIBS)

include tests/tests.mk
include bench/bench.mk

# The first two demonstrations need the plugins and berth, and so fewer packages than the rest.
demo: ; $(Q)tests/deps.sh demo && $(MAKE) --no-print-directory plugins $(B)/bin/berth && deploy/demo.sh $(B)
demo-overlay: ; $(Q)tests/deps.sh demo && $(MAKE) --no-print-directory plugins $(B)/bin/berth && deploy/demo-overlay.sh $(B)
demo-policy: ; $(Q)tests/deps.sh demo-policy && $(MAKE) --no-print-directory plugins programs && deploy/demo-policy.sh $(B)
check: ; $(Q)tests/deps.sh check && tests/run.sh $(TESTS)
check-kernels: ; $(Q)tests/deps.sh check && KERNELS=$${KERNELS:-all} tests/run.sh 'kernel-*'
deps: ; $(Q)tests/deps.sh build

# A running plugin's file must not be written to (ETXTBSY): new name first, then rename.
install: all
	$(Q)install -d $(DESTDIR)$(CNIDIR) $(DESTDIR)$(PREFIX)/bin
	$(Q)install -m 755 $(B)/cni/fairlead-cni $(DESTDIR)$(CNIDIR)/.fairlead-cni.new
	$(Q)cd $(DESTDIR)$(CNIDIR) && for n in $(CNI_NAMES); do \
		ln -f .fairlead-cni.new .$$n.new && mv -f .$$n.new $$n || exit 1; done && \
		mv -f .fairlead-cni.new fairlead-cni
	$(Q)for p in berth fairleadd fairlead; do \
		install -m 755 $(B)/bin/$$p $(DESTDIR)$(PREFIX)/bin/.$$p.new && \
		mv -f $(DESTDIR)$(PREFIX)/bin/.$$p.new $(DESTDIR)$(PREFIX)/bin/$$p || exit 1; done
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	$(Q)sed 's|/usr/local/|$(PREFIX)/|' deploy/systemd/fairleadd.service \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/fairleadd.service

# Only what is ours: by now another package's plugin may have one of the names. Links, leases and
# the like are state, which stays.
uninstall:
	$(Q)cd $(DESTDIR)$(CNIDIR) && for n in $(CNI_NAMES); do \
		[ ! $$n -ef fairlead-cni ] || rm -f $$n; done && rm -f fairlead-cni
	$(Q)cd $(DESTDIR)$(PREFIX) && rm -f bin/berth bin/fairleadd bin/fairlead \
		lib/systemd/system/fairleadd.service

format:
	$(Q)git ls-files '*.c' '*.h' ':!tests/check/samples' | xargs clang-format -i

clean:
	$(Q)rm -rf build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
