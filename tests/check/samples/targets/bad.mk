# SPDX-License-Identifier: Apache-2.0
# One target has no rule.
.PHONY: all
.PHONY: check # BREACH

all:
	@echo all
