#!/bin/sh
# SPDX-License-Identifier: MIT BREACH
#
# Has another licence.
