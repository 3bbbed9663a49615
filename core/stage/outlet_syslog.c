/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "stage/outlet.h"

bool orch_outlet_syslog_init(struct orch_outlet_syslog *log, const char *path)
{
	int len = snprintf(log->path, sizeof(log->path), "%s", path);

	log->fd = -1;
	return len > 0 && (size_t)len < sizeof(log->path);
}

void orch_outlet_syslog_close(struct orch_outlet_syslog *log)
{
	if (log->fd >= 0)
		(void)close(log->fd);
	log->fd = -1;
}

static bool open_socket(struct orch_outlet_syslog *log)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int error;

	if (log->fd >= 0)
		return true;
	log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (log->fd < 0)
		return false;
	memcpy(address.sun_path, log->path, sizeof(address.sun_path));
	if (connect(log->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	error = errno;
	orch_outlet_syslog_close(log);
	errno = error;
	return false;
}

/* "<13>Nov 28 03:04:05 orchestrator[17]: ", as syslog(3) has it. */
static struct orch_text write_head(char *head, size_t size)
{
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	time_t now = (time_t)(orch_clock_now_ms() / 1000);
	struct tm tm;
	int len;

	if (localtime_r(&now, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	len = snprintf(head, size,
		"<%d>%s %2d %02d:%02d:%02d orchestrator[%ld]: ", LOG_USER | LOG_NOTICE,
		months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long)getpid());
	return (struct orch_text){ head, len < 0 || (size_t)len >= size ? 0 : (size_t)len };
}

/* 0, or the error. */
static int send_line(struct orch_outlet_syslog *log, struct orch_text line)
{
	char head[96];
	struct orch_text start = write_head(head, sizeof(head));
	union {
		const char *in;
		void *out;
	} bytes = { .in = line.ptr }; /* sendmsg() does not write to what iov_base points at */
	struct iovec pieces[] = { { head, start.len }, { bytes.out, line.len } };
	const struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };

	if (!open_socket(log))
		return errno;
	while (sendmsg(log->fd, &message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

int orch_outlet_syslog_write(
	struct orch_outlet_syslog *log, struct orch_text line, struct orch_err *err)
{
	int error = send_line(log, line);

	/* He may have gone and come back, with a new socket of the old name. */
	if (error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET) {
		orch_outlet_syslog_close(log);
		error = send_line(log, line);
	}
	if (error == 0)
		return ORCH_OK;
	return orch_fail(err, error == EMSGSIZE ? ORCH_E_LIMIT : ORCH_E_AGAIN, "%s: %s", log->path,
		orch_errno_text(error));
}
