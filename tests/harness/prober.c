// SPDX-License-Identifier: Apache-2.0
/*
 * Asks many questions at once of the kind "does a packet from here reach that place, and does the
 * answer come back", with each end in a network namespace of its own. One process is all ends, so
 * that nothing has to be guessed from silence: it knows of each packet whether it was sent, whether
 * it arrived, and whether the answer did. No packet is sent twice.
 *
 * Commands come on standard input, and each is answered by one line:
 *
 *	end NETNS ADDRESS		"N": the number of this end, from 0; the sockets are open
 *	ask ROUND COUNT PATIENCE_MS	and COUNT lines "FROM TO PROTOCOL PORT WANTED": sends one
 *					packet for each, and ends when all that are WANTED (1) are
 *					through, or after PATIENCE_MS without any progress. One
 *					hexadecimal digit for each: 1 arrived, 2 answered, 4 left
 *					open, 8 came twice, from elsewhere or could not be sent
 *	again				the digits, after all that has come meanwhile
 *	open FROM TO PORT PATIENCE_MS	a real TCP connection: its number, or "no"
 *	talk NUMBER PATIENCE_MS		"yes" when eight bytes went through it and came back, or
 *"no" close NUMBER			"closed"
 *
 * TCP: a SYN, which the kernel of the other end answers: with a connection on ports 80 and 81,
 * which is reset at once, and with a reset on others. UDP and SCTP are answered here, SCTP by an
 * INIT ACK, so that no kernel needs to know it; ICMP echo by the kernel. Every other question of a
 * round uses a source port that has not been used before, the rest always the same one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/prober/prober.h"

enum {
	AT_ONCE = 64, /* questions under way; many more would overrun a processor's backlog */
	FILES_MAX = 65536,
};

static struct prober prober = { .own_netns = -1, .poller = -1 };

void pr_die(const char *what)
{
	fprintf(stderr, "prober: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void refuse(const char *what)
{
	errno = EINVAL;
	pr_die(what);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void print_states(struct prober *p)
{
	while (pr_hear(p, 0))
		;
	for (unsigned int i = 0; i < p->n_questions; i++)
		putchar("0123456789abcdef"[p->questions[i].state & 15]);
	putchar('\n');
}

static uint8_t read_protocol(const char *text)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} known[] = {
		{ "tcp", IPPROTO_TCP },
		{ "udp", IPPROTO_UDP },
		{ "sctp", PR_PROTO_SCTP },
		{ "icmp", IPPROTO_ICMP },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i].name, text) == 0)
			return known[i].proto;
	refuse(text);
	return 0;
}

static void read_question(const struct prober *p, struct pr_question *q)
{
	unsigned int wanted;
	char proto[8];

	*q = (struct pr_question){ 0 };
	if (scanf("%" SCNu16 " %" SCNu16 " %7s %" SCNu16 " %u", &q->from, &q->to, proto, &q->port,
		  &wanted) != 5 ||
	    q->from >= p->n_ends || q->to >= p->n_ends)
		refuse("question");
	q->proto = read_protocol(proto);
	q->wanted = wanted;
}

/* Until all of it that is wanted is through; false: nothing has come for patience_ms. */
static bool wait_for_missing(struct prober *p, int patience_ms)
{
	unsigned int before = p->n_missing;
	int64_t since = now_ms();

	while (p->n_missing) {
		(void)pr_hear(p, 10);
		if (p->n_missing != before) {
			before = p->n_missing;
			since = now_ms();
		}
		if (now_ms() - since > patience_ms)
			return false;
	}
	return true;
}

static void ask(struct prober *p, unsigned int number, unsigned int count, int patience_ms)
{
	bool patient = true;

	if (count > PR_QUESTIONS_MAX)
		refuse("too many questions");
	p->round = (uint16_t)number;
	p->n_questions = count;
	p->n_missing = 0;
	for (unsigned int i = 0; i < count; i++)
		read_question(p, &p->questions[i]);
	for (unsigned int i = 0; i < count; i++) {
		p->n_missing += p->questions[i].wanted;
		pr_send(p, &p->questions[i]);
		if (i % AT_ONCE == AT_ONCE - 1)
			patient = patient && wait_for_missing(p, patience_ms);
	}
	if (patient)
		(void)wait_for_missing(p, patience_ms);
	print_states(p);
}

