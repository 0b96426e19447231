# SPDX-License-Identifier: Apache-2.0
# The benchmark's programs: build/bench/cnibench, which measures plugins, build/bench/floor, the bare
# kernel cost as a static program without any library of ours, build/bench/rr, which asks and
# answers, build/bench/cost, which does both in one thread, build/bench/peersbench, which measures
# lib/peers, build/bench/policybench, which measures the policy compiler, and
# build/bench/datapathbench, which measures the programs of bpf/.

BENCH_ALONE := bench/floor.c bench/rr.c bench/cost.c bench/peers.c bench/policy.c bench/datapath.c
BENCH_SRCS := $(filter-out $(BENCH_ALONE),$(wildcard bench/*.c))
PEERS_SRCS := bench/peers.c bench/exec.c bench/report.c bench/stats.c
BENCH_BINS := $(B)/bench/cnibench $(B)/bench/floor $(B)/bench/rr $(B)/bench/cost \
	      $(B)/bench/peersbench $(B)/bench/policybench $(B)/bench/datapathbench

# What "make bench" does, each by itself as "make bench-NAME".
BENCHES := plugins overlay bgp peers policy memory datapath packets

bench_plugins  = bench/run.sh $(B)
bench_overlay  = bench/overlay.sh $(B)
bench_bgp      = bench/bgp.sh $(B)
bench_peers    = $(B)/bench/peersbench
bench_policy   = $(B)/bench/policybench
bench_memory   = bench/memory.sh $(B)
bench_datapath = $(B)/bench/datapathbench
bench_packets  = bench/packets.sh $(B)

.PHONY: benches $(BENCHES:%=bench-%)
benches: $(BENCH_BINS)

# One after the other, since they would be in each other's way, and all of them in any case.
bench:
	$(Q)r=0; for b in $(BENCHES); do $(MAKE) --no-print-directory bench-$$b || r=1; done; exit $$r

$(BENCHES:%=bench-%):
	$(Q)tests/deps.sh bench && $(MAKE) --no-print-directory all benches
	$(Q)$(bench_$(@:bench-%=%))

$(BENCH_SRCS:%.c=$(B)/obj/%.o) $(B)/obj/bench/peers.o: FLAGS += -Ibench

$(B)/bench/cnibench: $(BENCH_SRCS:%.c=$(B)/obj/%.o) $(call lib,fl-base)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^

$(B)/bench/peersbench: $(PEERS_SRCS:%.c=$(B)/obj/%.o) $(foreach l,peers net base,$(call lib,fl-$l))
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ -lnl-3

$(B)/bench/rr: $(B)/obj/bench/rr.o
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^

$(B)/bench/cost: $(B)/obj/bench/cost.o
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ -lbpf

$(B)/bench/policybench: $(B)/obj/bench/policy.o $(call lib,agent-policy) $(call lib,fl-json) $(call lib,fl-base)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ -ljansson

# In the world of the programs' tests, so that what is measured is what is tested.
$(B)/obj/bench/datapath.o: FLAGS += -I$(B) -Itests/bpf -Itests/unit
$(B)/obj/bench/datapath.o: | $(SKELETONS)

$(B)/bench/datapathbench: $(patsubst %,$(B)/obj/%.o,bench/datapath bench/report bench/stats \
			  tests/bpf/pkt tests/bpf/world) $(call lib,fl-base)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ -lbpf -lcmocka

# With the same C library as the plugins: a yardstick must not start slower than what it measures.
ifeq ($(LIBC),musl)
$(B)/bench/floor: $(B)/musl/bench/floor.o bench/bench.mk
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && musl-gcc $(CFLAGS) $(LDFLAGS) -static -o $@ $<
	$(Q)strip $@
else
$(B)/bench/floor: $(B)/obj/bench/floor.o bench/bench.mk
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) $(CNI_STATIC) -o $@ $<
	$(if $(SAN),,$(Q)strip $@)
endif
