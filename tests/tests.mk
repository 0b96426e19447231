# SPDX-License-Identifier: Apache-2.0
# Unit tests: tests/unit/test_X.c becomes build/tests/test_X, linked with everything but main().
# tests/unit/inject.c stands between them and malloc(), so the JSON library is linked statically.
# Tests of the kernel's programs: tests/bpf/test_X.c becomes build/tests/bpf_X. Harness programs: tests/harness/X.c becomes build/tests/X, plain programs that the
# end-to-end tests use. Fuzz targets: tests/fuzz/fuzz_X.c becomes build/tests/replay_X, which
# replays a corpus; with libFuzzer, build/fuzz/fuzz_X.

TEST_LIBS  := $(PLUGIN_LIBS) $(call lib,berth) $(call lib,fairleadd) $(AGENT_LIBS) $(LAYER_LIBS)
TEST_LDLIBS := -lmicrohttpd -luv -lbpf -lyaml
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
BPF_TESTS  := $(patsubst tests/bpf/test_%.c,$(B)/tests/bpf_%,$(wildcard tests/bpf/test_*.c))
HARNESS	   := $(patsubst tests/harness/%.c,$(B)/tests/%,$(wildcard tests/harness/*.c))
FUZZERS	   := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS	   := $(FUZZERS:fuzz_%=$(B)/tests/replay_%)

WRAPS	   := malloc calloc realloc strdup strndup openat fstatat fsync
UNIT_LIBS  := $(WRAPS:%=-Wl,--wrap=%) -Wl,-Bstatic -lnl-3 -ljansson -Wl,-Bdynamic $(TEST_LDLIBS) -lcmocka

# Agents whose maps have another layout, for the tests of an upgrade: bpf/abi.h with a change. "next"
# is another version with a smaller map, "grown" has more in a connection's entry and fewer of them,
# and maps so small that a test can fill each of them.
VARIANTS      := next grown
VARIANT_next  := s/^(.define FL_ABI_VERSION) .*/\1 1000/;s/^(.define FL_MAX_RULES).*/\1 65536/
VARIANT_grown := s/^(.define FL_MAX_FLOWS).*/\1 65536/; \
		 s/^(.define FL_MAX_ENDPOINTS).*/\1 10/; s/^(.define FL_MAX_LOCALS).*/\1 20/; \
		 s/^(.define FL_MAX_ADDRESSES).*/\1 600/; \
		 s/^(.define FL_MAX_PREFIXES).*/\1 600/; s/^(.define FL_MAX_SPECIALS).*/\1 40/; \
		 s/^(.define FL_MAX_SLOTS).*/\1 16/; s/^(.define FL_MAX_RULES).*/\1 400/; \
		 s/^(.define FL_MAX_PORTS).*/\1 40/; s/^(.define FL_MAX_TUNNELS).*/\1 4/; \
		 /^FL_ABI_SIZE\(struct fl_flow,/d; \
		 /^struct fl_flow \{/,/^};/s/^};/\t__u64 more;\n};/
VARIANT_SRCS  := $(foreach d,agent agent/enforce agent/datapath agent/policy,$(call srcs,$d))

define variant
$(B)/$(1)/bpf/abi.h: bpf/abi.h tests/tests.mk
	$$(call say,SED)
	$(Q)mkdir -p $$(@D) && sed -E '$$(VARIANT_$(1))' $$< >$$@ && ! cmp -s $$< $$@

$(B)/$(1)/bpf/datapath.bpf.o: bpf/datapath.bpf.c $(wildcard bpf/*.h) $(B)/$(1)/bpf/abi.h
	$$(call say,BPF)
	$(Q)$(BPF_CC) -I$(B)/$(1) $(BPF_FLAGS) -c -o $$@ $$<

$(B)/$(1)/bpf/%.skel.h: $(B)/$(1)/bpf/%.bpf.o
	$$(call say,SKEL)
	$(Q)bpftool gen skeleton $$< name $$*_bpf >$$@.tmp && mv $$@.tmp $$@

$(B)/$(1)/obj/%.o: %.c Makefile $(B)/$(1)/bpf/datapath.skel.h
	$$(call say,CC)
	$(Q)mkdir -p $$(@D) && $(CC) -I$(B)/$(1) $(FLAGS) $(CFLAGS) -c -o $$@ $$<

$(B)/tests/fairleadd-$(1): $(VARIANT_SRCS:%.c=$(B)/$(1)/obj/%.o) $(AGENT_LIBS) $(LAYER_LIBS)
	$$(call say,LINK)
	$(Q)mkdir -p $$(@D) && $(LINK) -o $$@ $$^ $(AGENT_LDLIBS)

-include $(VARIANT_SRCS:%.c=$(B)/$(1)/obj/%.d)
endef
$(foreach v,$(VARIANTS),$(eval $(call variant,$v)))

tests: $(UNIT_TESTS) $(BPF_TESTS) $(HARNESS) $(REPLAYS) $(B)/tests/libcni-driver \
       $(if $(SAN),,$(VARIANTS:%=$(B)/tests/fairleadd-%))

$(UNIT_TESTS): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(B)/obj/tests/unit/inject.o $(TEST_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(UNIT_LIBS)

$(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/bpf/*.c)): FLAGS += -I$(B) -Itests/bpf -Itests/unit
$(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/bpf/*.c)): | $(SKELETONS)

$(BPF_TESTS): $(B)/tests/bpf_%: $(B)/obj/tests/bpf/test_%.o $(B)/obj/tests/bpf/pkt.o \
	      $(B)/obj/tests/bpf/world.o $(call lib,fairleadd) $(AGENT_LIBS) $(LAYER_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(TEST_LDLIBS) -lnl-3 -ljansson -lcmocka

$(HARNESS): $(B)/tests/%: $(B)/obj/tests/harness/%.o
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(HARNESS_LDLIBS)

# This one is the agent's own HTTP server with documents of a folder.
$(B)/tests/apiserver: $(call lib,agent-api) $(call lib,fl-json) $(call lib,fl-base)
$(B)/tests/apiserver: HARNESS_LDLIBS := -lmicrohttpd -luv -ljansson

# Asks by packets; its parts are in a folder of its own.
$(B)/tests/prober: $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/harness/prober/*.c))

# The real libcni, from the source that golang-github-appc-cni-dev installs under gocode.
$(B)/tests/libcni-driver: tests/e2e/libcni/driver.go
	$(call say,GO)
	$(Q)mkdir -p $(@D) && GO111MODULE=off GOFLAGS= GOPATH=/usr/share/gocode \
		GOCACHE=$(abspath build/go) go build -o $@ $<

$(REPLAYS): $(B)/tests/replay_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o \
	    $(TEST_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(TEST_LDLIBS) -lnl-3 -ljansson

# The same targets under libFuzzer, for FUZZ_SECONDS each, beginning with the corpus in git; what
# they find on the way is kept under build/fuzz/. FUZZ="json ip" runs only these.
FUZZ_SECONDS ?= 30
FUZZ	     ?= $(FUZZERS:fuzz_%=%)
FUZZ_FLAGS   := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

.PHONY: fuzzers
fuzzers: $(FUZZERS:%=$(B)/%)

$(FUZZERS:%=$(B)/%): $(B)/%: $(B)/obj/tests/fuzz/%.o $(TEST_LIBS)
	$(call say,LINK)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $^ $(TEST_LDLIBS) -lnl-3 -ljansson

fuzz:
	$(Q)$(MAKE) --no-print-directory B=build/fuzz CC=clang WERROR= CFLAGS='$(FUZZ_FLAGS)' fuzzers
	$(Q)for f in $(FUZZ); do \
		mkdir -p build/fuzz/corpus/$$f && \
		build/fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			-artifact_prefix=build/fuzz/crash-$$f- build/fuzz/corpus/$$f \
			tests/fuzz/corpus/$$f || exit 1; done
