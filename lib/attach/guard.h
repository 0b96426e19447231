// SPDX-License-Identifier: Apache-2.0
/*
 * Putting a pod under the agent's datapath: its host interface joins the blocks before it is up, so
 * that not one packet passes unseen; the agent is told, and has answered before ADD returns.
 * Without a datapath on the host, or with "agent": "none", nothing is done.
 */
#pragma once

#include "attach/attach.h"
#include "attach/check.h"

/*
 * Joins, for a pair that has been made and is down, and tells the agent, which works meanwhile and
 * while the pod is set up: fl_guard_wait(). Pods without addresses (layer 2) do not.
 * -EAGAIN with FL_CNI_TRY_LATER: there is a datapath, but somebody took its link away.
 */
fl_must int fl_guard_join(struct fl_attach *a, struct fl_err *err);

/*
 * Waits until policy is in force for the pod, as the agent says. One that is away is no error: the
 * pod is shut until it comes back. With "agent": "required" it is: -EAGAIN with FL_CNI_TRY_LATER.
 */
fl_must int fl_guard_wait(struct fl_attach *a, struct fl_err *err);

/*
 * For CHECK: where there is a datapath, an attachment that wants it is in its blocks; k->port has
 * been read. What differs has FL_CNI_DRIFT.
 */
fl_must int fl_guard_check(const struct fl_check *k, const struct fl_attach_conf *conf,
			   struct fl_err *err);

/*
 * For ADD and STATUS: fails with FL_CNI_TRY_LATER, or FL_CNI_UNAVAILABLE, when the agent is
 * required and does not answer.
 */
fl_must int fl_guard_check_agent(const struct fl_cni_req *req, const struct fl_attach_conf *conf,
				 struct fl_err *err);

/*
 * For STATUS: fails with FL_CNI_LIMITED while the agent says that there is no more room in the
 * datapath, so that pods' new connections, new pods or new policies are refused.
 */
fl_must int fl_guard_check_room(const struct fl_cni_req *req, const struct fl_attach_conf *conf,
				struct fl_err *err);
