// SPDX-License-Identifier: Apache-2.0
/* CNI error codes (CNI 1.1.0 section 5, "Error"); the only place that has their numbers. */
#pragma once

enum fl_cni_code {
	FL_CNI_OK = 0,
	FL_CNI_VERSION = 1,	 /* incompatible version, or the version lacks the verb */
	FL_CNI_FIELD = 2,	 /* unsupported field */
	FL_CNI_CONTAINER = 3,	 /* container unknown: the runtime need not clean up */
	FL_CNI_ENV = 4,		 /* invalid environment variables */
	FL_CNI_IO = 5,		 /* reading or writing failed */
	FL_CNI_DECODE = 6,	 /* input is not what it should be */
	FL_CNI_CONFIG = 7,	 /* invalid network configuration */
	FL_CNI_NETNS = 8,	 /* invalid network namespace (libcni) */
	FL_CNI_TRY_LATER = 11,	 /* transient: deadline passed, agent not ready */
	FL_CNI_UNAVAILABLE = 50, /* STATUS: ADD cannot be served */
	FL_CNI_LIMITED = 51,	 /* STATUS: nor can existing containers */
	FL_CNI_NETLINK = 100,	 /* ours: the kernel refused a change */
	FL_CNI_NO_ADDRESS = 101, /* ours: no address can be had */
	FL_CNI_DRIFT = 102,	 /* ours: CHECK found a difference */
	FL_CNI_INTERNAL = 999,	 /* anything else (libcni) */
};

/* The fixed phrase of a code, for the "msg" member of an error. */
const char *fl_cni_code_phrase(enum fl_cni_code code);
