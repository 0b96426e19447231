// SPDX-License-Identifier: Apache-2.0
/* PID 1. */
#include "runtime/init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/text.h"
#include "runtime/process.h"

int berth_step_send(int sock, enum berth_step step, struct fl_err *err)
{
	char c = (char)step;

	if (send(sock, &c, 1, MSG_NOSIGNAL) != 1)
		return fl_fail_errno(err, errno, "send step '%c'", c);
	return 0;
}

int berth_step_recv(int sock, enum berth_step want, struct fl_err *err)
{
	union {
		char step;
		struct fl_err err;
	} msg = { .step = 0 };
	ssize_t n;

	do
		n = recv(sock, &msg, sizeof(msg), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return fl_fail_errno(err, errno, "receive step '%c'", want);
	if (n <= 0)
		return 0;
	if (n == 1 && msg.step == (char)want)
		return 1;
	if (n != sizeof(msg.err) || msg.err.sys <= 0)
		return fl_fail(err, EPROTO, "receive step '%c': something else came", want);
	*err = msg.err;
	return -err->sys;
}

static int lo_up(struct fl_err *err)
{
	fl_auto_close int fd = -1;
	struct ifreq req = { .ifr_name = "lo" };

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fl_fail_errno(err, errno, "open a socket");
	if (ioctl(fd, SIOCGIFFLAGS, &req) < 0)
		return fl_fail_errno(err, errno, "read the flags of 'lo'");
	req.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		return fl_fail_errno(err, errno, "set 'lo' up");
	return 0;
}

static int set_stdio(int log_fd, struct fl_err *err)
{
	fl_auto_close int null = -1;

	if (log_fd < 0) {
		/* Out of the terminal's foreground: its signals are for the command. */
		(void)setpgid(0, 0);
		return 0;
	}
	(void)setsid();
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0)
		return fl_fail_errno(err, errno, "open '/dev/null'");
	if (dup2(null, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
		return fl_fail_errno(err, errno, "set stdin, stdout and stderr");
	return 0;
}

/* Nothing of berth's stays open, least of all its locks; *sock becomes 3. */
static int close_rest(int *sock, struct fl_err *err)
{
	if (*sock != 3 && dup3(*sock, 3, O_CLOEXEC) < 0)
		return fl_fail_errno(err, errno, "move a socket");
	*sock = 3;
	if (close_range(4, ~0u, 0) < 0)
		return fl_fail_errno(err, errno, "close descriptors");
	return 0;
}

static int set_up(const struct berth_inside *in, struct fl_err *err)
{
	int r;

	r = berth_rootfs_enter(&in->rootfs, err);
	if (r < 0)
		return r;
	if (sethostname(in->hostname, strlen(in->hostname)) < 0)
		return fl_fail_errno(err, errno, "set the host name '%s'", in->hostname);
	return lo_up(err);
}

static _Noreturn void fail(int sock, const struct fl_err *err)
{
	(void)send(sock, err, sizeof(*err), MSG_NOSIGNAL);
	_exit(125);
}

static _Noreturn void supervise(pid_t command)
{
	sigset_t all;
	int status;
	pid_t pid;

	sigfillset(&all);
	for (;;) {
		int sig = sigwaitinfo(&all, NULL);

		if (sig > 0 && sig != SIGCHLD && sig != SIGTTOU && sig != SIGTTIN)
			(void)kill(command, sig);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == command)
				_exit(berth_exit_status(status));
	}
}

_Noreturn void berth_init(const struct berth_inside *in, int sock)
{
	struct fl_err err = { 0 };
	sigset_t all;
	pid_t pid;
	int r;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	r = set_stdio(in->log_fd, &err)
		    ?: close_rest(&sock, &err)
		    ?: set_up(in, &err)
		    ?: berth_step_send(sock, BERTH_READY, &err);
	if (r < 0)
		fail(sock, &err);
	r = berth_step_recv(sock, BERTH_GO, &err);
	if (r <= 0)
		_exit(125); /* berth is gone */
	pid = fork();
	if (pid < 0) {
		(void)fl_fail_errno(&err, errno, "start the command");
		fail(sock, &err);
	}
	if (pid == 0) {
		(void)berth_become(in->argv, in->env, &err);
		(void)send(sock, &err, sizeof(err), MSG_NOSIGNAL);
		_exit(err.code ? err.code : 125);
	}
	fl_close_p(&sock);
	supervise(pid);
}
