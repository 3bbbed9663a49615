/* SPDX-License-Identifier: Apache-2.0 */
/* The service on a house's configuration: here, or in a process of its own with its log in a file. */
#ifndef ORCH_TEST_PIPELINE_CHILD_H
#define ORCH_TEST_PIPELINE_CHILD_H
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "pipeline/service.h"
#include "support/http_peer.h"
#include "unit/pipeline/house.h"

#define PATIENCE_MS 30000

static inline int run_here(struct house *h)
{
	const struct orch_service_options options = { .file = h->file,
		.stages = { true, true, true } };

	return orch_service_run(&options);
}

struct child {
	pid_t pid;
	char log[96];
};

/* Its log goes to FD. */
static inline void start_child_with(struct house *h, struct child *child, int fd)
{
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		(void)dup2(fd, STDERR_FILENO);
		_exit(run_here(h));
	}
}

static inline void start_child(struct house *h, struct child *child)
{
	int fd;

	(void)snprintf(child->log, sizeof(child->log), "%s/log", h->dir);
	fd = open(child->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	start_child_with(h, child, fd);
	(void)close(fd);
}

/* How often WORDS stand in the log. */
static inline unsigned count_in_log(struct house *h, const struct child *child, const char *words)
{
	struct orch_text text;
	struct orch_err err;
	unsigned count = 0;

	if (orch_file_read(child->log, 1 << 20, h->arena, &text, &err) != ORCH_OK)
		return 0;
	for (const char *at = text.ptr; (at = strstr(at, words)) != NULL; at++)
		count++;
	return count;
}

static inline void await_log(
	struct house *h, const struct child *child, const char *words, unsigned count)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	uint64_t until = orch_clock_mono_ms() + PATIENCE_MS;

	while (count_in_log(h, child, words) < count) {
		if (orch_clock_mono_ms() > until)
			fail_msg("\"%s\" did not come", words);
		(void)nanosleep(&moment, NULL);
	}
}

static inline int await_end(const struct child *child)
{
	int status;

	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A free port that the service may take: both say SO_REUSEADDR, and ours never listens. */
static inline uint16_t reserve_port(int *ret_fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);
	int yes = 1;

	*ret_fd = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(*ret_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_int_equal(bind(*ret_fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.sin_port);
}

static inline void post(uint16_t port, const char *body)
{
	int fd = peer_connect(port);
	struct reply reply = { .status = 0 };
	char request[512];

	(void)snprintf(request, sizeof(request),
		"POST /in HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
		"%zu\r\n\r\n%s",
		strlen(body), body);
	assert_true(peer_say(fd, request));
	peer_read(fd, &reply);
	assert_int_equal(reply.status, 200);
	reply_fini(&reply);
	(void)close(fd);
}

#endif
