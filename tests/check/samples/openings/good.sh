#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Is there to be right.
set -euo pipefail
