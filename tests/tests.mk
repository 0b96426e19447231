# SPDX-License-Identifier: Apache-2.0
# Unit tests: tests/unit/test_X.c becomes build/tests/test_X, linked with everything but main().
# Harness programs: tests/harness/X.c becomes build/tests/X, plain programs that the
# end-to-end tests use. Fuzz targets: tests/fuzz/fuzz_X.c becomes build/tests/replay_X, which
# replays a corpus; with libFuzzer, build/fuzz/fuzz_X.

TEST_LIBS  := $(PLUGIN_LIBS) $(call lib,berth) $(LAYER_LIBS)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
HARNESS	   := $(patsubst tests/harness/%.c,$(B)/tests/%,$(wildcard tests/harness/*.c))
FUZZERS	   := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS	   := $(FUZZERS:fuzz_%=$(B)/tests/replay_%)

tests: $(UNIT_TESTS) $(HARNESS) $(REPLAYS)

$(UNIT_TESTS): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(TEST_LIBS)
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $< $(TEST_LIBS) -lnl-3 -ljansson -lcmocka

$(HARNESS): $(B)/tests/%: $(B)/obj/tests/harness/%.o
	$(call say,LINK)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $<
