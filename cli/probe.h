// SPDX-License-Identifier: Apache-2.0
/*
 * Packets to other nodes, and whether they are answered; all at once. An answer is an echo, or the
 * refusal that a closed port is worth: that refusal proves that the other kernel found the
 * packet's checksum right. PROBE_UDP leaves the checksum to the device if it offers that, as
 * every program's packets do; PROBE_UDP_SOFT brings its own. Needs root.
 */
#pragma once

#include "base/ip.h"

enum cli_probe_kind { PROBE_ECHO, PROBE_UDP, PROBE_UDP_SOFT, PROBE_TCP };

/* Closed ports: above those that a kernel gives away by itself, and nobody's. */
enum { PROBE_TCP_PORT = 61997, PROBE_UDP_SOFT_PORT = 61998, PROBE_UDP_PORT = 61999 };

struct cli_probe {
	enum cli_probe_kind kind;
	struct fl_ip to;
	uint32_t size; /* echo: bytes of the IP packet, which is not to be fragmented; 0: small */
	bool answered;
	int sys; /* why not, if this node's kernel knows; else 0 */
};

/*
 * Sends all, silent ones twice, and fills in what came back within wait_ms. A probe that cannot be
 * sent is not answered; an error is only what concerns all.
 */
fl_must int cli_probe(struct cli_probe *probes, size_t n, int wait_ms, struct fl_err *err);
