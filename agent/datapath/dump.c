// SPDX-License-Identifier: Apache-2.0
/*
 * Walking the maps. A hash is read in whole buckets, since its next entry cannot be found from one
 * that has gone, and connections go at any time; other maps key by key.
 */
#include "agent/datapath/dump.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "agent/datapath/dp.h"
#include "bpf/datapath.skel.h"

struct table {
	const struct bpf_map *map;
	bool is_hash;
};

static struct table table_of(const struct dp *d, enum dp_table table)
{
	const struct bpf_map *const maps[] = {
		[DP_T_FLOWS] = d->bpf->maps.fl_flows,
		[DP_T_ENDPOINTS] = d->bpf->maps.fl_endpoints,
		[DP_T_LOCALS] = d->bpf->maps.fl_locals,
		[DP_T_ADDRESSES] = d->bpf->maps.fl_addresses,
		[DP_T_PREFIXES] = d->bpf->maps.fl_prefixes,
		[DP_T_SPECIALS] = d->bpf->maps.fl_specials,
		[DP_T_SLOTS] = d->bpf->maps.fl_slots,
		[DP_T_RULES] = d->bpf->maps.fl_rules,
		[DP_T_PORTS] = d->bpf->maps.fl_ports,
		[DP_T_FRAGMENTS] = d->bpf->maps.fl_fragments,
		[DP_T_DEVICES] = d->bpf->maps.fl_devices,
		[DP_T_TUNNELS] = d->bpf->maps.fl_tunnels,
		[DP_T_DENIED] = d->bpf->maps.fl_denied,
	};
	struct table t = { .map = maps[table] };
	enum bpf_map_type type = bpf_map__type(t.map);

	t.is_hash = type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH;
	return t;
}

struct page {
	uint8_t *keys, *values;
	__u32 n;
};

static void page_done(struct page *p)
{
	fl_free_p(&p->keys);
	fl_free_p(&p->values);
}

/* Reads whole buckets. The place is the number of the next one. */
static int read_buckets(const struct bpf_map *map, struct dp_place *at, __u32 max, struct page *p,
			struct fl_err *err)
{
	__u32 next = 0;
	int r;

	p->keys = calloc(max, bpf_map__key_size(map));
	p->values = calloc(max, bpf_map__value_size(map));
	if (!p->keys || !p->values)
		return fl_fail_errno(err, ENOMEM, "read '%s'", bpf_map__name(map));
	p->n = max;
	r = bpf_map_lookup_batch(bpf_map__fd(map), at->n ? at->v : NULL, &next, p->keys, p->values,
				 &p->n, NULL);
	if (r < 0 && errno == ENOSPC)
		return -ENOSPC;
	if (r < 0 && errno != ENOENT)
		return fl_fail_errno(err, errno, "read '%s'", bpf_map__name(map));
	at->n = r < 0 ? 0 : sizeof(next);
	memcpy(at->v, &next, sizeof(next));
	return 0;
}

static int dump_hash(const struct bpf_map *map, struct dp_place *at, size_t max,
		     int (*each)(const void *key, const void *value, void *arg), void *arg,
		     struct fl_err *err)
{
	int r = -ENOSPC;

	if (at->n && at->n != sizeof(__u32))
		return fl_fail(err, EINVAL, "there is no such place in '%s'", bpf_map__name(map));
	/* A bucket with more entries than that is unheard of, but not impossible. */
	for (__u32 room = (__u32)max; r == -ENOSPC && room < 1u << 20; room *= 2) {
		fl_auto(page_done) struct page p = { 0 };

		r = read_buckets(map, at, room, &p, err);
		for (__u32 i = 0; r == 0 && i < p.n; i++)
			r = each(p.keys + i * bpf_map__key_size(map),
				 p.values + i * bpf_map__value_size(map), arg);
	}
	return r == -ENOSPC ? fl_fail_errno(err, ENOSPC, "read '%s'", bpf_map__name(map)) : r;
}

static int dump_keys(const struct bpf_map *map, struct dp_place *at, size_t max,
		     int (*each)(const void *key, const void *value, void *arg), void *arg,
		     struct fl_err *err)
{
	__u32 size = bpf_map__key_size(map);
	uint8_t key[DP_PLACE_MAX], value[DP_PLACE_MAX];
	int r = 0;

	if (size > sizeof(key) || bpf_map__value_size(map) > sizeof(value) ||
	    (at->n && at->n != size))
		return fl_fail(err, EINVAL, "there is no such place in '%s'", bpf_map__name(map));
	for (size_t i = 0; r == 0 && i < max; i++) {
		bool has = bpf_map_get_next_key(bpf_map__fd(map), at->n ? at->v : NULL, key) == 0;

		at->n = has ? size : 0;
		if (!has)
			break;
		memcpy(at->v, key, size);
		if (bpf_map_lookup_elem(bpf_map__fd(map), key, value) == 0)
			r = each(key, value, arg);
	}
	return r;
}

int dp_dump(struct dp *d, enum dp_table table, struct dp_place *at, size_t max,
	    int (*each)(const void *key, const void *value, void *arg), void *arg,
	    struct fl_err *err)
{
	struct table t = table_of(d, table);

	return t.is_hash ? dump_hash(t.map, at, max, each, arg, err)
			 : dump_keys(t.map, at, max, each, arg, err);
}

uint32_t dp_capacity(const struct dp *d, enum dp_table table)
{
	return bpf_map__max_entries(table_of(d, table).map);
}
