// SPDX-License-Identifier: Apache-2.0
/* Policies as documents: for "fairlead policy", for the API, and for telling two apart. */
#pragma once

#include "agent/policy/world.h"

/* The policy as a NetworkPolicy object with all defaults written out. *out is the caller's. */
fl_must int pol_policy_json(const struct pol_policy *p, struct fl_json **out, struct fl_err *err);

/* A hash of all that the policy says; of two of the same name, the same says the same. */
fl_must int pol_policy_hash(const struct pol_policy *p, uint64_t *out, struct fl_err *err);
