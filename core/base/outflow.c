/* SPDX-License-Identifier: Apache-2.0 */
#include "base/outflow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

#define PIPE_BYTES (1024 * 1024) /* what an unprivileged process may ask for */

/* Another opening of what is behind FD, so that not waiting is our own affair. */
static int open_anew(int fd)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void orch_outflow_open(struct orch_outflow *flow, int fd)
{
	struct stat found;
	int own;

	flow->fd = fd;
	flow->kind = ORCH_OUTFLOW_PLAIN;
	flow->is_own = false;
	flow->lost = 0;
	flow->begin = flow->len = 0;
	if (fstat(fd, &found) != 0 || S_ISREG(found.st_mode))
		return;
	if (S_ISSOCK(found.st_mode)) {
		flow->kind = ORCH_OUTFLOW_SOCKET;
		return;
	}
	own = open_anew(fd);
	flow->is_own = own >= 0;
	flow->fd = own >= 0 ? own : fd;
	flow->kind = own >= 0 ? ORCH_OUTFLOW_PLAIN : ORCH_OUTFLOW_ASK;
	/* A line longer than the pipe would never go out as one. */
	(void)fcntl(flow->fd, F_SETPIPE_SZ, PIPE_BYTES);
}

void orch_outflow_close(struct orch_outflow *flow)
{
	if (flow->is_own)
		(void)close(flow->fd);
	flow->is_own = false;
	flow->fd = -1;
	flow->begin = flow->len = 0;
}

/* False: it would wait, or there is a failure that the write will tell. */
static bool takes_bytes(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	return poll(&ready, 1, 0) != 0;
}

/* As write(), but it does not wait: -1 and EAGAIN. */
static ssize_t write_some(const struct orch_outflow *flow, const char *bytes, size_t len)
{
	if (flow->kind == ORCH_OUTFLOW_SOCKET)
		return send(flow->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (flow->kind == ORCH_OUTFLOW_ASK) {
		if (!takes_bytes(flow->fd)) {
			errno = EAGAIN;
			return -1;
		}
		len = len < PIPE_BUF ? len : PIPE_BUF;
	}
	return write(flow->fd, bytes, len);
}

/* How many bytes went out; fewer than LEN: errno says why. */
static size_t write_most(const struct orch_outflow *flow, const char *bytes, size_t len)
{
	size_t written = 0;

	while (written < len) {
		ssize_t done = write_some(flow, bytes + written, len - written);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			break;
		written += (size_t)done;
	}
	return written;
}

static bool would_wait(int error)
{
	return error == EAGAIN || error == ENOBUFS;
}

static uint64_t count_lines(const char *bytes, size_t len)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += bytes[i] == '\n';
	return lines;
}

void orch_outflow_drain(struct orch_outflow *flow)
{
	size_t written;

	if (flow->len == 0)
		return;
	written = write_most(flow, flow->kept + flow->begin, flow->len);
	flow->begin += written;
	flow->len -= written;
	if (flow->len == 0 || would_wait(errno))
		return;
	flow->lost += count_lines(flow->kept + flow->begin, flow->len);
	flow->begin = flow->len = 0;
}

static bool keep(struct orch_outflow *flow, const char *bytes, size_t len)
{
	if (len > ORCH_OUTFLOW_KEPT_BYTES - flow->len)
		return false;
	if (len > ORCH_OUTFLOW_KEPT_BYTES - flow->begin - flow->len) {
		memmove(flow->kept, flow->kept + flow->begin, flow->len);
		flow->begin = 0;
	}
	memcpy(flow->kept + flow->begin + flow->len, bytes, len);
	flow->len += len;
	return true;
}

void orch_outflow_put(struct orch_outflow *flow, struct orch_text line)
{
	size_t written = 0;

	orch_outflow_drain(flow);
	errno = EAGAIN;
	if (flow->len == 0)
		written = write_most(flow, line.ptr, line.len);
	if (written == line.len)
		return;
	if (!would_wait(errno) || !keep(flow, line.ptr + written, line.len - written))
		flow->lost++;
}

int orch_outflow_write(struct orch_outflow *flow, struct orch_text line, struct orch_err *err)
{
	size_t written;

	orch_outflow_drain(flow);
	if (flow->len > 0)
		return orch_fail(err, ORCH_E_AGAIN, "nobody reads it");
	written = write_most(flow, line.ptr, line.len);
	if (written == line.len)
		return ORCH_OK;
	(void)orch_fail(err, ORCH_E_AGAIN, "%s",
		would_wait(errno) ? "nobody reads it" : orch_errno_text(errno));
	if (written > 0 && !keep(flow, line.ptr + written, line.len - written))
		(void)keep(flow, "\n", 1);
	return ORCH_E_AGAIN;
}

void orch_outflow_finish(struct orch_outflow *flow, uint64_t within_ms)
{
	uint64_t until = orch_clock_mono_ms() + within_ms, now;

	orch_outflow_drain(flow);
	while (flow->len > 0 && (now = orch_clock_mono_ms()) < until) {
		struct pollfd ready = { .fd = flow->fd, .events = POLLOUT };

		(void)poll(&ready, 1, (int)(until - now));
		orch_outflow_drain(flow);
	}
}
