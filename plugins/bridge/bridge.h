// SPDX-License-Identifier: Apache-2.0
/*
 * The bridge plugin: pods on a Linux bridge. Its verbs stand in a file each; they share the
 * configuration (conf.h), the device (device.h) and the functions below.
 */
#pragma once

#include "cni/plugin.h"
#include "net/nl.h"
#include "plugins/bridge/conf.h"
#include "state/endpoint.h"

extern const struct fl_cni_plugin br_plugin;

/* The alias of a host interface of ours is BR_ALIAS "NETWORK/CONTAINER/IFNAME". */
#define BR_ALIAS "fairlead/"

/* The verbs, as struct fl_cni_plugin has them. */
int br_add(const struct fl_cni_req *req, struct fl_json **result, struct fl_err *err);
int br_del(const struct fl_cni_req *req, struct fl_err *err);
int br_check(const struct fl_cni_req *req, struct fl_err *err);
int br_gc(const struct fl_cni_req *req, struct fl_err *err);

/*
 * Removes the firewall state of an endpoint: its masquerade elements and its pinned port. nl is
 * opened if it is NULL and there is something to remove; the caller closes it.
 */
fl_must int br_remove_firewall(const struct fl_endpoint *ep, struct fl_nl **nl, struct fl_err *err);

/* Masquerades every recorded endpoint of the network again, after somebody flushed the rules. */
fl_must int br_restore_masquerade(const struct fl_cni_req *req, struct fl_nl *nl,
				  struct fl_err *err);

/* The same for the pinned MAC address of every recorded endpoint that has one. */
fl_must int br_restore_pins(const struct fl_cni_req *req, struct fl_nl *nl, struct fl_err *err);

/*
 * DEL of an attachment that the reference plugin made, as when the binaries were exchanged on
 * a live host: deletes the interface in the pod if it is the one that prevResult describes, by
 * name and MAC address. Anything else is left alone.
 */
fl_must int br_del_foreign(const struct fl_cni_req *req, struct fl_err *err);

/* The container's interface in a result, or -1. */
int br_find_container(const struct fl_cni_req *req, const struct fl_cni_result *res);

/* 0, or -EAGAIN when the configuration requires the agent and it does not answer. */
fl_must int br_check_agent(const struct fl_cni_req *req, const struct br_conf *conf,
			   struct fl_err *err);
