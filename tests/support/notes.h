/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's side of sd_notify: a socket at an abstract name of its own. */
#ifndef ORCH_TEST_NOTES_H
#define ORCH_TEST_NOTES_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Sets NOTIFY_SOCKET. */
static inline int listen_for_notes(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[64];
	socklen_t len;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(name, sizeof(name), "@orchestrator-notify-test-%d", (int)getpid());
	memcpy(address.sun_path, name, strlen(name));
	address.sun_path[0] = '\0';
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

#endif
