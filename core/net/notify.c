/* SPDX-License-Identifier: Apache-2.0 */
#include "net/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

/* A path, or an abstract name that is written with '@' for its NUL. */
static bool make_address(const char *path, struct sockaddr_un *ret_address, socklen_t *ret_len)
{
	size_t len = strlen(path);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	*ret_address = address;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

void orch_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t len;
	int fd;

	if (!path || !make_address(path, &address, &len))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len);
	close(fd);
}

void orch_notify_reloading(void)
{
	char state[64];

	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		orch_clock_mono_ns() / 1000);
	orch_notify(state);
}

static bool read_number(const char *name, uint64_t *ret_number)
{
	const char *text = getenv(name);

	return text &&
		orch_text_to_uint(orch_text_from(text), 1, UINT64_MAX, ret_number) == ORCH_OK;
}

uint64_t orch_notify_watchdog_ms(void)
{
	uint64_t usec, pid;

	if (!read_number("WATCHDOG_USEC", &usec))
		return 0;
	/* The variables are inherited: they may be meant for our parent. */
	if (getenv("WATCHDOG_PID") &&
		(!read_number("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
		return 0;
	return usec < 2000 ? 1 : usec / 2000;
}
