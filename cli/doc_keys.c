// SPDX-License-Identifier: Apache-2.0
/*
 * Keys that our plugins do not know. They pass over them, as the specification wants it, so that a
 * misspelt one does nothing, and nobody says so but this. The plugins' READMEs have the same keys;
 * a test holds these tables to them.
 */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/text.h"
#include "cli/doctor.h"

/* Of every plugin, by the specification or by what runtimes put in. */
static const char *const common[] = { "cniVersion", "cniVersions",  "name",	     "type",
				      "ipam",	    "dns",	    "args",	     "capabilities",
				      "prevResult", "disableCheck", "runtimeConfig", NULL };
static const char *const bridge[] = { "bridge",	       "isGateway",   "isDefaultGateway",
				      "forceAddress",  "ipMasq",      "ipMasqBackend",
				      "mtu",	       "hairpinMode", "promiscMode",
				      "vlan",	       "vlanTrunk",   "preserveDefaultVlan",
				      "macspoofchk",   "enabledad",   "disableContainerInterface",
				      "portIsolation", "agent",	      NULL };
static const char *const vxlan[] = { "vni",   "port",	"device",    "local", "mtu",
				     "peers", "ipMasq", "enabledad", "agent", NULL };
static const char *const bgp_route[] = { "mtu", "peers", "ipMasq", "enabledad", "agent", NULL };
static const char *const peer[] = { "name", "ip", "ips", "cidrs", "mac", NULL };
static const char *const host_local[] = { "type",    "ranges", "subnet",  "rangeStart", "rangeEnd",
					  "gateway", "routes", "dataDir", "resolvConf", NULL };
static const char *const range[] = { "subnet", "rangeStart", "rangeEnd", "gateway", NULL };

static const struct {
	const char *type;
	const char *const *keys;
} plugins[] = {
	{ "bridge", bridge },
	{ "vxlan", vxlan },
	{ "bgp-route", bgp_route },
};

/* Keys are found in any case, as Go finds them. */
static bool is_known(const char *key, const char *const *keys)
{
	for (; keys && *keys; keys++)
		if (strcasecmp(key, *keys) == 0)
			return true;
	return false;
}

static void find_nearest(const char *key, const char *const *keys, size_t *least, const char **out)
{
	for (; keys && *keys; keys++)
		if (fl_is_misspelt(key, *keys, least))
			*out = *keys;
}

/* Of an object with these keys; where: it is, below the plugin's configuration. */
static void check_keys(struct doc *d, const struct fl_json *object, const char *where,
		       const char *const *keys, const char *const *more)
{
	struct fl_json *value = NULL;
	const char *key = NULL;

	while ((key = fl_json_next(object, key, &value))) {
		const char *nearest = NULL;
		size_t least = FL_MISSPELT_MAX;

		/* "cni.dev/..." and "_comment" are somebody else's. */
		if (!isalpha((unsigned char)*key) || strpbrk(key, "./") || is_known(key, keys) ||
		    is_known(key, more))
			continue;
		find_nearest(key, keys, &least, &nearest);
		find_nearest(key, more, &least, &nearest);
		doc_say(d, DOC_WARN, "install.keys",
			"mend the key, or take it out: the plugin's README has those that it knows",
			"'%.100s': '%s%.64s' is a key that nobody reads%s%s%s", d->conf_name, where,
			key, nearest ? ", did you mean '" : "", nearest ?: "", nearest ? "'" : "");
	}
}

static void check_elements(struct doc *d, const struct fl_json *list, const char *where,
			   const char *const *keys)
{
	char at[64];

	for (size_t i = 0; i < fl_json_len(list); i++) {
		(void)snprintf(at, sizeof(at), "%s[%zu].", where, i);
		check_keys(d, fl_json_at(list, i), at, keys, NULL);
	}
}

static void check_ipam(struct doc *d, const struct fl_json *ipam)
{
	const struct fl_json *sets = fl_json_get(ipam, "ranges");
	char at[64];

	if (!fl_streq(fl_json_str(fl_json_get(ipam, "type")), "host-local"))
		return;
	check_keys(d, ipam, "ipam.", host_local, NULL);
	for (size_t i = 0; i < fl_json_len(sets); i++) {
		(void)snprintf(at, sizeof(at), "ipam.ranges[%zu]", i);
		check_elements(d, fl_json_at(sets, i), at, range);
	}
}

void doc_keys(struct doc *d, const struct fl_json *conf)
{
	const char *type = fl_json_str(fl_json_get(conf, "type"));

	for (size_t i = 0; i < FL_ARRAY_LEN(plugins); i++) {
		if (!fl_streq(type, plugins[i].type))
			continue;
		check_keys(d, conf, "", plugins[i].keys, common);
		if (plugins[i].keys != bridge)
			check_elements(d, fl_json_get(conf, "peers"), "peers", peer);
	}
	check_ipam(d, fl_json_get(conf, "ipam"));
}
