// SPDX-License-Identifier: Apache-2.0
/*
 * The one plugin binary: the name it is called by says which plugin it is. Under its own name
 * the first argument may say so, which is for hands and tests; a runtime passes no arguments.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cni/plugin.h"
#include "plugins/bgp-route/bgp_route.h"
#include "plugins/bridge/bridge.h"
#include "plugins/ipam/ipam.h"
#include "plugins/loopback/loopback.h"
#include "plugins/vxlan/vxlan.h"

static const struct fl_cni_plugin *const builtins[] = {
	&br_plugin, &ipam_plugin, &lo_plugin, &vx_plugin, &bgp_plugin, NULL,
};

/* NULL when there is no such plugin. */
static const struct fl_cni_plugin *find(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path;

	for (const struct fl_cni_plugin *const *p = builtins; *p; p++)
		if (fl_streq((*p)->name, name))
			return *p;
	return NULL;
}

static int usage(void)
{
	fprintf(stderr, "fairlead-cni " FL_VERSION ": CNI plugins in one file\n"
			"usage: a link to this file, or its first argument, names the plugin:");
	for (const struct fl_cni_plugin *const *p = builtins; *p; p++)
		fprintf(stderr, " %s", (*p)->name);
	fprintf(stderr, "\n       CNI_COMMAND and the other variables of the CNI specification say "
			"what to do\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct fl_cni_plugin *self = find(argv[0]);

	if (!self && argc == 2)
		self = find(argv[1]);
	return self ? fl_cni_main(self, builtins) : usage();
}
