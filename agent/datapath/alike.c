// SPDX-License-Identifier: Apache-2.0
/* Comparing two maps' types, as the BTF that the kernel keeps with each says. */
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "agent/datapath/dp.h"
#include "base/text.h"

#define DEPTH 8 /* of types within types */

/* A map with the types of its entries. */
struct typed {
	struct bpf_map_info info;
	struct btf *btf;
};

static void typed_done(struct typed *t)
{
	btf__free(t->btf);
}

/* False: it cannot be said what its entries are. */
static bool typed_get(int fd, struct typed *out)
{
	__u32 len = sizeof(out->info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &out->info, &len) < 0 || !out->info.btf_id)
		return false;
	out->btf = btf__load_from_kernel_by_id(out->info.btf_id);
	return out->btf;
}

/* One type in each of two maps; true when a and b say the same. is_open: either may say more. */
static bool says_same(const struct btf *ab, int a, const struct btf *bb, int b, bool is_open,
		      unsigned int depth)
{
	int ai = btf__resolve_type(ab, (__u32)a), bi = btf__resolve_type(bb, (__u32)b);
	const struct btf_type *at = ai < 0 ? NULL : btf__type_by_id(ab, (__u32)ai);
	const struct btf_type *bt = bi < 0 ? NULL : btf__type_by_id(bb, (__u32)bi);
	__u32 n;

	if (!at || !bt || depth == DEPTH || btf_kind(at) != btf_kind(bt) ||
	    (!is_open && btf__resolve_size(ab, (__u32)ai) != btf__resolve_size(bb, (__u32)bi)))
		return false;
	if (btf_is_array(at))
		return btf_array(at)->nelems == btf_array(bt)->nelems &&
		       says_same(ab, (int)btf_array(at)->type, bb, (int)btf_array(bt)->type, false,
				 depth + 1);
	if (!btf_is_composite(at))
		return btf_is_int(at) && btf_int_encoding(at) == btf_int_encoding(bt);
	n = btf_vlen(at) < btf_vlen(bt) ? btf_vlen(at) : btf_vlen(bt);
	if (!is_open && btf_vlen(at) != btf_vlen(bt))
		return false;
	for (__u32 i = 0; i < n; i++) {
		const struct btf_member *am = btf_members(at) + i, *bm = btf_members(bt) + i;

		if (am->offset != bm->offset ||
		    !fl_streq(btf__name_by_offset(ab, am->name_off),
			      btf__name_by_offset(bb, bm->name_off)) ||
		    !says_same(ab, (int)am->type, bb, (int)bm->type, false, depth + 1))
			return false;
	}
	return true;
}

bool dp_is_alike(int theirs, int ours, bool is_open)
{
	fl_auto(typed_done) struct typed a = { 0 };
	fl_auto(typed_done) struct typed b = { 0 };

	return typed_get(theirs, &a) && typed_get(ours, &b) && a.info.type == b.info.type &&
	       a.info.key_size == b.info.key_size &&
	       says_same(a.btf, (int)a.info.btf_key_type_id, b.btf, (int)b.info.btf_key_type_id,
			 false, 0) &&
	       says_same(a.btf, (int)a.info.btf_value_type_id, b.btf, (int)b.info.btf_value_type_id,
			 is_open, 0);
}
