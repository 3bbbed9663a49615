/* SPDX-License-Identifier: Apache-2.0 */
/* A folder in which listening sockets are handed on, and one who hands his on. */
#ifndef ORCH_TEST_NET_HAND_H
#define ORCH_TEST_NET_HAND_H
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_hand.h"
#include "support/text_assert.h"

#define NAME "listen-intake"
#define LISTEN "127.0.0.1:8080"

static char folder[64];

static inline int make_folder(void **state)
{
	(void)state;
	(void)alarm(110);
	(void)snprintf(folder, sizeof(folder), "/tmp/orch-hand-XXXXXX");
	assert_non_null(mkdtemp(folder));
	return 0;
}

static inline const char *path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* What a test leaves behind it does not know of. */
static inline int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static inline int listen_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static inline uint16_t port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

/* One that serves, on a lane of its own. */
struct elder {
	struct orch_lane *lane;
	struct orch_http_hand *hand;
};

static inline void elder_make(struct elder *elder, const char *in, const char *name)
{
	struct orch_err err = { "" };

	assert_int_equal(orch_lane_create("elder", &elder->lane, &err), ORCH_OK);
	if (orch_http_hand_create(elder->lane, in, name, &elder->hand, &err) != ORCH_OK)
		fail_msg("%s", err.text);
}

static inline void elder_run(struct elder *elder)
{
	struct orch_err err = { "" };

	assert_int_equal(orch_lane_start(elder->lane, &err), ORCH_OK);
}

static inline void elder_start(struct elder *elder, int fd)
{
	elder_make(elder, folder, NAME);
	orch_http_hand_offer(elder->hand, LISTEN, fd);
	elder_run(elder);
}

static inline void elder_stop(struct elder *elder)
{
	orch_lane_stop(elder->lane);
	orch_http_hand_destroy(elder->hand);
	orch_lane_destroy(elder->lane);
}

static inline struct orch_http_sockets *fetch_from(const char *in, const char *name)
{
	struct orch_http_sockets *sockets;
	struct orch_err err = { "" };

	assert_int_equal(orch_http_sockets_fetch(in, name, &sockets, &err), ORCH_OK);
	return sockets;
}

static inline struct orch_http_sockets *fetch(void)
{
	return fetch_from(folder, NAME);
}

/* What is handed on there is a socket of PORT. */
static inline void expect_port(uint16_t port)
{
	struct orch_http_sockets *sockets = fetch();
	int fd = orch_http_sockets_take(sockets, LISTEN);

	assert_true(fd >= 0);
	assert_int_equal(port_of(fd), port);
	(void)close(fd);
	orch_http_sockets_destroy(sockets);
}

#endif
