// SPDX-License-Identifier: Apache-2.0
/* agent.yaml: whatever is accepted keeps within what the header says. */
#include "fuzz.h"

#include "agent/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fl_auto_config struct agent_config c = { 0 };
	struct fl_err err = { 0 };

	if (agent_config_read("f", (const char *)data, size, &c, &err) < 0) {
		MUST(strncmp(err.text, "f:", 2) == 0);
		return 0;
	}
	MUST(c.vxlan.vni >= 1 && c.vxlan.vni <= 16777215 && c.vxlan.port > 0);
	MUST(strlen(c.vxlan.device) >= 1 && strlen(c.vxlan.device) <= 15);
	MUST(c.manifests[0] == '/' && c.resync_s > 0 && agent_mode_text(c.mode));
	MUST(c.bgp.n_peers <= AGENT_BGP_PEERS_MAX && c.bgp.as > 0);
	for (size_t i = 0; i < c.bgp.n_peers; i++)
		MUST(!c.bgp.peers[i].password || !c.bgp.peers[i].password_file);
	return 0;
}