/* True once the connection has come about; false: it was refused, or that took too long. */
static bool wait_for_stream(struct prober *p, int fd, int64_t until_ms)
{
	struct sockaddr_storage peer;
	socklen_t len;
	int error;

	while (now_ms() < until_ms) {
		(void)pr_hear(p, 5);
		len = sizeof(error);
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
			return false;
		len = sizeof(peer);
		if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
			return true;
	}
	return false;
}

static void open_stream(struct prober *p, const unsigned int ends[2], unsigned int port,
			int patience_ms)
{
	struct pr_end *from, *to;
	struct sockaddr_storage dst;
	int fd;

	if (ends[0] >= p->n_ends || ends[1] >= p->n_ends || p->n_streams == PR_STREAMS_MAX)
		refuse("open");
	from = p->ends[ends[0]];
	to = p->ends[ends[1]];
	dst = to->addr;
	pr_set_port(&dst, (uint16_t)port);
	pr_enter(p, from->netns);
	fd = socket(dst.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	pr_enter(p, NULL);
	if (fd < 0 || bind(fd, (struct sockaddr *)&from->addr, from->len) < 0)
		pr_die("open");
	if (connect(fd, (struct sockaddr *)&dst, to->len) < 0 && errno != EINPROGRESS)
		pr_die("connect");
	if (!wait_for_stream(p, fd, now_ms() + patience_ms)) {
		close(fd);
		puts("no");
		return;
	}
	p->streams[p->n_streams] = fd;
	printf("%u\n", p->n_streams++);
}

static void talk(struct prober *p, unsigned int number, int patience_ms)
{
	static uint64_t count;
	int64_t until = now_ms() + patience_ms;
	uint64_t heard = 0;

	if (number >= p->n_streams)
		refuse("talk");
	count++;
	if (send(p->streams[number], &count, sizeof(count), MSG_NOSIGNAL) == sizeof(count))
		while (heard != count && now_ms() < until) {
			(void)pr_hear(p, 5);
			if (recv(p->streams[number], &heard, sizeof(heard), 0) == 0)
				break;
		}
	puts(heard == count ? "yes" : "no");
}

static void close_stream(struct prober *p, unsigned int number)
{
	if (number >= p->n_streams || close(p->streams[number]) < 0)
		refuse("close");
	puts("closed");
}

static void obey(struct prober *p, const char *word)
{
	char netns[256], address[64];
	unsigned int a, b, ends[2];
	int patience_ms;

	if (strcmp(word, "end") == 0 && scanf("%255s %63s", netns, address) == 2) {
		pr_end_add(p, netns, address);
		printf("%u\n", p->n_ends - 1);
	} else if (strcmp(word, "ask") == 0 && scanf("%u %u %d", &a, &b, &patience_ms) == 3) {
		ask(p, a, b, patience_ms);
	} else if (strcmp(word, "again") == 0) {
		print_states(p);
	} else if (strcmp(word, "open") == 0 &&
		   scanf("%u %u %u %d", &ends[0], &ends[1], &b, &patience_ms) == 4) {
		open_stream(p, ends, b, patience_ms);
	} else if (strcmp(word, "talk") == 0 && scanf("%u %d", &a, &patience_ms) == 2) {
		talk(p, a, patience_ms);
	} else if (strcmp(word, "close") == 0 && scanf("%u", &a) == 1) {
		close_stream(p, a);
	} else {
		refuse(word);
	}
	(void)fflush(stdout);
}

int main(void)
{
	struct rlimit files = { FILES_MAX, FILES_MAX };
	char word[16];

	(void)setrlimit(RLIMIT_NOFILE, &files);
	prober.own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	prober.poller = epoll_create1(EPOLL_CLOEXEC);
	if (prober.own_netns < 0 || prober.poller < 0)
		pr_die("start");
	while (scanf("%15s", word) == 1)
		obey(&prober, word);
	return 0;
}
