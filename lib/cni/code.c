// SPDX-License-Identifier: Apache-2.0
/* The fixed phrases of the CNI error codes. */
#include "cni/code.h"

const char *fl_cni_code_phrase(enum fl_cni_code code)
{
	switch (code) {
	case FL_CNI_OK:
		return "success";
	case FL_CNI_VERSION:
		return "incompatible CNI version";
	case FL_CNI_FIELD:
		return "unsupported field in the network configuration";
	case FL_CNI_CONTAINER:
		return "container unknown";
	case FL_CNI_ENV:
		return "invalid environment variables";
	case FL_CNI_IO:
		return "input or output error";
	case FL_CNI_DECODE:
		return "content cannot be decoded";
	case FL_CNI_CONFIG:
		return "invalid network configuration";
	case FL_CNI_NETNS:
		return "invalid network namespace";
	case FL_CNI_TRY_LATER:
		return "try again later";
	case FL_CNI_UNAVAILABLE:
		return "plugin not available";
	case FL_CNI_LIMITED:
		return "plugin not available, existing containers may have limited connectivity";
	case FL_CNI_NETLINK:
		return "kernel refused a change";
	case FL_CNI_NO_ADDRESS:
		return "no address available";
	case FL_CNI_DRIFT:
		return "attachment differs from its result";
	case FL_CNI_INTERNAL:
		return "internal error";
	}
	return "plugin-specific error";
}
