/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets that go from one process to the next, so that a restart
 * refuses nobody: whoever is about to take over asks the one that serves for its
 * sockets, and both accept from them until the elder drains.  What waits in
 * their backlog is the younger one's.
 */
#ifndef ORCH_HTTP_HAND_H
#define ORCH_HTTP_HAND_H
#include <stdatomic.h>
#include <orch/abi.h>
#include "base/check.h"
#include "net/lane.h"

#define ORCH_HTTP_HAND_SOCKETS 128 /* at most */

/* What was handed to us. */
struct orch_http_sockets;
/* *RET_SOCKETS is NULL if nobody of this user serves in FOLDER under that NAME. */
ORCH_MUST_USE int orch_http_sockets_fetch(const char *folder, const char *name,
	struct orch_http_sockets **ret_sockets, struct orch_err *err);
/* One that listens on LISTEN, the caller's from now on; -1: none is left.  SOCKETS may be NULL. */
int orch_http_sockets_take(struct orch_http_sockets *sockets, const char *listen);
void orch_http_sockets_destroy(
	struct orch_http_sockets *sockets); /* closes what is left; accepts NULL */

/* Who serves in FOLDER under that NAME from now on; the one before has no name any more. */
struct orch_http_hand;
ORCH_MUST_USE int orch_http_hand_create(struct orch_lane *lane, const char *folder,
	const char *name, struct orch_http_hand **ret_hand, struct orch_err *err);
/* Before the lane turns.  FD is lent until destroy; what is too much is left out. */
void orch_http_hand_offer(struct orch_http_hand *hand, const char *listen, int fd);
/* Now and then, on the lane: whoever took the name may have died, then it is ours again. */
void orch_http_hand_tend(struct orch_http_hand *hand); /* accepts NULL */
/* Somebody has them: connections may go to him. */
bool orch_http_hand_was_taken(const struct orch_http_hand *hand); /* from any thread */
void orch_http_hand_destroy(struct orch_http_hand *hand);         /* accepts NULL */

#endif
