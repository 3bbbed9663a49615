/* SPDX-License-Identifier: Apache-2.0 */
#include "net/bell.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"

static void on_ring(evutil_socket_t fd, short what, void *arg)
{
	const struct orch_bell *bell = arg;
	uint64_t count;

	(void)what;
	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	bell->heard(bell->arg);
}

int orch_bell_init(struct orch_bell *bell, struct orch_lane *lane, void (*heard)(void *arg),
	void *arg, struct orch_err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return orch_fail(err, ORCH_E_AGAIN, "eventfd: %s", orch_errno_text(errno));
	*bell = (struct orch_bell){ .fd = fd, .heard = heard, .arg = arg };
	bell->event = event_new(orch_lane_base(lane), fd, EV_READ | EV_PERSIST, on_ring, bell);
	if (bell->event && event_add(bell->event, NULL) == 0)
		return ORCH_OK;
	if (bell->event)
		event_free(bell->event);
	(void)close(fd);
	bell->event = NULL;
	return orch_fail(err, ORCH_E_NOMEM, "out of memory");
}

void orch_bell_fini(struct orch_bell *bell)
{
	if (!bell->event)
		return;
	event_free(bell->event);
	(void)close(bell->fd);
	bell->event = NULL;
}

void orch_bell_ring(const struct orch_bell *bell)
{
	const uint64_t one = 1;
	ssize_t written;

	/* A full counter has rung already. */
	do {
		written = write(bell->fd, &one, sizeof(one));
	} while (written < 0 && errno == EINTR);
}
