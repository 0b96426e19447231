// SPDX-License-Identifier: Apache-2.0
/*
 * The end of BIRD. "persist" is there for accidents: a BIRD that is not wanted any more is first
 * given a configuration without sessions and without it, so that it takes its routes out of the
 * kernel. One that has died already is started once more for that.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/bgp/supervise.h"
#include "base/file.h"
#include "base/text.h"

enum { END_MS = 3000, SOCKET_TRY_MS = 10 };

/* The kernel's protocols have the names that they have had: what changes is what they want. */
static const char farewell[] = "router id 192.0.2.1;\n"
			       "protocol device {\n}\n"
			       "protocol kernel kernel4 {\n\tipv4 { import none; export all; };\n"
			       "\tmetric 32;\n\tscan time 1;\n}\n"
			       "protocol kernel kernel6 {\n\tipv6 { import none; export all; };\n"
			       "\tmetric 32;\n\tscan time 1;\n}\n";

/* Connects to one that has just been started, as soon as it listens; not when it ends. */
static int connect_soon(const struct bgp_dir *dir, const struct bgp_process *process,
			const struct fl_deadline *d, struct bgp_ctl *ctl, struct fl_err *err)
{
	struct pollfd end = { .fd = process->fd, .events = POLLIN };
	pid_t pid;
	int r;

	do
		r = bgp_ctl_open(dir->ctl, ctl, &pid, err);
	while (r < 0 && fl_deadline_left(d) > 0 && poll(&end, 1, SOCKET_TRY_MS) == 0);
	return r;
}

/* Finds the one that runs, or starts one; one that cannot be spoken to is ended first. */
static int reach(const char *program, const struct bgp_dir *dir, int dirfd,
		 const struct fl_deadline *d, struct bgp_ctl *ctl, struct bgp_process *process,
		 struct fl_err *err)
{
	bgp_auto_process struct bgp_process mute = BGP_PROCESS_NONE;
	pid_t pid = -1;
	int r;

	r = bgp_ctl_open(dir->ctl, ctl, &pid, err);
	if (r == 0)
		return bgp_process_adopt(pid, process, err);
	if (r != -ENOENT && r != -ECONNREFUSED)
		return r;
	if (bgp_process_find(program, dir, dirfd, &mute)) {
		bgp_process_kill(&mute);
		bgp_process_finish(&mute, d);
	}
	r = bgp_process_start(program, dir, "bird.end", false, process, err);
	return r ?: connect_soon(dir, process, d, ctl, err);
}

static int say_farewell(struct bgp_ctl *ctl, const struct bgp_dir *dir, const struct fl_deadline *d,
			struct fl_err *err)
{
	char command[BGP_PATH + 64];
	char *answer = NULL;
	int r;

	(void)snprintf(command, sizeof(command), "configure \"%s/bird.end\"", dir->path);
	r = bgp_ctl_ask(ctl, NULL, d, &answer, err);
	fl_free_p(&answer);
	r = r ?: bgp_ctl_ask(ctl, command, d, &answer, err);
	fl_free_p(&answer);
	r = r ?: bgp_ctl_ask(ctl, "down", d, &answer, err);
	fl_free_p(&answer);
	return r;
}

int bgp_end(const char *program, const struct bgp_dir *dir, int dirfd, struct fl_err *err)
{
	static const char *const files[] = {
		"bird.conf", "bird.conf.new", "bird.end", "bird.ctl",
		"bird.pid",  "bird.err",      "bird.log", "bird.log.1"
	};
	const struct fl_deadline d = fl_deadline_in(END_MS);
	bgp_auto_process struct bgp_process process = BGP_PROCESS_NONE;
	bgp_auto_ctl struct bgp_ctl ctl = BGP_CTL_NONE;
	int r;

	r = fl_replace_file(dirfd, "bird.end", farewell, strlen(farewell), 0600, err);
	r = r ?: reach(program, dir, dirfd, &d, &ctl, &process, err);
	r = r ?: say_farewell(&ctl, dir, &d, err);
	bgp_process_finish(&process, &d);
	if (r < 0)
		return fl_wrap(err, r, "end bird and remove its routes");
	for (size_t i = 0; i < FL_ARRAY_LEN(files); i++)
		FL_IGNORE(unlinkat(dirfd, files[i], 0));
	return 0;
}

int bgp_retire(const struct agent_config *conf, const char *root, struct fl_err *err)
{
	fl_auto_close int dirfd = -1;
	char program[BGP_PATH];
	struct bgp_dir dir;
	int r;

	r = bgp_dir_name(root, &dir, err);
	if (r < 0)
		return r;
	dirfd = open(dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || faccessat(dirfd, "bird.conf", F_OK, 0) < 0)
		return errno == ENOENT ? 0
				       : fl_fail_errno(err, errno, "look for what bird has left");
	r = bgp_program_find(conf->bgp.bird, program, err);
	return r ?: bgp_end(program, &dir, dirfd, err);
}
