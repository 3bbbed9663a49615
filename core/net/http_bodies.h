/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many bytes all bodies under way may have together, whichever lane and
 * listener they are of.  Safe from any thread.
 *
 * A body of a declared length is let in whole when its head has come, or told
 * 503 before a byte of it is read: who is in is never thrown out because of
 * those who come later, and nobody waits for anybody.  A chunked body is let
 * in as it grows, since nobody knows how long it will be.  What every
 * connection may hold in any case is not counted: a small body is never
 * refused, however many others announce large ones and do not send them.
 */
#ifndef ORCH_HTTP_BODIES_H
#define ORCH_HTTP_BODIES_H
#include <orch/abi.h>
#include "base/check.h"

#define ORCH_HTTP_BODY_FREE_BYTES ((uint64_t)16 * 1024) /* so long a body is not counted */

struct orch_http_bodies;

struct orch_http_bodies *orch_http_bodies_create(uint64_t limit); /* NULL: no memory */
/* After the last exchange; accepts NULL. */
void orch_http_bodies_destroy(struct orch_http_bodies *bodies);
/* For what comes from now on. */
void orch_http_bodies_set_limit(struct orch_http_bodies *bodies, uint64_t limit);

/* Makes *HELD, which is 0 at first, as much as a body of LEN bytes needs.  False: there is no room. */
bool orch_http_bodies_hold(struct orch_http_bodies *bodies, uint64_t len, uint64_t *held);
void orch_http_bodies_let_go(struct orch_http_bodies *bodies, uint64_t *held);

#endif
