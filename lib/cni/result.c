// SPDX-License-Identifier: Apache-2.0
/* The result's arrays: growing and freeing. */
#include "cni/result.h"

#include <errno.h>

void fl_cni_result_done(struct fl_cni_result *res)
{
	fl_free_p(&res->ifaces);
	fl_free_p(&res->ips);
	fl_free_p(&res->routes);
	*res = (struct fl_cni_result){ 0 };
}

/* array with room for one element more than n; NULL when out of memory, array is then intact. */
static void *grow(void *array, size_t n, size_t size, struct fl_err *err)
{
	void *bigger;

	if (n > 0 && (n & (n - 1)))
		return array; /* room for the next power of two is there already */
	bigger = reallocarray(array, n ? 2 * n : 1, size);
	if (!bigger)
		fl_fail_errno(err, ENOMEM, "grow a result");
	return bigger;
}

int fl_cni_result_add_iface(struct fl_cni_result *res, struct fl_cni_iface **out,
			    struct fl_err *err)
{
	struct fl_cni_iface *all = grow(res->ifaces, res->n_ifaces, sizeof(*all), err);

	if (!all)
		return -ENOMEM;
	res->ifaces = all;
	*out = &all[res->n_ifaces++];
	**out = (struct fl_cni_iface){ 0 };
	return 0;
}

int fl_cni_result_add_ip(struct fl_cni_result *res, struct fl_cni_ip **out, struct fl_err *err)
{
	struct fl_cni_ip *all = grow(res->ips, res->n_ips, sizeof(*all), err);

	if (!all)
		return -ENOMEM;
	res->ips = all;
	*out = &all[res->n_ips++];
	**out = (struct fl_cni_ip){ .interface = -1 };
	return 0;
}

int fl_cni_result_add_route(struct fl_cni_result *res, struct fl_cni_route **out,
			    struct fl_err *err)
{
	struct fl_cni_route *all = grow(res->routes, res->n_routes, sizeof(*all), err);

	if (!all)
		return -ENOMEM;
	res->routes = all;
	*out = &all[res->n_routes++];
	**out = (struct fl_cni_route){ 0 };
	return 0;
}
