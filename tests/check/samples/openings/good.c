// SPDX-License-Identifier: Apache-2.0
/* Is there to be right. */
#include <stdio.h>
