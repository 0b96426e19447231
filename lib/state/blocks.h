// SPDX-License-Identifier: Apache-2.0
/*
 * Where plugins and agent meet in the kernel: the pair of tc blocks that every pod's host interface
 * joins when there is a datapath, and the link that keeps them alive. The agent makes them; a
 * plugin joins them, whether the agent lives or not. Whoever finds no such link is on a host
 * without a datapath.
 */
#pragma once

#define FL_BLOCKS_ANCHOR  "fairlead-blocks" /* the link: 15 bytes */
#define FL_BLOCKS_INGRESS 0x0fa17ead	    /* what pods send */
#define FL_BLOCKS_EGRESS  0x0fa17eae	    /* what is sent to pods */

/* Below the root; there as soon as an agent has made the blocks, since the boot. */
#define FL_BLOCKS_MARK "run/fairlead/blocks"
