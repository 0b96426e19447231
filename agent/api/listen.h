// SPDX-License-Identifier: Apache-2.0
/* The sockets that the API listens on. Descriptors are nonblocking and the caller's. */
#pragma once

#include "base/ip.h"

#include <sys/stat.h>

/* Connections that the kernel keeps until they are taken. */
#define API_BACKLOG 64

/*
 * "192.0.2.1:9464" or "[2001:db8::1]:9464"; the port is 1 to 65535. An address, no name: the agent
 * waits for no resolver. -EINVAL.
 */
fl_must int api_listen_parse(const char *text, struct fl_ip *ip, uint16_t *port,
			     struct fl_err *err);

/* Listens on that address. -EADDRINUSE, -EADDRNOTAVAIL. */
fl_must int api_listen_tcp(const char *text, int *fd, struct fl_err *err);

/*
 * Listens on a unix socket with mode 0600; missing parents are made with mode 0755. What a dead
 * agent has left is replaced. -EADDRINUSE: an agent lives there; -EEXIST: the path belongs to
 * something that is no socket; -ENAMETOOLONG: above 107 bytes. *as: what was made, so that
 * api_listen_remove() can know it.
 */
fl_must int api_listen_unix(const char *path, int *fd, struct stat *as, struct fl_err *err);

/* Removes the socket's name, unless the path is by now another's. */
void api_listen_remove(const char *path, const struct stat *as);
