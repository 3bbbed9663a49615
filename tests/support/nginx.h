/* SPDX-License-Identifier: Apache-2.0 */
/* Debian's nginx as a child process, for tests that want a server which we have not written. */
#ifndef ORCH_TEST_NGINX_H
#define ORCH_TEST_NGINX_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NGINX_PORTS 2

struct nginx {
	pid_t pid;
	char dir[64];               /* its folder; what lies in it is removed at the end */
	uint16_t port[NGINX_PORTS]; /* free ones, for "listen 127.0.0.1:PORT reuseport" */
	int held[NGINX_PORTS];
};

/* Makes the folder and finds the ports. */
void nginx_init(struct nginx *nginx);
/* HTTP is the inside of nginx's block "http".  Waits until every port is listened on. */
void nginx_start(struct nginx *nginx, const char *http);
void nginx_stop(struct nginx *nginx);

#endif
