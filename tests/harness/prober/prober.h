// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the prober share (tests/harness/prober.c): ends, questions, sockets. Whatever
 * cannot go on is the end of the program.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
	PR_ENDS_MAX = 512,
	PR_QUESTIONS_MAX = 65535,
	PR_SERVERS_MAX = 64, /* UDP ports of an end */
	PR_STREAMS_MAX = 64,
};

/* What became of a question. OPEN: a connection that came about has not been reset yet. */
enum { PR_ARRIVED = 1, PR_ANSWERED = 2, PR_OPEN = 4, PR_ODD = 8 };

enum { PR_PROTO_SCTP = 132 };

enum pr_kind { PR_TCP, PR_SCTP, PR_ICMP, PR_CLIENT, PR_SERVER, PR_LISTENER, PR_ECHO };

/* A socket that is listened to. */
struct pr_ear {
	int fd;
	enum pr_kind kind;
	struct pr_end *end; /* NULL: of TCP connections */
	uint16_t port;
};

/* An address in a network namespace. */
struct pr_end {
	char netns[256];
	struct sockaddr_storage addr;
	socklen_t len;
	bool v6;
	struct pr_ear tcp, sctp, icmp; /* raw */
	struct pr_ear client[2];       /* UDP, of the port that stays and of a fresh one */
	struct pr_ear server[PR_SERVERS_MAX];
	unsigned int n_servers;
};

struct pr_question {
	uint16_t from, to, port;
	uint8_t proto; /* IPPROTO_ICMP for both families */
	bool wanted;   /* it should get through */
	uint8_t state; /* PR_ARRIVED, ... */
};

struct prober {
	int own_netns, poller;
	struct pr_end *ends[PR_ENDS_MAX];
	unsigned int n_ends;
	uint16_t round; /* of the questions; a nonce is this and the question's number */
	struct pr_question questions[PR_QUESTIONS_MAX];
	unsigned int n_questions;
	unsigned int n_missing;	      /* sent and wanted, but not through yet */
	ino_t listening[PR_ENDS_MAX]; /* namespaces that have listeners */
	unsigned int n_listening;
	int streams[PR_STREAMS_MAX];
	unsigned int n_streams;
};

/* Says what and errno, and ends the program. */
void pr_die(const char *what) __attribute__((noreturn));

/* --- ends.c --- */

/* A new end; its sockets are open, and TCP ports 80 and 81 of its namespace. */
void pr_end_add(struct prober *p, const char *netns, const char *address);

/* The end's namespace becomes the process's; NULL: its own. */
void pr_enter(const struct prober *p, const char *netns);

/* This port, host order, in a socket address of either family. */
void pr_set_port(struct sockaddr_storage *addr, uint16_t port);

/* Makes the end hear UDP packets to this port. */
void pr_need_server(const struct prober *p, struct pr_end *end, uint16_t port);

/* The end's UDP socket with this source port; a fresh one takes the place of the one before. */
int pr_need_client(const struct prober *p, struct pr_end *end, bool fresh, uint16_t port);

/* From now on hear() is called when there is something. */
void pr_listen(const struct prober *p, struct pr_ear *ear);

/* --- packets.c: each writes to a buffer of PR_PACKET_MAX bytes and gives the length --- */

enum { PR_PACKET_MAX = 64 };

/* An INIT (vtag 0) or an INIT ACK; ports in network order. */
struct pr_sctp {
	uint16_t sport_be, dport_be;
	uint32_t vtag, tag;
};

/* A SYN. */
size_t pr_make_syn(const struct pr_end *from, const struct pr_end *to, const uint16_t ports[2],
		   uint32_t seq, void *out);

/* An INIT or INIT ACK. */
size_t pr_make_sctp(const struct pr_sctp *s, void *out);

/* What has been heard; false: neither. */
bool pr_read_sctp(const void *packet, size_t len, struct pr_sctp *out, bool *is_init);

/* An echo request that carries the nonce. */
size_t pr_make_echo(bool v6, uint16_t id, uint32_t nonce, void *out);

/* --- hear.c --- */

/* The question's packet is sent. */
void pr_send(struct prober *p, struct pr_question *q);

/* Hears whatever there is, for which it waits so long; false: there was nothing. */
bool pr_hear(struct prober *p, int wait_ms);

/* True when the packet and its answer have come, and no connection is left over. */
bool pr_is_through(const struct pr_question *q);
