# SPDX-License-Identifier: Apache-2.0
# Each target has a rule.
.PHONY: all check $(MORE)

all:
	@echo all
check: all ; @echo check
